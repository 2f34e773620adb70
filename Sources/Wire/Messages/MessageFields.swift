import Base
import Causality
import RecordStore
import StoreModel

extension CBORWriter {
  mutating func append(_ key: UInt64, unsigned value: UInt64) {
    append(unsigned: key)
    append(unsigned: value)
  }

  mutating func append(_ key: UInt64, text value: String) {
    append(unsigned: key)
    append(text: value)
  }

  mutating func append(_ key: UInt64, _ replica: ReplicaID) {
    append(unsigned: key)
    append(arrayCount: 2)
    append(unsigned: UInt64(replica.node.rawValue))
    append(unsigned: UInt64(replica.incarnation))
  }

  mutating func append(_ key: UInt64, _ cursors: LaneMap<Sequence64>) {
    append(unsigned: key)
    append(arrayCount: Lane.allCases.count)
    for lane in Lane.allCases { append(unsigned: cursors[lane]) }
  }
}

extension CBORWriter {
  mutating func append(_ key: UInt64, _ lists: LaneMap<[Sequence64]>) {
    append(unsigned: key)
    append(arrayCount: Lane.allCases.count)
    for lane in Lane.allCases {
      append(arrayCount: lists[lane].count)
      for sequence in lists[lane] { append(unsigned: sequence) }
    }
  }

  mutating func append(_ key: UInt64, _ ancestors: [Lineage.Ancestor]) {
    append(unsigned: key)
    append(arrayCount: 2 * ancestors.count)
    for ancestor in ancestors {
      append(unsigned: ancestor.epoch.rawValue)
      append(unsigned: ancestor.end)
    }
  }
}

/// The values of a message's map, each as its own bytes.
struct MessageFields {
  private var items: [(key: UInt64, bytes: [UInt8])] = []
  private var offset = 0

  mutating func read(_ reader: inout CBORReader) throws(DecodeError) {
    offset = reader.offset
    var items: [(key: UInt64, bytes: [UInt8])] = []
    try reader.readIntegerKeyedMap(limit: WireLimits.maximumMessageFields) { (reader, key) throws(DecodeError) in
      items.append((key, try reader.rawItem()))
    }
    self.items = items
  }

  private func reader(_ key: UInt64) -> CBORReader? {
    items.first { $0.key == key }.map { CBORReader($0.bytes) }
  }

  /// Reads the value of a key; an error names the key, since its offset counts from the value's first byte.
  private func read<Value>(
    _ key: UInt64, _ body: (inout CBORReader) throws(DecodeError) -> Value
  ) throws(DecodeError) -> Value {
    guard var reader = reader(key) else { throw DecodeError(offset: offset, reason: .missingKey(key)) }
    do {
      return try body(&reader)
    } catch {
      throw error.within("key \(key)")
    }
  }

  func needed<Value>(
    _ key: UInt64, _ body: (inout CBORReader) throws(DecodeError) -> Value
  ) throws(DecodeError) -> Value {
    try read(key, body)
  }

  /// The same for a key that may be missing.
  func optional<Value>(
    _ key: UInt64, _ body: (inout CBORReader) throws(DecodeError) -> Value
  ) throws(DecodeError) -> Value? {
    reader(key) == nil ? nil : try read(key, body)
  }

  func unsigned(_ key: UInt64) throws(DecodeError) -> UInt64 {
    try read(key) { (reader) throws(DecodeError) in try reader.readUnsigned() }
  }

  func optionalUnsigned(_ key: UInt64) throws(DecodeError) -> UInt64? {
    try optional(key) { (reader) throws(DecodeError) in try reader.readUnsigned() }
  }

  func integer(_ key: UInt64) throws(DecodeError) -> Int64 {
    try read(key) { (reader) throws(DecodeError) in try reader.readInteger() }
  }

  func text(_ key: UInt64) throws(DecodeError) -> String {
    try read(key) { (reader) throws(DecodeError) in try reader.readText(limit: WireLimits.maximumTextBytes) }
  }

  func bytes(_ key: UInt64, limit: Int) throws(DecodeError) -> [UInt8] {
    try read(key) { (reader) throws(DecodeError) in try reader.readBytes(limit: limit) }
  }

  func optionalBytes(_ key: UInt64, limit: Int) throws(DecodeError) -> [UInt8]? {
    try optional(key) { (reader) throws(DecodeError) in try reader.readBytes(limit: limit) }
  }

  func replica(_ key: UInt64) throws(DecodeError) -> ReplicaID {
    try read(key) { (reader) throws(DecodeError) in
      try reader.expectArray(2)
      return ReplicaID(node: NodeNumber(try reader.readUInt32()), incarnation: try reader.readUInt32())
    }
  }

  func node(_ key: UInt64) throws(DecodeError) -> NodeNumber {
    try read(key) { (reader) throws(DecodeError) in NodeNumber(try reader.readUInt32()) }
  }

  func lane(_ key: UInt64) throws(DecodeError) -> Lane {
    try read(key) { (reader) throws(DecodeError) in
      guard let lane = UInt8(exactly: try reader.readUnsigned()).flatMap(Lane.init) else {
        throw reader.invalid("a lane from 0 to 2")
      }
      return lane
    }
  }

  func cursors(_ key: UInt64) throws(DecodeError) -> LaneMap<Sequence64> {
    try read(key) { (reader) throws(DecodeError) in try reader.readCursors() }
  }

  func optionalCursors(_ key: UInt64) throws(DecodeError) -> LaneMap<Sequence64>? {
    try optional(key) { (reader) throws(DecodeError) in try reader.readCursors() }
  }

  /// Three lists of ascending sequences; three empty ones if the key is missing.
  func brought(_ key: UInt64) throws(DecodeError) -> LaneMap<[Sequence64]> {
    try optional(key) { (reader) throws(DecodeError) in
      try reader.expectArray(Lane.allCases.count)
      var lists = LaneMap<[Sequence64]>(repeating: [])
      for lane in Lane.allCases {
        for _ in 0..<(try reader.readArrayCount(limit: WireLimits.maximumBroughtEntries)) {
          let sequence = try reader.readUnsigned()
          guard sequence > lists[lane].last ?? 0 else { throw reader.invalid("ascending sequences from 1") }
          lists[lane].append(sequence)
        }
      }
      return lists
    } ?? LaneMap(repeating: [])
  }

  func ancestors(_ key: UInt64) throws(DecodeError) -> [Lineage.Ancestor]? {
    try optional(key) { (reader) throws(DecodeError) in
      let count = try reader.readArrayCount(limit: 2 * WireLimits.maximumAncestors)
      guard count.isMultiple(of: 2) else { throw reader.invalid("pairs of epoch and end") }
      var ancestors: [Lineage.Ancestor] = []
      for _ in 0..<count / 2 {
        let epoch = Epoch(rawValue: try reader.readUnsigned())
        ancestors.append(Lineage.Ancestor(epoch: epoch, end: try reader.readUnsigned()))
      }
      return ancestors
    }
  }
}

extension CBORReader {
  fileprivate mutating func readCursors() throws(DecodeError) -> LaneMap<Sequence64> {
    try expectArray(Lane.allCases.count)
    var cursors = LaneMap<Sequence64>(repeating: 0)
    for lane in Lane.allCases { cursors[lane] = try readUnsigned() }
    return cursors
  }
}
