import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// What is left of purged records, all of one document in one row: a stub each, and the digest that the record had; and what they
/// add to balances.
///
/// A row and an index entry for each stub would take more room than the records did.
final class PurgedTables {
  /// A purged record.
  struct Item {
    var stored: StoredRecord
    var digest: [UInt8]
  }

  private let path: String
  private let replicas: ReplicaTable
  private let putDocument: SQLiteStatement
  private let findDocument: SQLiteStatement
  private let listDocuments: SQLiteStatement
  private let deleteDocument: SQLiteStatement
  private let putRows: SQLiteStatement
  private let findRows: SQLiteStatement
  private let deleteRows: SQLiteStatement
  private let highestRow: SQLiteStatement
  private let loadSum: SQLiteStatement
  private let putSum: SQLiteStatement
  private let listSums: SQLiteStatement
  private let anyDocument: SQLiteStatement
  private var isKnownToBeEmpty = false

  init(_ connection: SQLiteConnection, _ replicas: ReplicaTable) {
    path = connection.path
    self.replicas = replicas
    func statement(_ sql: String) -> SQLiteStatement { SQLiteStatement(connection, sql) }
    putDocument = statement("INSERT OR REPLACE INTO sync_purged (document, records) VALUES (?, ?)")
    findDocument = statement("SELECT records FROM sync_purged WHERE document = ?")
    listDocuments = statement(
      "SELECT document, records FROM sync_purged WHERE document >= ? ORDER BY document LIMIT ?")
    deleteDocument = statement("DELETE FROM sync_purged WHERE document = ?")
    putRows = statement("INSERT OR REPLACE INTO sync_purged_row (entity, \"row\", count, document) VALUES (?, ?, ?, ?)")
    findRows = statement(
      """
      SELECT "row", count, document FROM sync_purged_row WHERE entity = ? AND "row" <= ? ORDER BY "row" DESC LIMIT 1
      """)
    deleteRows = statement("DELETE FROM sync_purged_row WHERE entity = ? AND \"row\" = ?")
    highestRow = statement(
      "SELECT \"row\" + count - 1 FROM sync_purged_row WHERE entity = ? ORDER BY \"row\" DESC LIMIT 1")
    loadSum = statement("SELECT sum FROM sync_purged_balance WHERE name = ? AND keys = ?")
    putSum = statement("INSERT OR REPLACE INTO sync_purged_balance (name, keys, sum) VALUES (?, ?, ?)")
    anyDocument = statement("SELECT 1 FROM sync_purged LIMIT 1")
    listSums = statement("SELECT keys, sum FROM sync_purged_balance WHERE name = ? AND sum <> 0 ORDER BY keys")
  }

  // MARK: Records

  func isEmpty() throws(StoreError) -> Bool {
    if isKnownToBeEmpty { return true }
    isKnownToBeEmpty = try anyDocument.first { _ throws(StoreError) in true } == nil
    return isKnownToBeEmpty
  }

  /// A transaction was undone.
  func forgetEmptiness() { isKnownToBeEmpty = false }

  func find(_ key: RecordKey) throws(StoreError) -> Item? {
    try items(of: key.id.document).first { $0.stored.key == key }
  }

  func read(_ ref: RecordRef) throws(StoreError) -> Item? {
    guard let range = try range(of: ref), ref.row < range.first + range.count else { return nil }
    return try items(of: range.document).first { $0.stored.ref == ref }
  }

  func add(_ item: Item) throws(StoreError) {
    let document = item.stored.key.id.document
    try put(try items(of: document) + [item], document)
    let ref = item.stored.ref
    // A document's records mostly lie one after the other.
    if let range = try range(of: ref), range.document == document, range.first + range.count == ref.row {
      try putRange(ref.entity, range.first, range.count + 1, document)
    } else {
      try putRange(ref.entity, ref.row, 1, document)
    }
  }

  func remove(_ key: RecordKey) throws(StoreError) -> Item? {
    let document = key.id.document
    let all = try items(of: document)
    guard let item = all.first(where: { $0.stored.key == key }) else { return nil }
    let rest = all.filter { $0.stored.key != key }
    var ranges: Set<Int64> = []
    for other in all where other.stored.ref.entity == key.entity {
      if let range = try range(of: other.stored.ref), range.document == document { ranges.insert(range.first) }
    }
    if rest.isEmpty {
      deleteDocument.bind(document, at: 1)
      try deleteDocument.run()
    } else {
      try put(rest, document)
    }
    for first in ranges.sorted() {
      deleteRows.bind(key.entity.rawValue, at: 1)
      deleteRows.bind(first, at: 2)
      try deleteRows.run()
    }
    for other in rest where other.stored.ref.entity == key.entity {
      try putRange(key.entity, other.stored.ref.row, 1, document)
    }
    return item
  }

  func digests(of entity: EntityTag, after id: RecordID?, limit: Int) throws(StoreError) -> [PurgedDigest] {
    var found: [PurgedDigest] = []
    var start = id?.document ?? []
    while found.count < limit {
      let documents = try documents(from: start)
      for (_, items) in documents {
        found += items.filter { item in item.stored.key.entity == entity && id.map { item.stored.key.id > $0 } ?? true }
          .map { PurgedDigest(id: $0.stored.key.id, digest: $0.digest) }.sorted { $0.id < $1.id }
      }
      guard documents.count == SQLiteLimits.purgedDocuments, let last = documents.last?.document else { break }
      // Nothing lies between a document and the same with a zero behind it.
      start = last + [0]
    }
    return Array(found.prefix(limit))
  }

