import Base
import JSON
import StoreModel

// How a file writes the values of each field type. The model's own check has the last word.

extension FieldSchema {
  /// A plain value from a CSV cell that is not empty.
  func value(ofCell text: String, at place: inout RecordPlace) throws(MappingError) -> Value {
    let value: Value
    switch type {
    case .text, .choice:
      value = .text(try plainText(text))
    case .integer, .quantity:
      value = .integer(try wholeNumber(text))
    case .money:
      value = .integer(try amount(text, at: place))
    case .boolean:
      value = try boolean(text)
    case .timestamp:
      value = .integer(try timestamp(text, at: &place))
    case .day:
      value = .integer(try day(text))
    case .reference(_, let identity), .identifier(let identity):
      guard let id = try? identity.parse(text) else { throw MappingError(name, "expected \(identity.expectation)") }
      value = identity.value(of: id)
    }
    try check(value)
    return value
  }

  /// A plain value from JSON; null takes the field's value away.
  func value(ofJSON json: JSONValue, at place: inout RecordPlace) throws(MappingError) -> Value {
    switch (type, json) {
    case (_, .null):
      return .null
    case (.money, .integer(let number)) where place.form.money == .decimal:
      return try value(ofCell: String(number), at: &place)
    case (.integer, .integer(let number)), (.quantity, .integer(let number)), (.money, .integer(let number)),
      (.day, .integer(let number)):
      let value = Value.integer(number)
      try check(value)
      return value
    case (.boolean, .bool(let flag)):
      return .integer(flag ? 1 : 0)
    case (.boolean, .integer(let bit)) where bit == 0 || bit == 1:
      return .integer(bit)
    case (.reference(_, .number), .integer(let number)), (.identifier(.number), .integer(let number)):
      let value = Value.integer(number)
      try check(value)
      return value
    case (.text, .string(let text)), (.choice, .string(let text)), (.timestamp, .string(let text)),
      (.day, .string(let text)), (.boolean, .string(let text)), (.reference, .string(let text)),
      (.identifier, .string(let text)):
      return try value(ofCell: text, at: &place)
    case (.money, .string(let text)) where place.form.money == .decimal:
      return try value(ofCell: text, at: &place)
    case (.money, .number(let text)):
      return try value(ofCell: text, at: &place)
    default:
      throw MappingError(name, "found \(json.kindName), expected \(fileExpectation)")
    }
  }

  private func check(_ value: Value) throws(MappingError) {
    if let problem = problem(with: value, isLocal: true) { throw MappingError(name, problem) }
  }

  private var fileExpectation: String {
    switch type {
    case .timestamp: "a timestamp such as 2017-06-03T17:05:00Z"
    case .day: "a day as 2017-06-03 or 20170603"
    case .text, .integer, .boolean, .money, .quantity, .choice, .reference, .identifier: type.expectation
    }
  }

  private func plainText(_ text: String) throws(MappingError) -> String {
    guard !text.utf8.contains(0) else { throw MappingError(name, "found a NUL character, which no text has") }
    return text
  }

  private func wholeNumber(_ text: String) throws(MappingError) -> Int64 {
    let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
    let isPlain = !digits.isEmpty && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isPlain else {
      throw MappingError(name, "found something else, expected \(type.expectation) in digits, without spaces or commas")
    }
    guard let number = Int64(text) else { throw MappingError(name, "found a number of more than 64 bits") }
    return number
  }

  private func boolean(_ text: String) throws(MappingError) -> Value {
    switch text.lowercased() {
    case "true", "1", "yes": return .integer(1)
    case "false", "0", "no": return .integer(0)
    default: throw MappingError(name, "found another word, expected true or false, yes or no, 1 or 0")
    }
  }

  private func amount(_ text: String, at place: RecordPlace) throws(MappingError) -> Int64 {
    guard place.form.money == .decimal else {
      guard !text.utf8.contains(UInt8(ascii: ".")) else {
        throw MappingError(
          name, "found a decimal amount; write minor units as a whole number, 12.34 as 1234, or say --money decimal")
      }
      return try wholeNumber(text)
    }
    do throws(MappingError) {
      let (decimals, currency) = try place.moneyDecimals()
      return try DecimalAmount.parse(text, decimals: decimals, currency: currency)
    } catch {
      throw MappingError(name, error.reason)
    }
  }

  private func timestamp(_ text: String, at place: inout RecordPlace) throws(MappingError) -> Int64 {
    if let local = LocalTime(text) {
      do throws(MappingError) {
        let time = try place.time(of: local)
        if let note = place.note, !note.hasPrefix(name) { place.note = "\(name) \(note)" }
        return time
      } catch {
        throw MappingError(name, error.reason)
      }
    }
    do throws(RFC3339Error) {
      return try RFC3339.parse(text).milliseconds
    } catch {
      throw MappingError(name, "\(error.reason); expected \(fileExpectation)")
    }
  }

  private func day(_ text: String) throws(MappingError) -> Int64 {
    let bytes = Array(text.utf8)
    let hyphen = UInt8(ascii: "-")
    let isHyphenated = bytes.count == 10 && bytes[4] == hyphen && bytes[7] == hyphen
    let digits = isHyphenated ? bytes.filter { $0 != hyphen } : bytes
    let isPlain = digits.count == 8 && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isPlain, let number = Int64(String(decoding: digits, as: UTF8.self)), CivilDay(number: number) != nil else {
      throw MappingError(name, "found something else, expected \(fileExpectation)")
    }
    return number
  }
}
