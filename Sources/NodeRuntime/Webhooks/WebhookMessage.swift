import Base
import RecordStore
import Transport

/// One message to a receiver (Standard Webhooks 1.0.0): what is posted, and how it is told apart from others.
package struct WebhookMessage: Hashable, Sendable {
  /// The same with each attempt to deliver the same, so that a receiver may leave out what it has had.
  package var id: String
  package var body: [UInt8]

  /// A page of changes.
  /// - Parameter data: its JSON text.
  static func changes(
    _ page: FeedPage, after: FeedCursor?, data: String, hook: String, at now: WallTime
  ) -> WebhookMessage {
    message("changes", data: data, at: now, id: id(hook, after?.text ?? "", page.next.text))
  }

  /// What the receiver holds of this node may be of a past that is undone: all comes anew.
  static func reset(reason: String, hook: String, since: WallTime?, at now: WallTime) -> WebhookMessage {
    message(
      "changes.reset", data: "{\"reason\":\"\(reason)\"}", at: now,
      id: id(hook, reason, "\(since?.milliseconds ?? 0)"))
  }

  static func test(hook: String, at now: WallTime) -> WebhookMessage {
    message("test", data: "{}", at: now, id: id(hook, "test", "\(now.milliseconds)"))
  }

  private static func message(_ type: String, data: String, at now: WallTime, id: String) -> WebhookMessage {
    let text = "{\"type\":\"\(type)\",\"timestamp\":\"\(RFC3339.format(now))\",\"data\":\(data)}"
    return WebhookMessage(id: id, body: Array(text.utf8))
  }

  private static func id(_ parts: String...) -> String {
    "msg_" + Base64.encodeForAddress(Array(Digest.sha256(Array(parts.joined(separator: "\n").utf8)).prefix(18)))
  }
}

/// Posts a message, away from the caller's thread.
package protocol WebhookPosting: Sendable {
  /// Calls `completion` once, on any thread.
  /// - Returns: what takes the request back; `completion` is called then, too.
  func post(
    _ body: [UInt8], to address: String, headers: [(name: String, value: String)], allowsPlainHTTP: Bool,
    timeoutMilliseconds: Int64, answerLimitBytes: Int, completion: @escaping @Sendable (WebhookOutcome) -> Void
  ) -> @Sendable () -> Void
}
