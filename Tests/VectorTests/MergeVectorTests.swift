import Causality
import Interchange
import JSON
import Merge
import StoreModel
import Testing

@Suite("Vectors: merging, what is shown, deletion")
struct MergeVectorTests {
  @Test(arguments: try Vectors.cases("merge.json"))
  func join(_ vector: Case) throws {
    let a = try state(vector.need("a"))
    let b = try state(vector.need("b"))
    let expected = try state(vector.need("merged"))
    #expect(merged(a, b) == expected)
    #expect(merged(b, a) == expected)
    for other in [a, b, expected] { #expect(merged(expected, other) == expected) }
  }

  private func merged(_ left: RecordState, _ right: RecordState) -> RecordState {
    var result = left
    _ = result.merge(right)
    return result
  }

  @Test(arguments: try Vectors.cases("shown.json"))
  func shown(_ vector: Case) throws {
    let rule = try rule(vector)
    let expected = try vector.need("shown")
    let content = try content(vector.need("content"))
    if case .register(let siblings) = content {
      let owner = try vector["owner"].map { NodeNumber(UInt32(try $0.number)) }
      let choice = rule.choose(among: siblings, owner: owner)
      #expect(try siblings[choice.shownIndex].value == fieldValue(expected))
      return
    }
    // The kinds that show all that they have need no rule; any mutable entity serves.
    let schema = EntitySchema(StoreTask.self)
    let tag = schema.fields[0].tag
    let record = RecordState(
      entity: schema.tag, id: RecordID([1]), fields: [FieldState(tag: tag, content: content)])
    switch record.shown(schema.fields[0], schema) {
    case .value(let value): Issue.record("found the value \(value)")
    case .set(let values): #expect(try values == expected.items.map(fieldValue))
    case .counter(let sum): #expect(try sum == expected.number)
    case .customFields(let fields):
      let members = try expected.object.members
      #expect(fields.map(\.key) == members.map(\.name))
      #expect(try fields.map(\.value) == members.map { try fieldValue($0.value) })
    }
  }

  private func rule(_ vector: Case) throws -> ConflictRule {
    switch try vector.text("rule") {
    case "latest": .latest
    case "manual": .manual
    case "authority(hq)": .authority(.hq)
    case "authority(owner)": .authority(.owner)
    case "progress": .progress(try vector.need("words").items.map { try $0.text })
    case "first": .first
    case "maximum": .maximum
    case "minimum": .minimum
    case "set": .set
    case "counter": .counter
    case "customFields": .customFields
    case let other: throw VectorError("found the rule “\(other)”")
    }
  }

  @Test(arguments: try Vectors.cases("deletion.json"))
  func deletion(_ vector: Case) throws {
    let record = try state(vector.need("state"))
    #expect(try record.isDeleted(.deleteWins) == vector.flag("deleteWins"))
    #expect(try record.isDeleted(.editWins) == vector.flag("editWins"))
  }
}
