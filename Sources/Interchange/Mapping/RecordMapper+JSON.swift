package import JSON
package import StoreModel

extension RecordMapper {
  package func write(_ object: JSONObject) throws(MappingError) -> RecordWrite { try map(object).write }

  package func map(_ object: JSONObject) throws(MappingError) -> MappedRecord {
    let object = try renamed(object)
    var place = place(of: object)
    var id: String?
    var keys = Array(repeating: "", count: keyColumns.count)
    var writes: [FieldWrite] = []
    for member in object.members {
      if let place = keyColumns.firstIndex(of: member.name) { keys[place] = try keyText(member) }
      if member.name == Self.idColumn {
        id = try idText(member.value)
      } else if let field = entity.field(named: member.name) {
        writes += try edits(of: field, member.value, at: &place).map { FieldWrite(field.tag, $0) }
      } else if !keyColumns.contains(member.name) {
        throw unknown(member.name)
      }
    }
    return MappedRecord(write: try write(id: id, keys: keys, writes), note: place.note)
  }

  private func renamed(_ object: JSONObject) throws(MappingError) -> JSONObject {
    guard !names.isPlain else { return object }
    var members: [JSONObject.Member] = []
    for member in object.members where !names.ignores(member.name) || keyColumns.contains(member.name) {
      let name = names.field(of: member.name)
      guard !members.contains(where: { $0.name == name }) else {
        throw MappingError(nil, "found two members for \(quoted(name)), expected one")
      }
      members.append(JSONObject.Member(name: name, value: member.value))
    }
    return JSONObject(members)
  }

  private func place(of object: JSONObject) -> RecordPlace {
    func text(_ name: String?) -> String? {
      switch name.flatMap({ object[$0] }) {
      case .string(let text): text
      case .integer(let number): String(number)
      default: nil
      }
    }
    return place(store: text(storeField), id: text(Self.idColumn), currency: text(currencyField))
  }

  private func edits(
    of field: FieldSchema, _ json: JSONValue, at place: inout RecordPlace
  ) throws(MappingError) -> [FieldEdit] {
    switch (field.rule, json) {
    case (.counter, _):
      throw counterRefusal(field)
    case (.set, .array(let elements)):
      var values: [Value] = []
      for element in elements {
        guard element != .null else { throw MappingError(field.name, "an element may not be null") }
        values.append(try field.value(ofJSON: element, at: &place))
      }
      return [try self.elements(values, of: field)]
    case (.set, _):
      throw MappingError(field.name, "found \(json.kindName), expected an array")
    case (.customFields, .object(let object)):
      var edits: [FieldEdit] = []
      for member in object.members {
        try checkCustomKey(member.name, of: field)
        edits.append(.put(key: member.name, try customValue(member, of: field, at: &place)))
      }
      return edits
    case (.customFields, _):
      throw MappingError(field.name, "found \(json.kindName), expected an object")
    default:
      let value = try field.value(ofJSON: json, at: &place)
      try checkRequired(value, of: field)
      return [.set(value)]
    }
  }

  /// Whole numbers too: a chain's own fields have no declared type.
  private func customValue(
    _ member: JSONObject.Member, of field: FieldSchema, at place: inout RecordPlace
  ) throws(MappingError) -> Value {
    if case .integer(let number) = member.value { return .integer(number) }
    do throws(MappingError) {
      return try field.value(ofJSON: member.value, at: &place)
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
