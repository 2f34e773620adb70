import JSON

/// What a record shows for a field, as the API has it. Money is in minor units, quantities in the product's unit; times are RFC 3339
/// texts, ids and references texts.
public enum FieldValue: Hashable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int64)
  case text(String)
  /// The elements of a set.
  case list([FieldValue])
  /// Custom fields, by their names.
  case fields([String: FieldValue])

  /// The text, if it is one.
  public var text: String? { if case .text(let text) = self { text } else { nil } }
  /// The whole number, if it is one.
  public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }

  init(_ json: JSONValue) {
    switch json {
    case .null: self = .null
    case .bool(let bool): self = .boolean(bool)
    case .integer(let number): self = .integer(number)
    // The API has none but whole numbers of 64 bits; another server's are kept as they are written.
    case .number(let text), .string(let text): self = .text(text)
    case .array(let items): self = .list(items.map(FieldValue.init))
    case .object(let object):
      self = .fields(Dictionary(uniqueKeysWithValues: object.members.map { ($0.name, FieldValue($0.value)) }))
    }
  }

  var json: JSONValue {
    switch self {
    case .null: .null
    case .boolean(let bool): .bool(bool)
    case .integer(let number): .integer(number)
    case .text(let text): .string(text)
    case .list(let values): .array(values.map(\.json))
    case .fields(let fields): .fields(fields)
    }
  }
}

extension JSONValue {
  /// In the order of the names, so that the same request has the same bytes: an idempotency key is bound to them.
  static func fields(_ fields: [String: FieldValue]) -> JSONValue {
    .object(
      JSONObject(
        fields.sorted { $0.key < $1.key }.map { JSONObject.Member(name: $0.key, value: $0.value.json) }))
  }
}

extension FieldValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// A text.
  public init(stringLiteral value: String) { self = .text(value) }
  /// A whole number.
  public init(integerLiteral value: Int64) { self = .integer(value) }
  /// True or false.
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  /// No value.
  public init(nilLiteral: ()) { self = .null }
  /// The elements of a set.
  public init(arrayLiteral elements: FieldValue...) { self = .list(elements) }
  /// Custom fields.
  /// - Precondition: no two have one name.
  public init(dictionaryLiteral elements: (String, FieldValue)...) {
    self = .fields(Dictionary(uniqueKeysWithValues: elements))
  }
}
