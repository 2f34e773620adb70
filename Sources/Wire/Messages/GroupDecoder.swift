import Causality
import Merge
import StoreModel

/// Reads groups; checks every order and count that the specification demands, so that a state has one encoding.
struct GroupDecoder {
  let replicas: [ReplicaID]

  static func readReplicas(_ reader: inout CBORReader) throws(DecodeError) -> [ReplicaID] {
    let count = try reader.readArrayCount(limit: 2 * WireLimits.maximumBatchReplicas)
    guard count % 2 == 0 else { throw reader.invalid("pairs of node and incarnation") }
    var replicas: [ReplicaID] = []
    for _ in 0..<count / 2 {
      let replica = ReplicaID(
        node: NodeNumber(try reader.readUInt32()), incarnation: try reader.readUInt32())
      if let last = replicas.last, last >= replica { throw reader.invalid("replicas in ascending order") }
      replicas.append(replica)
    }
    return replicas
  }

  func decode(_ bytes: [UInt8]) throws(DecodeError) -> CommitGroup {
    var reader = CBORReader(bytes)
    let count = try reader.readArrayCount(limit: 3)
    guard count >= 2 else { throw reader.invalid("a group of two or three items") }
    var group = CommitGroup(stamp: try readStamp(&reader), records: [])
    for _ in 0..<(try reader.readArrayCount(limit: ModelLimits.groupRecordCount)) {
      group.records.append(try readRecord(&reader, groupStamp: group.stamp))
    }
    if count == 3 {
      let evictions = try reader.readArrayCount(limit: ModelLimits.groupRecordCount)
      if evictions == 0 { throw reader.invalid("an eviction") }
      for _ in 0..<evictions { group.evictions.append(try readEviction(&reader)) }
    }
    try reader.expectEnd()
    return group
  }

  func decodeRecord(_ bytes: [UInt8], groupStamp: Stamp) throws(DecodeError) -> RecordState {
    var reader = CBORReader(bytes)
    let record = try readRecord(&reader, groupStamp: groupStamp)
    try reader.expectEnd()
    return record
  }

  func decodeEviction(_ bytes: [UInt8]) throws(DecodeError) -> Eviction {
    var reader = CBORReader(bytes)
    let eviction = try readEviction(&reader)
    try reader.expectEnd()
    return eviction
  }

  private func readEviction(_ reader: inout CBORReader) throws(DecodeError) -> Eviction {
    try reader.expectArray(3)
    let key = try readKey(&reader)
    return Eviction(key: key, vector: try readVector(&reader))
  }

  private func readKey(_ reader: inout CBORReader) throws(DecodeError) -> RecordKey {
    let entity = EntityTag(try reader.readUInt16())
    let id = try reader.readBytes(limit: ModelLimits.recordIDBytes)
    if id.isEmpty { throw reader.invalid("an id of at least one byte") }
    return RecordKey(entity: entity, id: RecordID(id))
  }

  private func readRecord(_ reader: inout CBORReader, groupStamp: Stamp) throws(DecodeError) -> RecordState {
    let count = try reader.readArrayCount(limit: 5)
    guard count == 3 || count == 5 else { throw reader.invalid("a record of three or five items") }
    let key = try readKey(&reader)
    var state = RecordState(entity: key.entity, id: key.id)
    let isFact = count == 3
    var fields: [FieldState] = []
    // As many as most records have: growing step by step takes as many allocations.
    fields.reserveCapacity(8)
    try reader.readIntegerKeyedMap(limit: WireLimits.maximumRecordFields) { (reader, tag) throws(DecodeError) in
      guard let tag = UInt16(exactly: tag).map(FieldTag.init) else { throw reader.invalid("a field tag of 16 bits") }
      let content: FieldState.Content
      if isFact {
        let value = try readValue(&reader)
        if value.isNull { throw reader.invalid("a value that is not null") }
        content = .register(Siblings(Sibling(stamp: groupStamp, value: value)))
      } else {
        content = try readContent(&reader)
      }
      fields.append(FieldState(tag: tag, content: content))
    }
    state.fields = fields
    if isFact {
      state.vector = VersionVector(groupStamp)
    } else {
      state.vector = try readVector(&reader)
      for _ in 0..<(try reader.readArrayCount(limit: WireLimits.maximumDeletionMarks)) {
        try reader.expectArray(2)
        let mark = DeletionMark(stamp: try readStamp(&reader), saw: try readVector(&reader))
        if let last = state.deletions.last, last.stamp >= mark.stamp {
          throw reader.invalid("marks in ascending order")
        }
        state.deletions.append(mark)
      }
    }
    return state
  }

  private func readContent(_ reader: inout CBORReader) throws(DecodeError) -> FieldState.Content {
    try reader.expectArray(2)
    let content: FieldState.Content
    switch try reader.readUnsigned() {
    case 0: content = .register(try readRegister(&reader))
    case 1: content = .set(try readElements(&reader))
    case 2: content = .counter(try readShares(&reader))
    case 3: content = .map(try readEntries(&reader))
    default: throw reader.invalid("a field kind from 0 to 3")
    }
    if content.isEmpty { throw reader.invalid("a field with something in it") }
    return content
  }

  /// Nearly always one value, which needs no array.
  private func readRegister(_ reader: inout CBORReader) throws(DecodeError) -> Siblings {
    let count = try reader.readArrayCount(limit: ModelLimits.siblingCount)
    guard count == 1 else { return Siblings(try readSiblings(count, &reader)) }
    return Siblings(try readSibling(&reader))
  }

