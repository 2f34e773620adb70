package import StoreModel

extension RecordMapper {
  package func write(_ object: JSONObject) throws(MappingError) -> RecordWrite {
    var id: String?
    var keys = Array(repeating: "", count: keyColumns.count)
    var writes: [FieldWrite] = []
    for member in object.members {
      if let place = keyColumns.firstIndex(of: member.name) { keys[place] = try keyText(member) }
      if member.name == Self.idColumn {
        id = try idText(member.value)
      } else if let field = entity.field(named: member.name) {
        writes += try edits(of: field, member.value).map { FieldWrite(field.tag, $0) }
      } else if !keyColumns.contains(member.name) {
        throw unknown(member.name)
      }
    }
    return try write(id: id, keys: keys, writes)
  }

  private func edits(of field: FieldSchema, _ json: JSONValue) throws(MappingError) -> [FieldEdit] {
    switch (field.rule, json) {
    case (.counter, _):
      throw counterRefusal(field)
    case (.set, .array(let elements)):
      var values: [Value] = []
      for element in elements {
        guard element != .null else { throw MappingError(field.name, "an element may not be null") }
        values.append(try field.value(ofJSON: element))
      }
      return [try self.elements(values, of: field)]
    case (.set, _):
      throw MappingError(field.name, "found \(json.kindName), expected an array")
    case (.customFields, .object(let object)):
      var edits: [FieldEdit] = []
      for member in object.members {
        try checkCustomKey(member.name, of: field)
        edits.append(.put(key: member.name, try customValue(member, of: field)))
      }
      return edits
    case (.customFields, _):
      throw MappingError(field.name, "found \(json.kindName), expected an object")
    default:
      let value = try field.value(ofJSON: json)
      try checkRequired(value, of: field)
      return [.set(value)]
    }
  }

  /// Whole numbers too: a chain's own fields have no declared type.
  private func customValue(_ member: JSONObject.Member, of field: FieldSchema) throws(MappingError) -> Value {
    if case .integer(let number) = member.value { return .integer(number) }
    do throws(MappingError) {
      return try field.value(ofJSON: member.value)
    } catch {
      throw MappingError("\(field.name).\(member.name)", error.reason)
    }
  }

  /// A number for entities that have numbers: nothing is lost, because it has no leading zeros.
  private func idText(_ json: JSONValue) throws(MappingError) -> String? {
    switch json {
    case .string(""): return nil
    case .string(let text): return text
    case .integer(let number) where entity.identity == .number: return String(number)
    default: throw MappingError(Self.idColumn, "found \(json.kindName), expected a string")
    }
  }

  private func keyText(_ member: JSONObject.Member) throws(MappingError) -> String {
    switch member.value {
    case .string(let text): return text
    case .integer(let number): return String(number)
    case .null: return ""
    default:
      throw MappingError(member.name, "found \(member.value.kindName), expected a string to be part of the key")
    }
  }
}
