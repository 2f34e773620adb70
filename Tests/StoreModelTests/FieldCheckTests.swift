import StoreModel
import Testing

@Suite struct FieldCheckTests {
  private func problem(_ type: FieldType, _ value: Value, isLocal: Bool = true) -> String? {
    FieldSchema(tag: FieldTag(1), FieldDeclaration("field", type, .latest, by: .anyone))
      .problem(with: value, isLocal: isLocal)
  }

  @Test func contentsOfRecordsFitTheirFields() {
    for sample in Sample.all {
      for field in sample.schema.fields {
        guard case .value(let value) = sample.contents[field.tag] else { continue }
        #expect(field.problem(with: value, isLocal: false) == nil, "\(sample.schema.name).\(field.name)")
      }
    }
  }

  @Test(arguments: [10_101, 19_700_101, 20_000_229, 20_240_229, 20_171_231, 99_991_231])
  func theseAreDays(number: Int64) {
    #expect(problem(.day, .integer(number)) == nil)
  }

  @Test(arguments: [
    0, -20_170_603, 20_170_600, 20_170_631, 20_170_229, 19_000_229, 20_171_301, 20_170_003, 1_231, 100_000_101,
    1_496_509_500_000, .max, .min,
  ])
  func theseAreNoDays(number: Int64) {
    #expect(problem(.day, .integer(number)) != nil)
  }

  @Test func valuesAreOfTheFieldsKind() {
    let types: [FieldType] = [
      .text, .integer, .boolean, .money, .quantity, .timestamp, .day, .choice(["a"]), .reference(to: Store.self),
      .identifier(.uuid),
    ]
    for type in types {
      #expect(problem(type, .null) == nil)
      #expect(problem(type, .bytes([1, 2, 3])) != nil)
      let isText = problem(type, .text("a")) == nil
      let isInteger = problem(type, .integer(1)) == nil
      switch type {
      case .text, .choice: #expect(isText && !isInteger)
      case .integer, .boolean, .money, .quantity, .timestamp, .reference: #expect(!isText && isInteger)
      case .day, .identifier: #expect(!isText && !isInteger)
      }
    }
    #expect(problem(.boolean, .integer(2)) != nil)
    #expect(problem(.identifier(.uuid), .bytes(Array(repeating: 0, count: 16))) == nil)
  }

  /// A word that a newer version knows is kept; one that is written here is a mistake.
  @Test func unknownWordsAreRefusedOnlyWhereTheyAreWritten() {
    #expect(problem(.choice(["a"]), .text("b"), isLocal: true) != nil)
    #expect(problem(.choice(["a"]), .text("b"), isLocal: false) == nil)
  }

  @Test func textHasALimit() {
    #expect(problem(.text, .text(String(repeating: "a", count: ModelLimits.textBytes))) == nil)
    #expect(problem(.text, .text(String(repeating: "a", count: ModelLimits.textBytes + 1))) != nil)
  }
}
