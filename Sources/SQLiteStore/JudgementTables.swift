import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// What people have decided about conflict cases, and what is not applied between this node and its peers.
final class JudgementTables {
  private let path: String
  private let addSettlement: SQLiteStatement
  private let listSettlements: SQLiteStatement
  private let saveException: SQLiteStatement
  private let removeOne: SQLiteStatement
  private let listExceptions: SQLiteStatement
  private let listAllExceptions: SQLiteStatement
  private let removeAllOfCase: SQLiteStatement

  init(_ connection: SQLiteConnection) {
    path = connection.path
    func statement(_ sql: String) -> SQLiteStatement { SQLiteStatement(connection, sql) }
    addSettlement = statement(
      "INSERT INTO sync_settlement (case_number, choice, note, at, time, node, incarnation) VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    listSettlements = statement(
      """
      SELECT case_number, choice, note, at, time, node, incarnation FROM sync_settlement
      WHERE case_number = ? ORDER BY number
      """)
    let all = "number, peer, side, at, outcome, code, reason, sequence, time, node, incarnation, keys"
    saveException = statement(
      "INSERT OR REPLACE INTO sync_exception (\(all)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
    removeOne = statement("DELETE FROM sync_exception WHERE number = ?")
    listExceptions = statement("SELECT \(all) FROM sync_exception WHERE peer = ? ORDER BY number")
    listAllExceptions = statement("SELECT \(all) FROM sync_exception ORDER BY number")
    removeAllOfCase = statement("DELETE FROM sync_settlement WHERE case_number = ?")
  }

  // MARK: Settlements

  func add(_ settlement: Settlement) throws(StoreError) {
    addSettlement.bind(settlement.caseNumber, at: 1)
    addSettlement.bind(settlement.choice, at: 2)
    if let note = settlement.note { addSettlement.bind(note, at: 3) } else { addSettlement.bindNull(at: 3) }
    addSettlement.bind(settlement.at.milliseconds, at: 4)
    addSettlement.bind(settlement.stamp, from: 5)
    try addSettlement.run()
  }

  func settlements(of caseNumber: Int64) throws(StoreError) -> [Settlement] {
    listSettlements.bind(caseNumber, at: 1)
    return try listSettlements.all { row throws(StoreError) in
      Settlement(
        caseNumber: try row.integer(0), choice: try row.text(1), note: row.isNull(2) ? nil : try row.text(2),
        at: WallTime(milliseconds: try row.integer(3)), stamp: try row.stamp(4))
    }
  }

  func removeSettlements(of caseNumber: Int64) throws(StoreError) {
    removeAllOfCase.bind(caseNumber, at: 1)
    try removeAllOfCase.run()
  }

  // MARK: Exceptions

  func put(_ exception: PeerException) throws(StoreError) {
    if exception.number == 0 { saveException.bindNull(at: 1) } else { saveException.bind(exception.number, at: 1) }
    saveException.bind(exception.peer.rawValue, at: 2)
    saveException.bind(exception.side.rawValue, at: 3)
    saveException.bind(exception.notedAt.milliseconds, at: 4)
    saveException.bind(exception.outcome, at: 5)
    saveException.bind(exception.code, at: 6)
    saveException.bind(exception.reason, at: 7)
    saveException.bind(exception.sequence, at: 8)
    saveException.bind(exception.stamp, from: 9)
    saveException.bind(Self.pack(exception.keys), at: 12)
    try saveException.run()
  }

  func removeException(_ number: Int64) throws(StoreError) {
    removeOne.bind(number, at: 1)
    try removeOne.run()
  }

  func exceptions(of peer: NodeNumber) throws(StoreError) -> [PeerException] {
    listExceptions.bind(peer.rawValue, at: 1)
    return try listExceptions.all { row throws(StoreError) in try exception(row) }
  }

  func exceptions() throws(StoreError) -> [PeerException] {
    try listAllExceptions.all { row throws(StoreError) in try exception(row) }
  }

  private func exception(_ row: SQLiteStatement) throws(StoreError) -> PeerException {
    let number = try row.integer(0)
    guard let side = PeerException.Side(rawValue: try row.integer(2, as: UInt8.self)),
      let keys = Self.unpack(try row.bytes(11))
    else { throw .corrupt(path, "sync_exception \(number): expected an exception, found other contents") }
    return PeerException(
      number: number, peer: NodeNumber(try row.integer(1, as: UInt32.self)), side: side,
      notedAt: WallTime(milliseconds: try row.integer(3)), outcome: try row.text(4), code: try row.text(5),
      reason: try row.text(6), sequence: try row.bits(7), stamp: try row.stamp(8), keys: keys)
  }

  /// Each: varint entity, counted id.
  private static func pack(_ keys: [RecordKey]) -> [UInt8] {
    var writer = ByteWriter()
    for key in keys {
      writer.append(varint: UInt64(key.entity.rawValue))
      writer.append(counted: key.id.bytes)
    }
    return writer.bytes
  }

  private static func unpack(_ bytes: [UInt8]) -> [RecordKey]? {
    var reader = ByteReader(bytes)
    var keys: [RecordKey] = []
    do throws(ByteError) {
      while !reader.isAtEnd {
        guard let entity = UInt16(exactly: try reader.readVarint()) else { return nil }
        keys.append(RecordKey(entity: EntityTag(entity), id: RecordID(Array(try reader.readCounted()))))
      }
      return keys
    } catch {
      return nil
    }
  }
}

extension SQLiteStatement {
  /// A stamp in three columns, all NULL if there is none.
  fileprivate func bind(_ stamp: Stamp?, from index: Int) {
    guard let stamp else {
      for index in index..<index + 3 { bindNull(at: index) }
      return
    }
    bind(stamp.time.rawValue, at: index)
    bind(stamp.replica.node.rawValue, at: index + 1)
    bind(stamp.replica.incarnation, at: index + 2)
  }

  fileprivate func stamp(_ column: Int) throws(StoreError) -> Stamp? {
    guard !isNull(column) else { return nil }
    let replica = ReplicaID(
      node: NodeNumber(try integer(column + 1, as: UInt32.self)),
      incarnation: try integer(column + 2, as: UInt32.self))
    return Stamp(time: HybridTimestamp(rawValue: try bits(column)), replica: replica)
  }
}
