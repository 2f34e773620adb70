import Causality
import RecordStore

/// Small numbers for replicas, local to one database: metadata names a replica in one byte instead of eight.
final class ReplicaTable {
  private var replicas: [ReplicaID] = []
  private var indexes: [ReplicaID: Int] = [:]
  private var last: (node: UInt32, incarnation: UInt32, index: Int)?
  private let path: String
  private let load: SQLiteStatement
  private let insert: SQLiteStatement

  init(_ connection: SQLiteConnection) {
    path = connection.path
    load = SQLiteStatement(connection, "SELECT idx, node, incarnation FROM sync_replica WHERE idx >= ? ORDER BY idx")
    insert = SQLiteStatement(connection, "INSERT INTO sync_replica (idx, node, incarnation) VALUES (?, ?, ?)")
  }

  var count: Int { replicas.count }

  /// The number of a replica; gives it one if it has none. Inside a transaction that may write.
  func index(of replica: ReplicaID) throws(StoreError) -> Int {
    // Most records are written by whoever wrote the last one; by raw values, without hashing.
    if let last, last.node == replica.node.rawValue, last.incarnation == replica.incarnation { return last.index }
    if let index = indexes[replica] {
      last = (replica.node.rawValue, replica.incarnation, index)
      return index
    }
    try loadNew()
    if let index = indexes[replica] { return index }
    let index = replicas.count
    insert.bind(index, at: 1)
    insert.bind(replica.node.rawValue, at: 2)
    insert.bind(replica.incarnation, at: 3)
    try insert.run()
    note(replica)
    return index
  }

  /// The same without a look into the database, of a number that this connection has met.
  func known(at index: UInt64) -> ReplicaID? {
    index < UInt64(replicas.count) ? replicas[Int(index)] : nil
  }

  func replica(at index: UInt64) throws(StoreError) -> ReplicaID {
    if index < UInt64(replicas.count) { return replicas[Int(index)] }
    // A reader meets numbers that the writer gave since.
    try loadNew()
    guard index < UInt64(replicas.count) else {
      throw .corrupt(path, "a record names replica \(index), expected one of the \(replicas.count) in sync_replica")
    }
    return replicas[Int(index)]
  }

  /// Forgets the numbers that were given in a transaction that has been undone.
  func truncate(to count: Int) {
    last = nil
    while replicas.count > count { indexes[replicas.removeLast()] = nil }
  }

  private func loadNew() throws(StoreError) {
    load.bind(replicas.count, at: 1)
    try load.forEach { row throws(StoreError) in
      guard try row.integer(0) == replicas.count else {
        throw .corrupt(path, "sync_replica: expected number \(replicas.count), found a gap")
      }
      note(
        ReplicaID(
          node: NodeNumber(try row.integer(1, as: UInt32.self)), incarnation: try row.integer(2, as: UInt32.self)))
    }
  }

  private func note(_ replica: ReplicaID) {
    indexes[replica] = replicas.count
    replicas.append(replica)
  }
}
