import Base
import Causality
import Merge
import StoreModel

/// All of a state as bytes: stricter than `==`, under which texts in composed and decomposed form are one map key.
func bytes(of state: RecordState) -> [UInt8] {
  var writer = ByteWriter()
  writer.append(varint: UInt64(state.entity.rawValue))
  writer.append(counted: state.id.bytes)
  writer.append(state.vector)
  writer.append(varint: UInt64(state.fields.count))
  for field in state.fields { writer.append(field) }
  writer.append(varint: UInt64(state.deletions.count))
  for mark in state.deletions {
    writer.append(mark.stamp)
    writer.append(mark.saw)
  }
  return writer.bytes
}

extension ByteWriter {
  fileprivate mutating func append(_ stamp: Stamp) {
    append(bigEndian: stamp.time.rawValue)
    append(bigEndian: stamp.replica.node.rawValue)
    append(bigEndian: stamp.replica.incarnation)
  }

  fileprivate mutating func append(_ vector: VersionVector) {
    append(varint: UInt64(vector.entries.count))
    for entry in vector.entries { append(Stamp(time: entry.time, replica: entry.replica)) }
  }

  fileprivate mutating func append(_ value: Value) {
    switch value {
    case .null:
      append(byte: 0)
    case .integer(let number):
      append(byte: 1)
      append(signedVarint: number)
    case .text(let text):
      append(byte: 2)
      append(counted: text.utf8)
    case .bytes(let bytes):
      append(byte: 3)
      append(counted: bytes)
    }
  }

  fileprivate mutating func append(_ siblings: some Collection<Sibling>) {
    append(varint: UInt64(siblings.count))
    for sibling in siblings {
      append(sibling.stamp)
      append(sibling.value)
    }
  }

  fileprivate mutating func append(_ field: FieldState) {
    append(varint: UInt64(field.tag.rawValue))
    switch field.content {
    case .register(let siblings):
      append(byte: 0)
      append(siblings)
    case .set(let elements):
      append(byte: 1)
      append(varint: UInt64(elements.count))
      for element in elements {
        append(element.value)
        append(varint: UInt64(element.stamps.count))
        for stamp in element.stamps { append(stamp) }
      }
    case .counter(let shares):
      append(byte: 2)
      append(varint: UInt64(shares.count))
      for share in shares {
        append(share.stamp)
        append(signedVarint: share.sum)
      }
    case .map(let entries):
      append(byte: 3)
      append(varint: UInt64(entries.count))
      for entry in entries {
        append(counted: entry.key.utf8)
        append(entry.siblings)
      }
    }
  }
}

/// Why a state is not well formed, or nil: lists ascend strictly, nothing is empty, and, of a state that came about by
/// writing and merging, the vector covers every stamp.
func flaw(in state: RecordState, reachable: Bool = true) -> String? {
  func ascends<Item: Comparable>(_ items: [Item]) -> Bool { zip(items, items.dropFirst()).allSatisfy { $0 < $1 } }
  guard VersionVector(ascending: state.vector.entries) != nil else { return "the vector is not canonical" }
  guard ascends(state.fields.map(\.tag)) else { return "the fields do not ascend" }
  guard ascends(state.deletions.map(\.stamp)) else { return "the marks do not ascend" }
  for field in state.fields {
    guard !field.content.isEmpty else { return "field \(field.tag) is empty" }
    let isWell =
      switch field.content {
      case .register(let siblings):
        ascends(siblings.map(\.stamp))
      case .set(let elements):
        ascends(elements.map(\.value)) && elements.allSatisfy { !$0.stamps.isEmpty && ascends($0.stamps) }
      case .counter(let shares):
        ascends(shares.map(\.stamp.replica))
      case .map(let entries):
        ascends(entries.map { OrderedText($0.key) })
          && entries.allSatisfy { !$0.siblings.isEmpty && ascends($0.siblings.map(\.stamp)) }
      }
    guard isWell else { return "field \(field.tag) is out of order or has an empty part" }
  }
  guard reachable else { return nil }
  var uncovered = state.deletions.contains { !state.vector.covers($0.stamp) }
  state.forEachStamp { uncovered = uncovered || !state.vector.covers($0) }
  return uncovered ? "the vector does not cover a stamp" : nil
}
