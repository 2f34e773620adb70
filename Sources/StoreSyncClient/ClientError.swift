import JSON

/// Why a request came to nothing.
public enum ClientError: Error, Hashable, Sendable {
  /// What the node says is wrong (RFC 9457).
  public struct Problem: Hashable, Sendable {
    /// From the catalogue of codes, which the API's description has.
    public var code: String
    /// The HTTP status.
    public var status: Int
    /// What was found, what was expected, what to do.
    public var detail: String
    /// The fields that are wrong, with what is wrong with each.
    public var fields: [String: String]
    /// Where to go on, where a cursor is of no use any more.
    public var start: String?

    init(_ json: JSONValue, status: Int) {
      code = json["code"]?.text ?? "unknown"
      self.status = status
      detail = json["detail"]?.text ?? ""
      start = json["start"]?.text
      var fields: [String: String] = [:]
      if case .array(let places)? = json["errors"] {
        for place in places { fields[place["field"]?.text ?? ""] = place["message"]?.text ?? "" }
      }
      self.fields = fields
    }
  }

  /// It will be refused however often it is asked.
  case refused(Problem)
  /// The node has not answered in the time that the policy allows; with the last reason. What carries a key may have been done: ask
  /// again with the same.
  case unanswered(String)
  /// The answer is none of this API's.
  case unreadable(String)
}
