import Base
import Merge
import StoreModel

/// How a field's shown content lies in its SQL column.
struct FieldColumn {
  enum Kind: String {
    case integer = "INTEGER"
    case text = "TEXT"
    case bytes = "BLOB"

    init(_ identity: Identity) {
      self =
        switch identity {
        case .uuid, .composed: .bytes
        case .key: .text
        case .number: .integer
        }
    }

    /// Whether a value comes back from a column of this affinity as it went in.
    func holds(_ value: Value) -> Bool {
      switch (self, value) {
      case (.integer, .integer), (.text, .text), (.bytes, .bytes): true
      default: false
      }
    }
  }

  var field: FieldSchema
  var kind: Kind

  init(_ field: FieldSchema) {
    self.field = field
    kind = Self.kind(of: field)
  }

  private static func kind(of field: FieldSchema) -> Kind {
    switch field.rule {
    case .set, .customFields: return .text
    case .counter: return .integer
    default: break
    }
    switch field.type {
    case .text, .choice: return .text
    case .integer, .boolean, .money, .quantity, .timestamp, .day: return .integer
    case .reference(_, let identity), .identifier(let identity): return Kind(identity)
    }
  }

  /// A plain value that is of another kind than the field's type comes from a version that contradicts this one: SQL
  /// sees NULL there, and the record keeps the value.
  func value(showing content: FieldContent) -> Value {
    switch (field.rule, content) {
    case (.set, .set(let values)): return .text(JSONText.array(values))
    case (.customFields, .customFields(let fields)): return .text(JSONText.object(fields))
    case (.counter, .counter(let sum)): return .integer(sum)
    case (.set, _), (.customFields, _), (.counter, _): return .null
    case (_, .value(let value)): return kind.holds(value) ? value : .null
    default: return .null
    }
  }
}

extension EntitySchema {
  /// What the columns hold of a record, in the order of `fields`.
  func columnValues(_ columns: [FieldColumn], of state: RecordState) -> [Value] {
    // Where several wrote a fact, which of them is shown is the whole record's matter.
    let choosesWhole = mutability == .immutable && state.onlyStamp == nil
    var values: [Value] = []
    values.reserveCapacity(columns.count)
    var place = 0
    for column in columns {
      let tag = column.field.tag.rawValue
      while place < state.fields.count, state.fields[place].tag.rawValue < tag { place += 1 }
      guard place < state.fields.count, state.fields[place].tag.rawValue == tag else {
        values.append(column.value(showing: .null))
        continue
      }
      if !choosesWhole, let only = state.fields[place].content.siblings?.only {
        // One value: nothing to choose.
        values.append(column.value(showing: .value(only.value)))
      } else {
        values.append(column.value(showing: state.shown(column.field, self)))
      }
    }
    return values
  }
}

/// The JSON (RFC 8259) of collections, for SQL's `json_each`. Bytes are in lower-case hexadecimal.
enum JSONText {
  static func array(_ values: [Value]) -> String {
    var text: [UInt8] = [UInt8(ascii: "[")]
    for (index, value) in values.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      append(value, to: &text)
    }
    text.append(UInt8(ascii: "]"))
    return String(decoding: text, as: UTF8.self)
  }

  static func object(_ fields: [CustomField]) -> String {
    var text: [UInt8] = [UInt8(ascii: "{")]
    for (index, field) in fields.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      append(field.key, to: &text)
      text.append(UInt8(ascii: ":"))
      append(field.value, to: &text)
    }
    text.append(UInt8(ascii: "}"))
    return String(decoding: text, as: UTF8.self)
  }

  private static func append(_ value: Value, to text: inout [UInt8]) {
    switch value {
    case .null: text += "null".utf8
    case .integer(let integer): text += String(integer).utf8
    case .text(let string): append(string, to: &text)
    case .bytes(let bytes): append(Hex.encode(bytes), to: &text)
    }
  }

  private static func append(_ string: String, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
      case 0..<0x20: text += "\\u00\(Hex.encode(CollectionOfOne(byte)))".utf8
      default: text.append(byte)
      }
    }
    text.append(UInt8(ascii: "\""))
  }
}
