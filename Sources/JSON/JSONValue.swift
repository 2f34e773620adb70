/// A JSON value (RFC 8259). Whole numbers of 64 bits are exact; an object's members keep their order.
package enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  /// Written without a fraction and an exponent, and within 64 bits.
  case integer(Int64)
  /// Every other number, as it was written: an amount such as 12.34 must not pass through floating point.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// What it is, for messages.
  package var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .integer: "a whole number"
    case .number: "a number that is not whole, or beyond 64 bits"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// An object's members, in the order of the text; no name occurs twice.
package struct JSONObject: Hashable, Sendable {
  package struct Member: Hashable, Sendable {
    package var name: String
    package var value: JSONValue

    package init(name: String, value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  package private(set) var members: [Member]

  /// - Precondition: no two members have one name; the parser has refused them.
  package init(_ members: [Member] = []) {
    self.members = members
  }

  package subscript(name: String) -> JSONValue? {
    members.first { $0.name == name }?.value
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// - Precondition: no two members have one name.
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self.init(elements.map { Member(name: $0.0, value: $0.1) })
  }
}

extension JSONValue {
  /// An object; members without a value are left out.
  package static func members(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    .object(JSONObject(members.compactMap { name, value in value.map { JSONObject.Member(name: name, value: $0) } }))
  }

  package subscript(name: String) -> JSONValue? { if case .object(let object) = self { object[name] } else { nil } }

  package var text: String? { if case .string(let text) = self { text } else { nil } }
  package var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral
{
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements.map { JSONObject.Member(name: $0.0, value: $0.1) }))
  }

  package init(stringLiteral value: String) { self = .string(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
}
