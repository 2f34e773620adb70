import Base
import Causality
import Merge
import StoreModel

/// Record states of every shape that merges can leave, and some that only contradicting versions do.
struct RandomStates {
  var generator: SeededGenerator

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }
  private mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  mutating func replica() -> ReplicaID {
    ReplicaID(
      node: NodeNumber(UInt32(below(4))),
      incarnation: chance(80) ? 1 : UInt32.random(in: .min ... .max, using: &generator))
  }

  mutating func stamp() -> Stamp {
    let raw = chance(90) ? UInt64(1_700_000_000_000 + below(1000)) << 16 | UInt64(below(3)) : max(1, generator.next())
    return Stamp(time: HybridTimestamp(rawValue: raw), replica: replica())
  }

  mutating func text() -> String {
    let samples = [
      "", "a", "Schrödinger", "e\u{301}", "\u{e9}", "nul\u{0}nul", "\"\\\n", "🏷️", String(repeating: "x", count: 300),
    ]
    return samples[below(samples.count)]
  }

  mutating func value() -> Value {
    switch below(10) {
    case 0: .null
    case 1...4: .integer(chance(80) ? Int64(below(1000)) - 500 : [Int64.min, .max, 0][below(3)])
    case 5...8: .text(text())
    default: .bytes((0..<below(40)).map { _ in UInt8(below(256)) })
    }
  }

  private mutating func fitting(_ field: FieldSchema) -> Value {
    if chance(8) { return value() }
    switch FieldColumnKind(field) {
    case .integer: return .integer(Int64(below(1000)))
    case .text: return .text(text())
    case .bytes: return .bytes(uuid(UInt64(below(1000))).bytes)
    }
  }

  private mutating func siblings(_ count: Int, _ value: (inout RandomStates) -> Value, stamp common: Stamp) -> [Sibling]
  {
    var byStamp: [Stamp: Value] = [:]
    for _ in 0..<count { byStamp[chance(70) ? common : stamp()] = value(&self) }
    return byStamp.map { Sibling(stamp: $0.key, value: $0.value) }.sorted { $0.stamp < $1.stamp }
  }

  private mutating func content(_ field: FieldSchema?, _ common: Stamp) -> FieldState.Content {
    let kind: Int
    switch field?.rule {
    case .set?: kind = chance(95) ? 1 : below(4)
    case .counter?: kind = chance(95) ? 2 : below(4)
    case .customFields?: kind = chance(95) ? 3 : below(4)
    case .some: kind = chance(95) ? 0 : below(4)
    case nil: kind = below(4)
    }
    switch kind {
    case 0:
      return .register(Siblings(siblings(chance(80) ? 1 : 1 + below(4), { $0.value(for: field) }, stamp: common)))
    case 1:
      let values = Set((0...below(4)).map { _ in value() }).sorted()
      return .set(
        values.map {
          Element(value: $0, stamps: Set((0...below(2)).map { _ in chance(60) ? common : stamp() }).sorted())
        })
    case 2:
      var shares: [ReplicaID: Share] = [:]
      for _ in 0...below(4) {
        let stamp = stamp()
        shares[stamp.replica] = Share(stamp: stamp, sum: Int64(below(2000)) - 1000)
      }
      return .counter(shares.values.sorted { $0.stamp.replica < $1.stamp.replica })
    default:
      let keys = (0...below(4)).map { "key\($0)" }
      return .map(
        keys.map { key in MapEntry(key: key, siblings: siblings(1 + below(2), { $0.value() }, stamp: common)) })
    }
  }

  private mutating func value(for field: FieldSchema?) -> Value { field.map { fitting($0) } ?? value() }

  /// A state of a record of `schema`, or, without one, of an entity that nobody knows.
  mutating func state(_ entity: EntityTag, _ id: RecordID, _ schema: EntitySchema?) -> RecordState {
    var state = RecordState(entity: entity, id: id)
    let common = stamp()
    let isSimple = chance(25)
    let unknown = isSimple ? [] : [9, 40, 300, UInt16.max].filter { _ in chance(15) }
    for tag in (schema?.fields.map(\.tag.rawValue) ?? [1, 2, 3]) + unknown where chance(80) {
      let field = schema?.field(FieldTag(tag))
      let content =
        isSimple && field != nil && field?.rule != .set && field?.rule != .counter && field?.rule != .customFields
        ? .register([Sibling(stamp: common, value: value(for: field))]) : content(field, common)
      if !isSimple || content.siblings != nil { state.setContent(content, of: FieldTag(tag)) }
    }
    var vector = VersionVector(common)
    state.forEachStamp { vector.insert($0) }
    if !isSimple {
      for _ in 0..<below(3) { vector.insert(stamp()) }
      if chance(25) {
        for _ in 0...below(2) {
          let mark = stamp()
          guard !state.deletions.contains(where: { $0.stamp == mark }) else { continue }
          var saw = chance(50) ? vector : VersionVector()
          for _ in 0..<below(3) { saw.insert(stamp()) }
          state.deletions.append(DeletionMark(stamp: mark, saw: saw))
          vector.insert(mark)
        }
        state.deletions.sort { $0.stamp < $1.stamp }
      }
    }
    state.vector = vector
    return state
  }
}

/// The kind of value that a field is declared to hold.
enum FieldColumnKind {
  case integer, text, bytes

  init(_ field: FieldSchema) {
    switch field.type {
    case .text, .choice: self = .text
    case .reference(_, .number): self = .integer
    case .reference(_, .key): self = .text
    case .reference: self = .bytes
    default: self = .integer
    }
  }
}
