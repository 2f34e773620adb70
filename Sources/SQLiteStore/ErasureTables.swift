import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// What HQ has erased, and which stores have shown that they have nothing of it any more.
final class ErasureTables {
  private let list: SQLiteStatement
  private let findOne: SQLiteStatement
  private let save: SQLiteStatement
  private let listConfirmations: SQLiteStatement
  private let saveConfirmation: SQLiteStatement
  private let removeConfirmation: SQLiteStatement
  private let listUnconfirmed: SQLiteStatement

  init(_ connection: SQLiteConnection) {
    func statement(_ sql: String) -> SQLiteStatement { SQLiteStatement(connection, sql) }
    let all = "entity, id, reason, requested_at, last_at, cleaned_at, lifted_at, found_at"
    list = statement("SELECT \(all) FROM sync_erased ORDER BY entity, id")
    findOne = statement("SELECT \(all) FROM sync_erased WHERE entity = ? AND id = ?")
    save = statement("INSERT OR REPLACE INTO sync_erased (\(all)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    let confirmation = "node, at, incarnation, remark, voucher"
    listConfirmations = statement(
      "SELECT \(confirmation) FROM sync_erased_node WHERE entity = ? AND id = ? ORDER BY node")
    saveConfirmation = statement(
      "INSERT OR REPLACE INTO sync_erased_node (entity, id, \(confirmation)) VALUES (?, ?, ?, ?, ?, ?, ?)")
    removeConfirmation = statement("DELETE FROM sync_erased_node WHERE entity = ? AND id = ? AND node = ?")
    listUnconfirmed = statement(
      """
      SELECT erased.entity, erased.id FROM sync_erased AS erased LEFT JOIN sync_erased_node AS found
        ON found.entity = erased.entity AND found.id = erased.id AND found.node = ?1
      WHERE erased.lifted_at IS NULL
        AND (found.node IS NULL OR found.incarnation <> ?2 OR found.voucher IS NOT NULL)
      ORDER BY erased.entity, erased.id LIMIT ?3
      """)
  }

  func all() throws(StoreError) -> [Erasure] { try list.all { row throws(StoreError) in try read(row) } }

  func find(_ key: RecordKey) throws(StoreError) -> Erasure? {
    findOne.bind(key)
    return try findOne.first { row throws(StoreError) in try read(row) }
  }

  func put(_ erasure: Erasure) throws(StoreError) {
    save.bind(erasure.key)
    save.bind(erasure.reason, at: 3)
    save.bind(erasure.requestedAt.milliseconds, at: 4)
    save.bind(erasure.lastAt.milliseconds, at: 5)
    save.bind(optional: erasure.cleanedAt?.milliseconds, at: 6)
    save.bind(optional: erasure.liftedAt?.milliseconds, at: 7)
    save.bind(optional: erasure.foundAt.map { Int64($0.rawValue) }, at: 8)
    try save.run()
  }

  func confirmations(of key: RecordKey) throws(StoreError) -> [ErasureConfirmation] {
    listConfirmations.bind(key)
    return try listConfirmations.all { row throws(StoreError) in
      ErasureConfirmation(
        node: NodeNumber(try row.integer(0, as: UInt32.self)), at: WallTime(milliseconds: try row.integer(1)),
        incarnation: try row.integer(2, as: UInt32.self), remark: try row.text(3),
        voucher: row.isNull(4) ? nil : try row.text(4))
    }
  }

  func put(_ confirmation: ErasureConfirmation, of key: RecordKey) throws(StoreError) {
    saveConfirmation.bind(key)
    saveConfirmation.bind(confirmation.node.rawValue, at: 3)
    saveConfirmation.bind(confirmation.at.milliseconds, at: 4)
    saveConfirmation.bind(confirmation.incarnation, at: 5)
    saveConfirmation.bind(confirmation.remark, at: 6)
    if let voucher = confirmation.voucher {
      saveConfirmation.bind(voucher, at: 7)
    } else {
      saveConfirmation.bindNull(at: 7)
    }
    try saveConfirmation.run()
  }

  func unconfirmed(by node: NodeNumber, incarnation: UInt32, limit: Int) throws(StoreError) -> [RecordKey] {
    listUnconfirmed.bind(node.rawValue, at: 1)
    listUnconfirmed.bind(incarnation, at: 2)
    listUnconfirmed.bind(limit, at: 3)
    return try listUnconfirmed.all { row throws(StoreError) in
      RecordKey(entity: EntityTag(try row.integer(0, as: UInt16.self)), id: RecordID(try row.bytes(1)))
    }
  }

  func removeConfirmation(of key: RecordKey, by node: NodeNumber) throws(StoreError) {
    removeConfirmation.bind(key)
    removeConfirmation.bind(node.rawValue, at: 3)
    try removeConfirmation.run()
  }

  private func read(_ row: SQLiteStatement) throws(StoreError) -> Erasure {
    let key = RecordKey(entity: EntityTag(try row.integer(0, as: UInt16.self)), id: RecordID(try row.bytes(1)))
    var erasure = Erasure(
      key: key, reason: try row.text(2), requestedAt: WallTime(milliseconds: try row.integer(3)),
      foundAt: row.isNull(7) ? nil : NodeNumber(try row.integer(7, as: UInt32.self)))
    erasure.lastAt = WallTime(milliseconds: try row.integer(4))
    erasure.cleanedAt = row.isNull(5) ? nil : WallTime(milliseconds: try row.integer(5))
    erasure.liftedAt = row.isNull(6) ? nil : WallTime(milliseconds: try row.integer(6))
    return erasure
  }
}

extension SQLiteStatement {
  /// A record's entity and id, in the first two places.
  fileprivate func bind(_ key: RecordKey) {
    bind(key.entity.rawValue, at: 1)
    bind(key.id.bytes, at: 2)
  }

  fileprivate func bind(optional number: Int64?, at index: Int) {
    if let number { bind(number, at: index) } else { bindNull(at: index) }
  }
}
