import Base
import Merge
import RecordStore
import StoreModel

/// What is left of purged records beside their stubs: the digest of each, and what they add to balances.
final class PurgedTables {
  private let path: String
  private let put: SQLiteStatement
  private let find: SQLiteStatement
  private let listAfter: SQLiteStatement
  private let delete: SQLiteStatement
  private let loadSum: SQLiteStatement
  private let putSum: SQLiteStatement
  private let listSums: SQLiteStatement

  init(_ connection: SQLiteConnection) {
    path = connection.path
    func statement(_ sql: String) -> SQLiteStatement { SQLiteStatement(connection, sql) }
    put = statement("INSERT OR REPLACE INTO sync_purged (entity, id, digest) VALUES (?, ?, ?)")
    find = statement("SELECT digest FROM sync_purged WHERE entity = ? AND id = ?")
    listAfter = statement("SELECT id, digest FROM sync_purged WHERE entity = ? AND id > ? ORDER BY id LIMIT ?")
    delete = statement("DELETE FROM sync_purged WHERE entity = ? AND id = ?")
    loadSum = statement("SELECT sum FROM sync_purged_balance WHERE name = ? AND keys = ?")
    putSum = statement("INSERT OR REPLACE INTO sync_purged_balance (name, keys, sum) VALUES (?, ?, ?)")
    listSums = statement("SELECT keys, sum FROM sync_purged_balance WHERE name = ? AND sum <> 0 ORDER BY keys")
  }

  // MARK: Records

  func add(_ key: RecordKey, _ digest: [UInt8]) throws(StoreError) {
    put.bind(key.entity.rawValue, at: 1)
    put.bind(key.id.bytes, at: 2)
    put.bind(digest, at: 3)
    try put.run()
  }

  func digest(of key: RecordKey) throws(StoreError) -> [UInt8]? {
    find.bind(key.entity.rawValue, at: 1)
    find.bind(key.id.bytes, at: 2)
    return try find.first { row throws(StoreError) in try row.bytes(0) }
  }

  func digests(of entity: EntityTag, after id: RecordID?, limit: Int) throws(StoreError) -> [PurgedDigest] {
    listAfter.bind(entity.rawValue, at: 1)
    listAfter.bind(id?.bytes ?? [], at: 2)
    listAfter.bind(limit, at: 3)
    var last = id
    return try listAfter.all { row throws(StoreError) in
      let item = PurgedDigest(id: RecordID(try row.bytes(0)), digest: try row.bytes(1))
      if let last, item.id <= last { throw .corrupt(path, "sync_purged: expected ids that ascend, found others") }
      last = item.id
      return item
    }
  }

  func remove(_ key: RecordKey) throws(StoreError) {
    delete.bind(key.entity.rawValue, at: 1)
    delete.bind(key.id.bytes, at: 2)
    try delete.run()
  }

  // MARK: Balances

  func add(_ difference: Int64, to name: String, _ keys: [Value]) throws(StoreError) {
    let packed = Self.pack(keys)
    loadSum.bind(name, at: 1)
    loadSum.bind(packed, at: 2)
    let sum = try loadSum.first { row throws(StoreError) in try row.integer(0) } ?? 0
    putSum.bind(name, at: 1)
    putSum.bind(packed, at: 2)
    putSum.bind(sum.addingSaturating(difference), at: 3)
    try putSum.run()
  }

  func balances(_ name: String) throws(StoreError) -> [Balance] {
    listSums.bind(name, at: 1)
    return try listSums.all { row throws(StoreError) in
      guard let keys = Self.unpack(try row.bytes(0)) else {
        throw .corrupt(path, "sync_purged_balance: expected the keys of “\(name)”, found other bytes")
      }
      return Balance(keys: keys, sum: try row.integer(1))
    }
  }

  /// Each: byte of the value's kind, the value.
  private static func pack(_ keys: [Value]) -> [UInt8] {
    var writer = ByteWriter()
    for key in keys {
      writer.append(byte: key.metaKind)
      switch key {
      case .null: break
      case .integer(let number): writer.append(signedVarint: number)
      case .text(let text): writer.append(counted: text.utf8)
      case .bytes(let bytes): writer.append(counted: bytes)
      }
    }
    return writer.bytes
  }

  private static func unpack(_ bytes: [UInt8]) -> [Value]? {
    var reader = ByteReader(bytes)
    var keys: [Value] = []
    do throws(ByteError) {
      while !reader.isAtEnd {
        switch try reader.readByte() {
        case MetaItem.null: keys.append(.null)
        case MetaItem.integer: keys.append(.integer(try reader.readSignedVarint()))
        case MetaItem.text:
          guard let text = String(validating: try reader.readCounted(), as: UTF8.self) else { return nil }
          keys.append(.text(text))
        case MetaItem.bytes: keys.append(.bytes(Array(try reader.readCounted())))
        default: return nil
        }
      }
    } catch {
      return nil
    }
    return keys
  }
}
