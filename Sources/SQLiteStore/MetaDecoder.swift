import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// Reads what `MetaEncoder` wrote. Anything else is an error, never a guess: a record whose stamps are wrong would
/// spread to the whole chain.
struct MetaDecoder {
  private var reader: ByteReader
  private let replicas: ReplicaTable
  private var entries: [VersionVector.Entry] = []
  private var defaultStamp: Stamp?

  private init(_ bytes: [UInt8], _ replicas: ReplicaTable) {
    reader = ByteReader(bytes)
    self.replicas = replicas
  }

  /// Why bytes are none that the encoder writes.
  enum Failure: Error {
    case bytes(ByteError)
    case store(StoreError)
  }

  /// - Parameter path: the database, for errors.
  static func decode(
    _ bytes: [UInt8], _ key: RecordKey, columns: RowColumns?, _ replicas: ReplicaTable, path: String
  ) throws(StoreError) -> StoredRecord.Body {
    var decoder = MetaDecoder(bytes, replicas)
    do throws(Failure) {
      let body = try decoder.readBody(key, columns)
      guard decoder.reader.isAtEnd else { throw decoder.failure("expected the end, found more bytes") }
      return body
    } catch {
      switch error {
      case .bytes(let error): throw .corrupt(path, "metadata of record \(key), \(error)")
      case .store(let error): throw error
      }
    }
  }

  private mutating func readBody(_ key: RecordKey, _ columns: RowColumns?) throws(Failure) -> StoredRecord.Body {
    let form = MetaForm(rawValue: try byte())
    switch (form, columns) {
    case (.once?, let columns?):
      let stamp = Stamp(replica: try readReplica(), time: try readTime())
      guard stamp.time > .zero else { throw failure("expected a time, found zero") }
      defaultStamp = stamp
      var fields: [FieldState] = []
      fields.reserveCapacity(columns.fields.count)
      for index in columns.fields.indices { try appendColumn(index, columns, to: &fields) }
      return .held(RecordState(entity: key.entity, id: key.id, vector: VersionVector(stamp), fields: fields))
    case (.general?, let columns?), (.generalWithUnknownFields?, let columns?):
      return .held(try readState(key, columns))
    case (.whole?, nil):
      return .held(try readState(key, .none))
    case (.stub?, nil):
      return .stub(try readVector())
    default:
      throw failure("expected a known form for this place, found another; a newer version may have written it")
    }
  }

  private mutating func readState(_ key: RecordKey, _ columns: RowColumns) throws(Failure) -> RecordState {
    let flags = try byte()
    guard flags & ~MetaFlags.all == 0 else { throw failure("expected known flags, found \(flags)") }
    let vector = try readVector()
    entries = vector.entries
    let marks = flags & MetaFlags.hasMarks != 0 ? try readMarks() : []
    if flags & MetaFlags.hasDefault != 0 { defaultStamp = try readStamp() }
    let fields = try readFields(columns)
    return RecordState(entity: key.entity, id: key.id, vector: vector, fields: fields, deletions: marks)
  }

  // MARK: Stamps

  private mutating func readTime() throws(Failure) -> HybridTimestamp {
    let milliseconds = try varint()
    let counter = try varint()
    guard milliseconds <= UInt64(HybridTimestamp.maximumMilliseconds), counter <= UInt64(UInt16.max) else {
      throw failure("expected a time of 48 and 16 bits, found more")
    }
    return HybridTimestamp(rawValue: milliseconds << 16 | counter)
  }

  private mutating func readReplica() throws(Failure) -> ReplicaID {
    let index = try varint()
    do throws(StoreError) { return try replicas.replica(at: index) } catch { throw .store(error) }
  }

  private mutating func readVector() throws(Failure) -> VersionVector {
    let count = try count()
    var entries: [VersionVector.Entry] = []
    entries.reserveCapacity(count)
    for _ in 0..<count {
      let replica = try readReplica()
      entries.append(VersionVector.Entry(replica: replica, time: try readTime()))
    }
    return try vector(entries)
  }

  private func vector(_ entries: [VersionVector.Entry]) throws(Failure) -> VersionVector {
    guard let vector = VersionVector(ascending: entries) else {
      throw failure("expected a vector that ascends by replica without zero times, found another")
    }
    return vector
  }

  private mutating func readStamp() throws(Failure) -> Stamp {
    let index = try varint()
    if index < UInt64(entries.count) {
      let entry = entries[Int(index)]
      let difference = UInt64(bitPattern: try signedVarint())
      return Stamp(time: HybridTimestamp(rawValue: entry.time.rawValue &- difference), replica: entry.replica)
    }
    guard index == UInt64(entries.count) else {
      throw failure("expected an index into a vector of \(entries.count), found \(index)")
    }
    return Stamp(replica: try readReplica(), time: try readTime())
  }

  private mutating func readMarks() throws(Failure) -> [DeletionMark] {
    let count = try count()
    guard count > 0 else { throw failure("expected at least one deletion mark, found none") }
    var marks: [DeletionMark] = []
    for _ in 0..<count {
      let stamp = try readStamp()
      var saw: [VersionVector.Entry] = []
      let sawCount = try self.count()
      for _ in 0..<sawCount {
        let seen = try readStamp()
        saw.append(VersionVector.Entry(replica: seen.replica, time: seen.time))
      }
      marks.append(DeletionMark(stamp: stamp, saw: try vector(saw)))
    }
    return marks
  }

  // MARK: Fields

