package import JSON

/// JSON Schemas (2020-12, as OpenAPI 3.1 has them), each as the JSON that stands in the description. Objects are closed.
package enum Schema {
  package static let text: JSONValue = ["type": "string"]
  package static let integer: JSONValue = ["type": "integer", "format": "int64"]
  package static let count: JSONValue = ["type": "integer", "format": "int64", "minimum": 0]
  package static let boolean: JSONValue = ["type": "boolean"]
  package static let time: JSONValue = ["type": "string", "format": "date-time"]

  package static func ref(_ name: String) -> JSONValue { ["$ref": .string("#/components/schemas/\(name)")] }

  package static func array(_ items: JSONValue, maximum: Int? = nil) -> JSONValue {
    .members(["type": "array", "items": items, "maxItems": maximum.map { .integer(Int64($0)) }])
  }

  package static func choice(_ words: [String]) -> JSONValue {
    ["type": "string", "enum": .array(words.map(JSONValue.string))]
  }

  package static func described(_ schema: JSONValue, _ description: String) -> JSONValue {
    guard case .object(let object) = schema else { return schema }
    return .object(JSONObject(object.members + [.init(name: "description", value: .string(description))]))
  }

  package static func nullable(_ schema: JSONValue) -> JSONValue { ["anyOf": .array([schema, ["type": "null"]])] }

  /// - Parameter optional: those that may be absent.
  package static func object(
    _ properties: KeyValuePairs<String, JSONValue>, optional: Set<String> = [], description: String? = nil
  ) -> JSONValue {
    let required = properties.map(\.key).filter { !optional.contains($0) }
    return .members([
      "type": "object", "description": description.map(JSONValue.string),
      "properties": .object(JSONObject(properties.map { JSONObject.Member(name: $0.key, value: $0.value) })),
      "required": required.isEmpty ? nil : .array(required.map(JSONValue.string)), "additionalProperties": false,
    ])
  }

  /// An object whose members have names of the chain's own, custom fields most of all.
  package static func map(_ values: JSONValue) -> JSONValue { ["type": "object", "additionalProperties": values] }
}
