import JSON

/// A record as a node shows it.
public struct Record: Hashable, Sendable {
  /// The id's text.
  public var id: String
  /// All fields that the node knows, by name; those without a value are `null` or absent.
  public var fields: [String: FieldValue]
  /// What it was when it was read, for `ifVersion`; nil if it came in a page.
  public var version: String?

  /// What a field shows; null if the node says nothing of it.
  public subscript(field: String) -> FieldValue { fields[field] ?? .null }

  init(_ json: JSONValue, id known: String? = nil, version: String? = nil) throws(ClientError) {
    guard case .object(let object) = json, let id = known ?? object["id"]?.text else {
      throw .unreadable("expected a record")
    }
    self.id = id
    self.version = version
    var fields: [String: FieldValue] = [:]
    for member in object.members where member.name != "id" { fields[member.name] = FieldValue(member.value) }
    self.fields = fields
  }
}

/// Some records, and where to go on.
public struct RecordPage: Hashable, Sendable {
  /// In the order that was asked for.
  public var records: [Record]
  /// For `after`; nil if these were the last.
  public var next: String?
}

/// What records must show to be found. Which fields can be searched is in the API's description.
public struct Filter: Hashable, Sendable {
  /// How a field's value compares with the one that is asked for.
  public enum Comparison: String, Sendable {
    case equal = ""
    case atLeast = "[gte]"
    case above = "[gt]"
    case atMost = "[lte]"
    case below = "[lt]"
  }

  /// The field's name, or `id`.
  public var field: String
  /// How its value compares.
  public var comparison: Comparison
  /// As the API writes it: an id's text, a time as RFC 3339.
  public var value: String

  /// One with these contents.
  public init(_ field: String, _ comparison: Comparison = .equal, _ value: String) {
    self.field = field
    self.comparison = comparison
    self.value = value
  }
}

/// One record's part of a commit.
public struct Write: Hashable, Sendable {
  /// What happens to the record.
  public enum Action: String, Sendable {
    /// The whole record: fields that are not named are cleared.
    case put
    /// The named fields; null clears one.
    case patch
    case delete
  }

  /// The entity's name.
  public var entity: String
  /// The id's text.
  public var id: String
  /// What happens to it.
  public var action: Action
  /// The fields to write, by name.
  public var fields: [String: FieldValue]
  /// The version that the record must have, so that nothing is overwritten that was not seen.
  public var ifVersion: String?

  /// One with these contents.
  public init(
    _ action: Action, _ entity: String, _ id: String, _ fields: [String: FieldValue] = [:], ifVersion: String? = nil
  ) {
    self.entity = entity
    self.id = id
    self.action = action
    self.fields = fields
    self.ifVersion = ifVersion
  }

  var json: JSONValue {
    .members([
      "entity": .string(entity), "id": .string(id), "action": .string(action.rawValue),
      "fields": action == .delete ? nil : .fields(fields), "ifMatch": ifVersion.map(JSONValue.string),
    ])
  }
}
