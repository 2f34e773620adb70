import Interchange
import JSON
import Merge
import NodeRuntime
import RecordStore
import StoreModel

/// What a request does to one record, as far as the request alone tells it.
struct RecordEdit: Sendable {
  enum Action: String, Sendable, CaseIterable {
    /// The record as it shall be: fields that are not named lose their values. Counters stay.
    case put
    /// The named fields.
    case patch
    case delete
  }

  let entity: EntitySchema
  let id: RecordID
  let action: Action
  var precondition: Precondition?
  /// Where in the body its fields stand, with a point behind it.
  let path: String
  private var writes: [FieldWrite] = []
  /// Counters that stand there as numbers: they are not set, so they must be what is there.
  private var counters: [(field: FieldSchema, value: Int64)] = []
  /// Custom fields that shall be empty.
  private var emptied: Set<FieldTag> = []

  /// - Throws: a problem that names the field.
  init(
    _ action: Action, _ entity: EntitySchema, _ id: RecordID, _ object: JSONObject = JSONObject(), at path: String = ""
  ) throws(Problem) {
    self.action = action
    self.entity = entity
    self.id = id
    self.path = path
    guard action != .delete else { return }
    var members: [JSONObject.Member] = []
    for member in object.members { if let plain = try take(member) { members.append(plain) } }
    members += identityMembers(beside: members)
    do throws(MappingError) {
      let write = try RecordMapper(entity).write(JSONObject(members))
      guard write.id == id else {
        throw MappingError(
          "id", "the fields that make up the id name another record; leave them out, or make them agree")
      }
      if case .write(let fields) = write.action { writes += fields }
    } catch {
      throw Problem(error, at: path)
    }
  }

  /// What the mapper is to read of a member; nil if it is dealt with.
  private mutating func take(_ member: JSONObject.Member) throws(Problem) -> JSONObject.Member? {
    if member.name == "id" {
      try check(id: member.value)
      return nil
    }
    guard let field = entity.field(named: member.name) else {
      let known = ["id"] + entity.fields.map(\.name)
      let name = String(member.name.prefix(64))
      throw Problem(
        .unknownField,
        "\(path)\(name): a \(entity.name) has no such field; known are: \(known.joined(separator: ", "))",
        at: [.init(path + name, "no field of \(entity.name)")],
        extra: [.init(name: "allowed", value: .array(known.map(JSONValue.string)))])
    }
    switch (field.rule, member.value) {
    case (.counter, let value):
      try takeCounter(field, value)
      return nil
    case (.set, .null): return JSONObject.Member(name: member.name, value: .array([]))
    case (.customFields, .null):
      emptied.insert(field.tag)
      return nil
    default: return member
    }
  }

  private func check(id value: JSONValue) throws(Problem) {
    let text: String? =
      switch value {
      case .string(let text): text
      case .integer(let number): String(number)
      default: nil
      }
    guard let text, let given = try? entity.identity.parse(text), given == id else {
      throw Problem(
        .invalidValue, "\(path)id: expected the id of the record that is written, or none",
        at: [.init("\(path)id", "expected the id of the record that is written, or none")])
    }
  }

  private mutating func takeCounter(_ field: FieldSchema, _ value: JSONValue) throws(Problem) {
    switch value {
    case .integer(let number): counters.append((field, number))
    case .object(let object):
      guard object.members.count == 1, case .integer(let difference)? = object["add"] else { throw counter(field) }
      writes.append(FieldWrite(field.tag, .add(difference)))
    default: throw counter(field)
    }
  }

  private func counter(_ field: FieldSchema) -> Problem {
    let message = "a counter is not set; write {\"add\": 1}, or leave it out"
    return Problem(.invalidValue, "\(path)\(field.name): \(message)", at: [.init(path + field.name, message)])
  }

  /// The id, and of a composed one the fields that it consists of, so that nobody has to say them twice.
  private func identityMembers(beside members: [JSONObject.Member]) -> [JSONObject.Member] {
    var added = [JSONObject.Member(name: "id", value: .string(entity.identity.text(of: id)))]
    guard case .composed(let components) = entity.identity, let parts = entity.identity.parts(of: id) else {
      return added
    }
    for (tag, (component, part)) in zip(entity.identityFields, zip(components, parts)) {
      guard let field = entity.field(tag), !members.contains(where: { $0.name == field.name }) else { continue }
      if field.type == .integer, case .integer(let number) = component.identity.value(of: part) {
        added.append(JSONObject.Member(name: field.name, value: .integer(number)))
      } else {
        added.append(JSONObject.Member(name: field.name, value: .string(component.identity.text(of: part))))
      }
    }
    return added
  }

  // MARK: Within the transaction

  /// The write, given what is there.
  func write(on state: RecordState?) throws(Problem) -> RecordWrite {
    let present = state.flatMap { $0.isDeleted(entity.deletion) ? nil : $0 }
    for (field, value) in counters {
      guard (present?.shown(field, entity) ?? .null).counted == value else { throw counter(field) }
    }
    guard action != .delete else { return RecordWrite(entity: entity.tag, id: id, .delete) }
    var writes = writes
    if let present, entity.mutability == .mutable {
      for field in entity.fields where action == .put || emptied.contains(field.tag) {
        writes += clearing(field, of: present, beside: writes)
      }
    }
    return RecordWrite(entity: entity.tag, id: id, .write(writes))
  }

  /// What takes away of a field that the request does not name.
  private func clearing(_ field: FieldSchema, of state: RecordState, beside writes: [FieldWrite]) -> [FieldWrite] {
    let named = writes.filter { $0.field == field.tag }
    switch state.content(of: field.tag) {
    case .register where named.isEmpty: return [FieldWrite(field.tag, .set(.null))]
    case .set where named.isEmpty: return [FieldWrite(field.tag, .replaceElements([]))]
    case .map(let entries):
      let keys = Set(
        named.compactMap { write in if case .put(let key, _) = write.edit { Array(key.utf8) } else { nil } })
      return entries.filter { !keys.contains(Array($0.key.utf8)) }.map {
        FieldWrite(field.tag, .put(key: $0.key, .null))
      }
    case .register, .set, .counter, nil: return []
    }
  }
}

extension FieldContent {
  fileprivate var counted: Int64 { if case .counter(let sum) = self { sum } else { 0 } }
}
