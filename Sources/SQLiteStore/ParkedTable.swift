import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// Groups that could not be applied, and the records that they touch.
final class ParkedTable {
  private let path: String
  private let connection: SQLiteConnection
  private let insert: SQLiteStatement
  private let insertKey: SQLiteStatement
  private let isBlocked: SQLiteStatement
  private let list: SQLiteStatement
  private let listKeys: SQLiteStatement
  private let listSummaries: SQLiteStatement
  private let find: SQLiteStatement
  private let measure: SQLiteStatement
  private let change: SQLiteStatement
  private let removeGroup: SQLiteStatement
  private let removeKeys: SQLiteStatement
  private let anyGroup: SQLiteStatement
  private var isKnownToBeEmpty = false

  init(_ connection: SQLiteConnection) {
    path = connection.path
    self.connection = connection
    func statement(_ sql: String) -> SQLiteStatement { SQLiteStatement(connection, sql) }
    let all = "number, peer, lane, received_at, code, reason, payload"
    insert = statement("INSERT INTO sync_parked (\(all)) VALUES (?, ?, ?, ?, ?, ?, ?)")
    insertKey = statement("INSERT OR IGNORE INTO sync_parked_key (entity, id, number, place) VALUES (?, ?, ?, ?)")
    // CROSS JOIN keeps the order: by the record first, of which few groups are parked.
    isBlocked = statement(
      """
      SELECT 1 FROM sync_parked_key AS touched CROSS JOIN sync_parked AS parked ON parked.number = touched.number
      WHERE touched.entity = ? AND touched.id = ? AND parked.peer = ? LIMIT 1
      """)
    list = statement("SELECT \(all) FROM sync_parked ORDER BY number")
    listSummaries = statement(
      "SELECT number, peer, lane, received_at, code, reason, x'' FROM sync_parked ORDER BY number")
    find = statement("SELECT \(all) FROM sync_parked WHERE number = ?")
    measure = statement("SELECT count(*), coalesce(sum(length(payload)), 0) FROM sync_parked WHERE peer = ?")
    change = statement("UPDATE sync_parked SET code = ?, reason = ? WHERE number = ?")
    removeGroup = statement("DELETE FROM sync_parked WHERE number = ?")
    removeKeys = statement("DELETE FROM sync_parked_key WHERE number = ?")
    anyGroup = statement("SELECT 1 FROM sync_parked LIMIT 1")
    listKeys = statement("SELECT entity, id FROM sync_parked_key WHERE number = ? ORDER BY place")
  }

  func isEmpty() throws(StoreError) -> Bool {
    if isKnownToBeEmpty { return true }
    isKnownToBeEmpty = try anyGroup.first { _ throws(StoreError) in true } == nil
    return isKnownToBeEmpty
  }

  /// A transaction was undone.
  func forgetEmptiness() { isKnownToBeEmpty = false }

  func park(_ group: ParkedGroup) throws(StoreError) {
    isKnownToBeEmpty = false
    if group.number == 0 { insert.bindNull(at: 1) } else { insert.bind(group.number, at: 1) }
    insert.bind(group.peer.rawValue, at: 2)
    insert.bind(group.lane.rawValue, at: 3)
    insert.bind(group.receivedAt.milliseconds, at: 4)
    insert.bind(group.code, at: 5)
    insert.bind(group.reason, at: 6)
    insert.bind(group.payload, at: 7)
    try insert.run()
    try insertKeys(of: group, number: connection.lastInsertedRow)
  }

  private func insertKeys(of group: ParkedGroup, number: Int64) throws(StoreError) {
    for (place, key) in group.keys.enumerated() {
      insertKey.bind(key.entity.rawValue, at: 1)
      insertKey.bind(key.id.bytes, at: 2)
      insertKey.bind(number, at: 3)
      insertKey.bind(place, at: 4)
      try insertKey.run()
    }
  }

  func blocks(_ key: RecordKey, from peer: NodeNumber) throws(StoreError) -> Bool {
    isBlocked.bind(key.entity.rawValue, at: 1)
    isBlocked.bind(key.id.bytes, at: 2)
    isBlocked.bind(peer.rawValue, at: 3)
    return try isBlocked.first { _ throws(StoreError) in true } ?? false
  }

  func groups() throws(StoreError) -> [ParkedGroup] { try list.all { row throws(StoreError) in try read(row) } }

  /// Without the payloads, which may be large.
  func summaries() throws(StoreError) -> [ParkedGroup] {
    try listSummaries.all { row throws(StoreError) in try read(row) }
  }

  func group(_ number: Int64) throws(StoreError) -> ParkedGroup? {
    find.bind(number, at: 1)
    return try find.first { row throws(StoreError) in try read(row) }
  }

  func size(of peer: NodeNumber) throws(StoreError) -> (count: Int, bytes: Int) {
    measure.bind(peer.rawValue, at: 1)
    return try measure.first { row throws(StoreError) in
      (try row.integer(0, as: Int.self), try row.integer(1, as: Int.self))
    } ?? (0, 0)
  }

  func update(_ group: ParkedGroup) throws(StoreError) {
    change.bind(group.code, at: 1)
    change.bind(group.reason, at: 2)
    change.bind(group.number, at: 3)
    try change.run()
    removeKeys.bind(group.number, at: 1)
    try removeKeys.run()
    try insertKeys(of: group, number: group.number)
  }

  func remove(_ number: Int64) throws(StoreError) {
    removeGroup.bind(number, at: 1)
    try removeGroup.run()
    removeKeys.bind(number, at: 1)
    try removeKeys.run()
  }

  private func read(_ row: SQLiteStatement) throws(StoreError) -> ParkedGroup {
    let number = try row.integer(0)
    guard let lane = Lane(rawValue: try row.integer(2, as: UInt8.self)) else {
      throw .corrupt(path, "sync_parked \(number): expected a known lane, found another")
    }
    return ParkedGroup(
      number: number, peer: NodeNumber(try row.integer(1, as: UInt32.self)), lane: lane,
      receivedAt: WallTime(milliseconds: try row.integer(3)), code: try row.text(4), reason: try row.text(5),
      keys: try keys(of: number), payload: try row.bytes(6))
  }

  private func keys(of number: Int64) throws(StoreError) -> [RecordKey] {
    listKeys.bind(number, at: 1)
    return try listKeys.all { row throws(StoreError) in
      RecordKey(entity: EntityTag(try row.integer(0, as: UInt16.self)), id: RecordID(try row.bytes(1)))
    }
  }
}
