import Causality
import Interchange
import JSON
import Merge
import StoreModel
import Wire

/// The messages of `verify` in the notation of the vectors.
extension Case {
  func question() throws -> VerifyQuestion {
    let ranges = try (self["ranges"]?.items ?? []).map { range -> VerifyQuestion.Range in
      let parts = try range.items
      let bounds = try (after: parts[1].bound, through: parts[2].bound)
      let entity = EntityTag(UInt16(try parts[0].number))
      return VerifyQuestion.Range(
        RecordRange(entity: entity, after: bounds.after, through: bounds.through),
        RangeSummary(count: UInt64(try parts[3].number), sum: try parts[4].sum))
    }
    return VerifyQuestion(
      number: UInt64(try need("number").number), ranges: ranges, keys: try keys("keys"), resend: try keys("resend"),
      recount: try (self["recount"]?.items ?? []).map { EntityTag(UInt16(try $0.number)) },
      isUnhurried: self["isUnhurried"] == .bool(true), areErased: self["areErased"] == .bool(true))
  }

  private func keys(_ name: String) throws -> [RecordKey] {
    try (self[name]?.items ?? []).map { key in
      let parts = try key.items
      return RecordKey(entity: EntityTag(UInt16(try parts[0].number)), id: RecordID(try parts[1].hex))
    }
  }

  func answer() throws -> VerifyAnswer {
    VerifyAnswer(
      number: UInt64(try need("number").number), findings: try (self["findings"]?.items ?? []).map { try $0.finding() },
      looks: try (self["looks"]?.items ?? []).map { try $0.look() }, problem: try self["problem"]?.text,
      isWiped: self["isWiped"] == .bool(true), remark: try self["remark"]?.text)
  }
}

extension JSONValue {
  fileprivate var bound: RecordID? {
    get throws {
      let bytes = try hex
      return bytes.isEmpty ? nil : RecordID(bytes)
    }
  }

  fileprivate var sum: UInt128 { get throws { try hex.reduce(0) { $0 << 8 | UInt128($1) } } }

  fileprivate func finding() throws -> VerifyAnswer.Finding {
    let parts = try items
    switch try parts[0].number {
    case 0: return .equal
    case 1:
      return .items(
        try parts[1].items.map { item in
          let pair = try item.items
          return VerifyAnswer.Item(id: RecordID(try pair[0].hex), digest: RecordDigest(try pair[1].sum))
        })
    default:
      return .parts(
        try parts[1].items.map { item in
          let part = try item.items
          let summary = RangeSummary(count: UInt64(try part[1].number), sum: try part[2].sum)
          return VerifyAnswer.Part(through: try part[0].bound, summary: summary)
        })
    }
  }

  fileprivate func look() throws -> VerifyAnswer.Look? {
    guard self != .null else { return nil }
    let parts = try items
    let numbers = try parts[1].items.map { UInt64(try $0.number) }
    var vector = VersionVector()
    for start in stride(from: 0, to: numbers.count, by: 3) {
      let replica = ReplicaID(node: NodeNumber(UInt32(numbers[start])), incarnation: UInt32(numbers[start + 1]))
      vector.insert(Stamp(time: HybridTimestamp(rawValue: numbers[start + 2]), replica: replica))
    }
    return VerifyAnswer.Look(digest: RecordDigest(try parts[0].sum), vector: vector)
  }
}