  private mutating func readFields(_ columns: RowColumns) throws(Failure) -> [FieldState] {
    let listed = try count()
    var fields: [FieldState] = []
    fields.reserveCapacity(max(listed, columns.fields.count))
    var columnIndex = 0
    var nextTag: UInt64 = 0
    for _ in 0..<listed {
      let gap = try varint()
      guard nextTag <= UInt64(UInt16.max), gap <= UInt64(UInt16.max) - nextTag else {
        throw failure("expected ascending field tags of 16 bits, found a gap of \(gap)")
      }
      let fieldTag = FieldTag(UInt16(nextTag + gap))
      nextTag += gap + 1
      while columnIndex < columns.fields.count, columns.fields[columnIndex].tag < fieldTag {
        try appendColumn(columnIndex, columns, to: &fields)
        columnIndex += 1
      }
      var column = Value.null
      if columnIndex < columns.fields.count, columns.fields[columnIndex].tag == fieldTag {
        column = columns.values[columnIndex]
        columnIndex += 1
      }
      fields.append(FieldState(tag: fieldTag, content: try readContent(column)))
    }
    while columnIndex < columns.fields.count {
      try appendColumn(columnIndex, columns, to: &fields)
      columnIndex += 1
    }
    return fields
  }

  /// A field that is not listed.
  private func appendColumn(_ index: Int, _ columns: RowColumns, to fields: inout [FieldState]) throws(Failure) {
    let value = columns.values[index]
    guard !value.isNull else { return }
    guard let defaultStamp else { throw failure("a column has a value, expected its stamp, found none") }
    let sibling = Sibling(stamp: defaultStamp, value: value)
    fields.append(FieldState(tag: columns.fields[index].tag, content: .register(Siblings(sibling))))
  }

  private mutating func readContent(_ column: Value) throws(Failure) -> FieldState.Content {
    let head = try varint()
    let limit = UInt64(reader.remaining)
    guard head >> 2 <= limit else {
      throw failure("expected at most \(limit) items in a field, found \(head >> 2)")
    }
    let count = Int(head >> 2)
    switch head & 3 {
    case MetaContent.register:
      return .register(Siblings(try readSiblings(count, column)))
    case MetaContent.set:
      var elements: [Element] = []
      for _ in 0..<count { elements.append(try readElement()) }
      return .set(elements)
    case MetaContent.counter:
      var shares: [Share] = []
      for _ in 0..<count {
        let stamp = try readStamp()
        shares.append(Share(stamp: stamp, sum: try signedVarint()))
      }
      return .counter(shares)
    default:
      var entries: [MapEntry] = []
      for _ in 0..<count {
        let key = try readText()
        let siblingCount = try self.count()
        entries.append(MapEntry(key: key, siblings: try readSiblings(siblingCount, .null)))
      }
      return .map(entries)
    }
  }

  /// At least one, ascending by stamp: what chooses among them relies on that.
  private mutating func readSiblings(_ count: Int, _ column: Value) throws(Failure) -> [Sibling] {
    guard count > 0 else { throw failure("expected at least one value of a field, found none") }
    var siblings: [Sibling] = []
    for _ in 0..<count {
      let head = try byte()
      var stamp = try readDefault(head)
      if stamp == nil { stamp = try readStamp() }
      guard let stamp else { continue }
      if let last = siblings.last, stamp <= last.stamp {
        throw failure("expected values that ascend by stamp, found \(stamp) behind \(last.stamp)")
      }
      siblings.append(Sibling(stamp: stamp, value: try readValue(head, column)))
    }
    return siblings
  }

  private mutating func readElement() throws(Failure) -> Element {
    let head = try byte()
    var stamps: [Stamp] = []
    if let stamp = try readDefault(head) {
      stamps.append(stamp)
    } else {
      let count = try count()
      for _ in 0..<count { stamps.append(try readStamp()) }
    }
    return Element(value: try readValue(head, .null), stamps: stamps)
  }

  private func readDefault(_ head: UInt8) throws(Failure) -> Stamp? {
    guard head & MetaItem.defaultStamp != 0 else { return nil }
    guard let defaultStamp else { throw failure("expected a default stamp, found none") }
    return defaultStamp
  }

  private mutating func readValue(_ head: UInt8, _ column: Value) throws(Failure) -> Value {
    switch head & ~MetaItem.defaultStamp {
    case MetaItem.null: return .null
    case MetaItem.integer: return .integer(try signedVarint())
    case MetaItem.text: return .text(try readText())
    case MetaItem.bytes: return .bytes(Array(try counted()))
    case MetaItem.column where !column.isNull: return column
    default: throw failure("expected a kind of value, found \(head)")
    }
  }

  private mutating func readText() throws(Failure) -> String {
    guard let text = String(validating: try counted(), as: UTF8.self) else {
      throw failure("expected UTF-8, found other bytes")
    }
    return text
  }

  // MARK: Bytes

  private func failure(_ reason: String) -> Failure {
    .bytes(ByteError(offset: reader.offset, reason: reason))
  }

  private mutating func byte() throws(Failure) -> UInt8 {
    do throws(ByteError) { return try reader.readByte() } catch { throw .bytes(error) }
  }

  private mutating func varint() throws(Failure) -> UInt64 {
    do throws(ByteError) { return try reader.readVarint() } catch { throw .bytes(error) }
  }

  private mutating func signedVarint() throws(Failure) -> Int64 {
    do throws(ByteError) { return try reader.readSignedVarint() } catch { throw .bytes(error) }
  }

  /// Each item takes a byte at least, so what is left bounds every count.
  private mutating func count() throws(Failure) -> Int {
    do throws(ByteError) { return try reader.readCount(limit: reader.remaining) } catch { throw .bytes(error) }
  }

  private mutating func counted() throws(Failure) -> ArraySlice<UInt8> {
    do throws(ByteError) { return try reader.readCounted() } catch { throw .bytes(error) }
  }
}

extension Stamp {
  fileprivate init(replica: ReplicaID, time: HybridTimestamp) {
    self.init(time: time, replica: replica)
  }
}
