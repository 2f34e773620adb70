import JSON

/// One record that has changed, as it is now.
public struct Change: Hashable, Sendable {
  /// What has become of the record.
  public enum Kind: String, Sendable {
    case put
    case delete
    /// The node no longer holds it; it is not deleted.
    case removed
  }

  /// The entity's name.
  public var entity: String
  /// The id's text.
  public var id: String
  /// What has become of it.
  public var kind: Kind
  /// Of a record that is there.
  public var record: Record?

  init(_ json: JSONValue) throws(ClientError) {
    guard let entity = json["entity"]?.text, let id = json["id"]?.text,
      let kind = json["change"]?.text.flatMap(Kind.init)
    else { throw .unreadable("expected a change") }
    self.entity = entity
    self.id = id
    self.kind = kind
    if let fields = json["fields"] { record = try Record(fields, id: id, version: json["version"]?.text) }
  }
}

/// Some changes, and where to go on.
public struct ChangePage: Hashable, Sendable {
  /// In the order of the node's log.
  public var changes: [Change]
  /// For `after`.
  public var next: String
  /// There are more already.
  public var hasMore: Bool

  init(_ json: JSONValue) throws(ClientError) {
    guard case .array(let items)? = json["items"], let next = json["next"]?.text,
      case .bool(let hasMore)? = json["more"]
    else { throw .unreadable("expected a page of changes") }
    var changes: [Change] = []
    for item in items { changes.append(try Change(item)) }
    (self.changes, self.next, self.hasMore) = (changes, next, hasMore)
  }
}
