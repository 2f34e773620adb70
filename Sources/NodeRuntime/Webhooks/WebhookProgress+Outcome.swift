package import Base

/// What became of one attempt to deliver a message.
package enum WebhookOutcome: Hashable, Sendable {
  /// - retryAfter: milliseconds that the receiver asks to be left alone for.
  case answered(status: Int, retryAfter: Int64?)
  /// There was no answer; why, for a person.
  case failed(String)
}

/// What follows from that.
package enum WebhookVerdict: Hashable, Sendable {
  case delivered
  /// In milliseconds.
  case retry(after: Int64)
  case paused
}

extension WebhookProgress {
  /// Whether the sender leaves the hook alone.
  package func isPaused(_ hook: Webhook) -> Bool {
    guard !hook.isPaused else { return true }
    guard let pausedAt else { return false }
    return hook.resumedAt.map { $0 < pausedAt } ?? true
  }

  /// A person has let it go on: it starts with a clean sheet.
  package mutating func resume() {
    pausedAt = nil
    failingSince = nil
    failures = 0
    problem = nil
  }

  /// Notes an outcome, and decides what follows.
  package mutating func note(
    _ outcome: WebhookOutcome, at now: WallTime, using generator: inout some RandomNumberGenerator
  ) -> WebhookVerdict {
    var asked: Int64 = 0
    switch outcome {
    case .answered(200..<300, _):
      resume()
      lastDelivery = now
      return .delivered
    case .answered(let status, let retryAfter):
      problem = "the receiver answered \(status)"
      asked = min(max(retryAfter ?? 0, 0), WebhookLimits.highestRetryAfterMilliseconds)
      if status == 410 {
        problem = "the receiver answered 410: it wants no more"
        pausedAt = now
        return .paused
      }
    case .failed(let reason):
      problem = String(decoding: reason.utf8.prefix(WebhookLimits.problemBytes), as: UTF8.self)
    }
    failures += 1
    let since = failingSince ?? now
    failingSince = since
    guard now.milliseconds(since: since) < WebhookLimits.givenUpMilliseconds else {
      problem = "paused after \(failures) failures since \(RFC3339.format(since)): \(problem ?? "")"
      pausedAt = now
      return .paused
    }
    return .retry(after: max(asked, Self.wait(afterFailure: failures, using: &generator)))
  }

  /// Random between half of a bound and all of it, so that hooks to one receiver do not come back in one moment.
  private static func wait(afterFailure number: Int, using generator: inout some RandomNumberGenerator) -> Int64 {
    let doublings = Int64(min(number - 1, 20))
    let bound = min(WebhookLimits.firstRetryMilliseconds << doublings, WebhookLimits.highestRetryMilliseconds)
    return Int64.random(in: bound / 2...bound, using: &generator)
  }
}
