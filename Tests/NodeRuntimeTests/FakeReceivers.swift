import Base
import Dispatch
import RecordStore
import StoreModel
import Synchronization
import Testing

@testable import NodeRuntime

/// Receivers of webhooks, which answer as a test says, and take 200 for what it does not say.
final class FakeReceivers: WebhookPosting {
  struct Post: Sendable {
    var address: String
    var headers: [String: String]
    var body: String

    var id: String { headers["webhook-id"] ?? "" }
  }

  private struct Receiver: Sendable {
    var outcomes: [WebhookOutcome] = []
    var isSilent = false
  }

  private let receivers = Mutex<[String: Receiver]>([:])
  private let all = Mutex<[Post]>([])
  private let arrived = DispatchSemaphore(value: 0)

  func answer(_ outcomes: WebhookOutcome..., at address: String) {
    receivers.withLock { $0[address, default: Receiver()].outcomes += outcomes }
  }

  func sayNothing(at address: String) { receivers.withLock { $0[address, default: Receiver()].isSilent = true } }

  func post(
    _ body: [UInt8], to address: String, headers: [(name: String, value: String)], allowsPlainHTTP: Bool,
    timeoutMilliseconds: Int64, answerLimitBytes: Int, completion: @escaping @Sendable (WebhookOutcome) -> Void
  ) -> @Sendable () -> Void {
    let post = Post(
      address: address, headers: Dictionary(headers.map { ($0.name, $0.value) }) { first, _ in first },
      body: String(decoding: body, as: UTF8.self))
    all.withLock { $0.append(post) }
    let (outcome, isSilent) = receivers.withLock { receivers in
      var receiver = receivers[address] ?? Receiver()
      defer { receivers[address] = receiver }
      return (receiver.outcomes.isEmpty ? nil : receiver.outcomes.removeFirst(), receiver.isSilent)
    }
    if !isSilent { completion(outcome ?? .answered(status: 200, retryAfter: nil)) }
    arrived.signal()
    return {}
  }

  /// Waits until there have been so many posts in all, and gives those to one address.
  func posts(_ count: Int, to address: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [Post] {
    while all.withLock({ $0.count }) < count {
      try #require(arrived.wait(timeout: .now() + 60) == .success, "a post", sourceLocation: sourceLocation)
    }
    return all.withLock { $0 }.filter { $0.address == address }
  }
}

/// Time that passes when a test says so.
final class FakeDelay: Sendable {
  private struct Wait: Sendable {
    var milliseconds: Int64
    var body: @Sendable () -> Void
  }

  private let waits = Mutex<[Wait]>([])
  private let begun = DispatchSemaphore(value: 0)

  func callAsFunction(_ milliseconds: Int64, _ body: @escaping @Sendable () -> Void) {
    // Writing down is not what the tests wait for.
    guard milliseconds != WebhookLimits.flushMilliseconds else { return }
    waits.withLock { $0.append(Wait(milliseconds: milliseconds, body: body)) }
    begun.signal()
  }

  /// Lets the next wait end as soon as it has begun.
  /// - Returns: how long it was, in milliseconds.
  func pass() throws -> Int64 {
    try #require(begun.wait(timeout: .now() + 60) == .success, "a wait")
    let wait = waits.withLock { $0.removeFirst() }
    wait.body()
    return wait.milliseconds
  }

  var count: Int { waits.withLock { $0.count } }
}
