package import Base

/// A request that must take effect once, however often it comes: its sender asks again with the same key if no answer has
/// reached it.
package struct RequestIdentity: Hashable, Sendable {
  /// Whose keys they are: two senders that choose the same key mean two requests.
  package var scope: String
  package var key: String
  /// Of the whole request: another one under the same key is a mistake of its sender.
  package var digest: [UInt8]

  package init(scope: String, key: String, digest: [UInt8]) {
    self.scope = scope
    self.key = key
    self.digest = digest
  }
}

/// What a request was answered, byte for byte.
package struct RequestAnswer: Hashable, Sendable {
  package var status: UInt16
  package var body: [UInt8]

  package init(status: UInt16, body: [UInt8]) {
    self.status = status
    self.body = body
  }
}

/// A request that took effect, and its answer; kept for `StoreLimits.requestDays`.
package struct AnsweredRequest: Hashable, Sendable {
  package var request: RequestIdentity
  package var answer: RequestAnswer
  package var at: WallTime

  package init(request: RequestIdentity, answer: RequestAnswer, at: WallTime) {
    self.request = request
    self.answer = answer
    self.at = at
  }
}

/// What a request comes to.
package enum RequestOutcome: Hashable, Sendable {
  /// It took effect now, or changed nothing and is not remembered.
  case answered(RequestAnswer)
  /// It took effect before: this is what it was answered then.
  case repeated(RequestAnswer)
  /// Another request took effect under its key.
  case keyReused
}