  func maximumRow(of entity: EntityTag) throws(StoreError) -> Int64 {
    highestRow.bind(entity.rawValue, at: 1)
    return try highestRow.first { row throws(StoreError) in try row.integer(0) } ?? 0
  }

  private func items(of document: [UInt8]) throws(StoreError) -> [Item] {
    findDocument.bind(document, at: 1)
    return try findDocument.first { row throws(StoreError) in try unpack(try row.bytes(0), document) } ?? []
  }

  private func documents(from start: [UInt8]) throws(StoreError) -> [(document: [UInt8], items: [Item])] {
    listDocuments.bind(start, at: 1)
    listDocuments.bind(SQLiteLimits.purgedDocuments, at: 2)
    var last: [UInt8]?
    return try listDocuments.all { row throws(StoreError) in
      let document = try row.bytes(0)
      if let last, !last.lexicographicallyPrecedes(document) {
        throw .corrupt(path, "sync_purged: expected documents that ascend, found others")
      }
      last = document
      return (document, try unpack(try row.bytes(1), document))
    }
  }

  private func put(_ items: [Item], _ document: [UInt8]) throws(StoreError) {
    isKnownToBeEmpty = false
    putDocument.bind(document, at: 1)
    putDocument.bind(try pack(items), at: 2)
    try putDocument.run()
  }

  // MARK: Rows

  private func range(of ref: RecordRef) throws(StoreError) -> (first: Int64, count: Int64, document: [UInt8])? {
    findRows.bind(ref.entity.rawValue, at: 1)
    findRows.bind(ref.row, at: 2)
    return try findRows.first { row throws(StoreError) in
      (first: try row.integer(0), count: try row.integer(1), document: try row.bytes(2))
    }
  }

  private func putRange(
    _ entity: EntityTag, _ first: Int64, _ count: Int64, _ document: [UInt8]
  ) throws(StoreError) {
    putRows.bind(entity.rawValue, at: 1)
    putRows.bind(first, at: 2)
    putRows.bind(count, at: 3)
    putRows.bind(document, at: 4)
    try putRows.run()
  }

  // MARK: Bytes

  private static let sameEntry: UInt8 = 1
  private static let sameState: UInt8 = 2
  private static let nextRow: UInt8 = 4

  /// Each: flags, varint entity, counted rest of the id, row and sequence and counted stub unless the flags say that they
  /// follow from the one before, counted digest.
  private func pack(_ items: [Item]) throws(StoreError) -> [UInt8] {
    var writer = ByteWriter(reserving: 32 * items.count)
    var before: (entity: EntityTag, row: Int64, sequence: Sequence64, state: [UInt8])?
    for item in items {
      let (ref, key) = (item.stored.ref, item.stored.key)
      guard case .stub(let vector) = item.stored.body else {
        throw StoreError(.internalError, "a purged record that is no stub")
      }
      let state = try MetaEncoder.encodeStub(vector, replicas)
      let isNext = before.map { $0.entity == ref.entity && $0.row + 1 == ref.row } ?? false
      let (isSameEntry, isSameState) = (before?.sequence == item.stored.sequence, before?.state == state)
      writer.append(
        byte: (isSameEntry ? Self.sameEntry : 0) | (isSameState ? Self.sameState : 0) | (isNext ? Self.nextRow : 0))
      writer.append(varint: UInt64(ref.entity.rawValue))
      writer.append(counted: key.id.bytes.dropFirst(RecordID.documentByteCount))
      if !isNext { writer.append(signedVarint: ref.row) }
      if !isSameEntry { writer.append(varint: item.stored.sequence) }
      if !isSameState { writer.append(counted: state) }
      writer.append(counted: item.digest)
      before = (ref.entity, ref.row, item.stored.sequence, state)
    }
    return writer.bytes
  }

  private func unpack(_ bytes: [UInt8], _ document: [UInt8]) throws(StoreError) -> [Item] {
    var reader = ByteReader(bytes)
    var items: [Item] = []
    var states: [[UInt8]] = []
    var (row, sequence, state): (Int64, Sequence64, [UInt8]) = (0, 0, [])
    do throws(ByteError) {
      while !reader.isAtEnd {
        let flags = try reader.readByte()
        guard let tag = UInt16(exactly: try reader.readVarint()) else { break }
        let entity = EntityTag(tag)
        let id = RecordID(document + Array(try reader.readCounted()))
        row = flags & Self.nextRow != 0 ? row &+ 1 : try reader.readSignedVarint()
        if flags & Self.sameEntry == 0 { sequence = try reader.readVarint() }
        if flags & Self.sameState == 0 { state = Array(try reader.readCounted()) }
        let digest = Array(try reader.readCounted())
        let key = RecordKey(entity: entity, id: id)
        let stored = StoredRecord(
          ref: RecordRef(entity: entity, row: row), key: key, sequence: sequence, body: .stub(VersionVector()))
        items.append(Item(stored: stored, digest: digest))
        states.append(state)
      }
    } catch {
      throw .corrupt(path, "sync_purged: \(error)")
    }
    guard reader.isAtEnd else { throw .corrupt(path, "sync_purged: expected an entity, found another number") }
    for index in items.indices {
      items[index].stored.body = try MetaDecoder.decode(
        states[index], items[index].stored.key, columns: nil, replicas, path: path)
      guard case .stub = items[index].stored.body else {
        throw .corrupt(path, "sync_purged: expected a stub, found another record")
      }
    }
    return items
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

extension RecordID {
  /// What the ids of one document's records begin with.
  fileprivate var document: [UInt8] { Array(bytes.prefix(Self.documentByteCount)) }
}
