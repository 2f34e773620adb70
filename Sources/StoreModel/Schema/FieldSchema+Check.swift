import Base

extension FieldSchema {
  /// Whether a plain value is one of this field's type; the reason why not, without the value, which may be personal.
  ///
  /// - Parameter isLocal: whether it is written here, by this version of the model; a word of a `choice` that is not on
  ///   the list is then a mistake, and otherwise comes from a newer version.
  package func problem(with value: Value, isLocal: Bool) -> String? {
    switch (type, value) {
    case (_, .null):
      return nil
    case (.text, .text(let text)):
      return text.utf8.count <= ModelLimits.textBytes
        ? nil : "found a text of \(text.utf8.count) bytes, expected at most \(ModelLimits.textBytes)"
    case (.choice(let words), .text(let word)):
      guard isLocal, !words.contains(word) else { return nil }
      return "found another word, expected one of: \(words.joined(separator: ", "))"
    case (.integer, .integer), (.money, .integer), (.quantity, .integer), (.timestamp, .integer):
      return nil
    case (.boolean, .integer(let bit)):
      return bit == 0 || bit == 1 ? nil : "found the number \(bit), expected 0 or 1"
    case (.day, .integer(let day)):
      // There is no year 0.
      return CivilDay(number: day).map { $0.year > 0 } ?? false
        ? nil : "found the number \(day), expected a day as yyyymmdd"
    case (.reference(_, let identity), let value), (.identifier(let identity), let value):
      return identity.id(from: value) != nil ? nil : "found something else, expected \(identity.expectation)"
    default:
      return "found \(value.kindName), expected \(type.expectation)"
    }
  }
}

extension Value {
  fileprivate var kindName: String {
    switch self {
    case .null: "nothing"
    case .integer: "a whole number"
    case .text: "text"
    case .bytes: "bytes"
    }
  }
}

extension FieldType {
  /// What a value of this type looks like, for messages.
  package var expectation: String {
    switch self {
    case .text: "text"
    case .integer: "a whole number"
    case .boolean: "true or false"
    case .money: "an amount in minor units, a whole number"
    case .quantity: "a quantity, a whole number"
    case .timestamp: "a time"
    case .day: "a day"
    case .choice(let words): "one of: \(words.joined(separator: ", "))"
    case .reference(_, let identity), .identifier(let identity): identity.expectation
    }
  }
}