  private func readSibling(_ reader: inout CBORReader) throws(DecodeError) -> Sibling {
    try reader.expectArray(2)
    return Sibling(stamp: try readStamp(&reader), value: try readValue(&reader))
  }

  private func readSiblings(_ reader: inout CBORReader) throws(DecodeError) -> [Sibling] {
    try readSiblings(try reader.readArrayCount(limit: ModelLimits.siblingCount), &reader)
  }

  private func readSiblings(_ count: Int, _ reader: inout CBORReader) throws(DecodeError) -> [Sibling] {
    var siblings: [Sibling] = []
    for _ in 0..<count {
      let sibling = try readSibling(&reader)
      if let last = siblings.last, last.stamp >= sibling.stamp { throw reader.invalid("siblings in ascending order") }
      siblings.append(sibling)
    }
    return siblings
  }

  private func readElements(_ reader: inout CBORReader) throws(DecodeError) -> [Element] {
    var elements: [Element] = []
    for _ in 0..<(try reader.readArrayCount(limit: WireLimits.maximumCollectionCount)) {
      try reader.expectArray(2)
      var element = Element(value: try readValue(&reader), stamps: [])
      for _ in 0..<(try reader.readArrayCount(limit: ModelLimits.siblingCount)) {
        let stamp = try readStamp(&reader)
        if let last = element.stamps.last, last >= stamp { throw reader.invalid("stamps in ascending order") }
        element.stamps.append(stamp)
      }
      if let last = elements.last, last.value >= element.value { throw reader.invalid("elements in ascending order") }
      if element.stamps.isEmpty { throw reader.invalid("an element with a stamp") }
      elements.append(element)
    }
    return elements
  }

  private func readShares(_ reader: inout CBORReader) throws(DecodeError) -> [Share] {
    var shares: [Share] = []
    for _ in 0..<(try reader.readArrayCount(limit: ModelLimits.siblingCount)) {
      try reader.expectArray(2)
      let share = Share(stamp: try readStamp(&reader), sum: try reader.readInteger())
      if let last = shares.last, last.stamp.replica >= share.stamp.replica {
        throw reader.invalid("shares in ascending order of replicas")
      }
      shares.append(share)
    }
    return shares
  }

  private func readEntries(_ reader: inout CBORReader) throws(DecodeError) -> [MapEntry] {
    var entries: [MapEntry] = []
    for _ in 0..<(try reader.readArrayCount(limit: WireLimits.maximumCollectionCount)) {
      try reader.expectArray(2)
      let key = try reader.readText(limit: ModelLimits.keyBytes)
      let entry = MapEntry(key: key, siblings: try readSiblings(&reader))
      if let last = entries.last, OrderedText(last.key) >= OrderedText(key) {
        throw reader.invalid("entries in ascending order of keys")
      }
      if entry.siblings.isEmpty { throw reader.invalid("an entry with a value") }
      entries.append(entry)
    }
    return entries
  }

  private func readReplica(_ reader: inout CBORReader) throws(DecodeError) -> ReplicaID {
    let place = try reader.readUnsigned()
    guard place < UInt64(replicas.count) else { throw reader.invalid("a place in the table of replicas") }
    return replicas[Int(place)]
  }

  private func readStamp(_ reader: inout CBORReader) throws(DecodeError) -> Stamp {
    try reader.expectArray(2)
    let time = HybridTimestamp(rawValue: try reader.readUnsigned())
    if time == .zero { throw reader.invalid("a time above zero") }
    return Stamp(time: time, replica: try readReplica(&reader))
  }

  private func readVector(_ reader: inout CBORReader) throws(DecodeError) -> VersionVector {
    let count = try reader.readArrayCount(limit: 2 * WireLimits.maximumBatchReplicas)
    guard count % 2 == 0 else { throw reader.invalid("pairs of replica and time") }
    var entries: [VersionVector.Entry] = []
    entries.reserveCapacity(count / 2)
    for _ in 0..<count / 2 {
      let replica = try readReplica(&reader)
      entries.append(VersionVector.Entry(replica: replica, time: HybridTimestamp(rawValue: try reader.readUnsigned())))
    }
    guard let vector = VersionVector(ascending: entries) else {
      throw reader.invalid("a vector in ascending order of replicas, without zeros")
    }
    return vector
  }

  private func readValue(_ reader: inout CBORReader) throws(DecodeError) -> Value {
    switch try reader.peekKind() {
    case .unsigned, .negative: return .integer(try reader.readInteger())
    case .text: return .text(try reader.readText(limit: ModelLimits.recordBytes))
    case .bytes: return .bytes(try reader.readBytes(limit: ModelLimits.recordBytes))
    case .null:
      try reader.readNull()
      return .null
    case .array, .map, .boolean: throw reader.invalid("null, a whole number, text or bytes")
    }
  }
}

extension CBORReader {
  func invalid(_ expected: String) -> DecodeError {
    DecodeError(offset: offset, reason: .invalidValue(expected: expected))
  }

  mutating func expectArray(_ count: Int) throws(DecodeError) {
    guard try readArrayCount(limit: count) == count else { throw invalid("an array of \(count) items") }
  }

  mutating func readUInt32() throws(DecodeError) -> UInt32 {
    let value = try readUnsigned()
    guard let number = UInt32(exactly: value) else { throw invalid("a number of 32 bits") }
    return number
  }

  mutating func readUInt16() throws(DecodeError) -> UInt16 {
    let value = try readUnsigned()
    guard let number = UInt16(exactly: value) else { throw invalid("a number of 16 bits") }
    return number
  }
}
