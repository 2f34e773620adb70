import Base
package import JSON
package import Wire

extension JSONValue {
  /// An answer of the control service; byte strings as hexadecimal text, as `--json` has them.
  package init(_ value: CBORValue) {
    switch value {
    case .unsigned(let number): self = Int64(exactly: number).map(JSONValue.integer) ?? .number(String(number))
    case .negative(let number): self = .integer(number)
    case .bytes(let bytes): self = .string(Hex.encode(bytes))
    case .text(let text): self = .string(text)
    case .array(let items): self = .array(items.map(JSONValue.init))
    case .map(let pairs):
      let members = pairs.map { pair in
        JSONObject.Member(name: pair.key.plainText, value: JSONValue(pair.value))
      }
      self = .object(JSONObject(members))
    case .boolean(let bool): self = .bool(bool)
    case .null: self = .null
    }
  }

  /// Without the number of the control service's schema: the path says which version of the API it is.
  package var withoutSchemaNumber: JSONValue {
    guard case .object(let object) = self else { return self }
    return .object(JSONObject(object.members.filter { $0.name != "schema" }))
  }
}

extension CBORValue {
  fileprivate var plainText: String { if case .text(let text) = self { text } else { description } }
}
