import Base
import Causality
import Dispatch
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Synchronization
import Testing

@testable import NodeRuntime

/// What HQ posts, when, and how often.
@Suite struct WebhookTests {
  private let shop: Shop
  private let receivers = FakeReceivers()
  private let delay = FakeDelay()
  private let sender: WebhookSender

  init() throws {
    shop = try Shop()
    sender = WebhookTests.sender(shop, receivers, delay)
  }

  private static func sender(_ shop: Shop, _ receivers: FakeReceivers, _ delay: FakeDelay) -> WebhookSender {
    WebhookSender(
      gate: shop.gate, posting: receivers, log: { _ in },
      render: { page, _ in
        "\"" + page.items.map { String(decoding: $0.key.id.bytes, as: UTF8.self) }.joined(separator: ",") + "\""
      },
      using: SeededGenerator(seed: 1), delay: { delay($0, $1) })
  }

  private func add(_ name: String, from cursor: FeedCursor? = nil, entities: [String] = []) throws {
    let hook = Webhook(
      name: name, address: "https://\(name)/", entities: entities, secrets: [WebhookSecret(bytes: [1, 2, 3])],
      createdAt: WallTime(milliseconds: 1))
    try shop.gate.writeNow { engine throws(StoreError) in
      try engine.backend.setSettings([
        (Webhook.setting(name), hook.bytes), (Webhook.progressSetting(name), WebhookProgress(cursor: cursor).bytes),
      ])
    }
  }

  private func change(_ name: String, _ change: @escaping @Sendable (inout Webhook) -> Void) throws {
    try shop.gate.writeNow { engine throws(StoreError) in
      guard var hook = try Webhook.find(name, engine)?.hook else { return }
      change(&hook)
      try engine.backend.setSettings([(Webhook.setting(name), hook.bytes)])
    }
    reload()
  }

  private func reload() {
    let done = DispatchSemaphore(value: 0)
    sender.reload { done.signal() }
    done.wait()
  }

  private func commit(_ numbers: Range<Int>) {
    let done = DispatchSemaphore(value: 0)
    shop.gate.commit(numbers.map(Shop.draft)) { _ in done.signal() }
    done.wait()
  }

  private func stop(_ sender: WebhookSender) {
    let done = DispatchSemaphore(value: 0)
    sender.stop { done.signal() }
    done.wait()
  }

  private func progress(_ name: String) throws -> WebhookProgress {
    try shop.gate.writeNow { engine throws(StoreError) -> WebhookProgress in
      guard let progress = try Webhook.find(name, engine)?.progress else { throw StoreError(.notFound, name) }
      return progress
    }
  }

  private static func ids(_ posts: [FakeReceivers.Post]) -> [String] {
    posts.flatMap { post in
      let text = post.body.split(separator: "\"data\":\"").last?.dropLast(2) ?? ""
      return text.split(separator: ",").map(String.init)
    }
  }

  @Test func allIsPostedInOrderAndNothingTwice() throws {
    commit(0..<250)
    try add("a")
    sender.start()
    let posts = try receivers.posts(3, to: "https://a/")
    #expect(Self.ids(posts) == (0..<250).map { "m\($0)" })
    #expect(posts.map { Self.ids([$0]).count } == [100, 100, 50])
    #expect(Set(posts.map(\.id)).count == 3)
    #expect(posts[0].body.hasPrefix("{\"type\":\"changes\",\"timestamp\":\"20"))
    commit(250..<251)
    #expect(try Self.ids(Array(receivers.posts(4, to: "https://a/").dropFirst(3))) == ["m250"])
    stop(sender)
    // What was delivered is written down, and the next process goes on there.
    let again = Self.sender(shop, receivers, delay)
    again.start()
    commit(251..<253)
    let last = try Self.ids(Array(receivers.posts(5, to: "https://a/").dropFirst(4)))
    #expect(last.first == "m251")
    stop(again)
    #expect(try progress("a").lastDelivery != nil)
  }

  @Test func whatIsNotTakenComesAgain() throws {
    receivers.answer(
      .failed("nobody is there"), .answered(status: 503, retryAfter: 70_000), .answered(status: 404, retryAfter: nil),
      at: "https://a/")
    commit(0..<3)
    try add("a")
    sender.start()
    #expect((2_500...5_000).contains(try delay.pass()))
    #expect(try delay.pass() == 70_000, "as long as it asks for")
    #expect((10_000...20_000).contains(try delay.pass()))
    let posts = try receivers.posts(4, to: "https://a/")
    #expect(posts.allSatisfy { Self.ids([$0]) == ["m0", "m1", "m2"] })
    #expect(Set(posts.map(\.id)).count == 1, "a receiver can tell that it has it")
    stop(sender)
    #expect(try progress("a").problem == nil)
    #expect(try progress("a").failures == 0)
  }

  @Test func aReceiverThatWantsNoMoreIsLeftAlone() throws {
    receivers.answer(.answered(status: 410, retryAfter: nil), at: "https://a/")
    commit(0..<1)
    try add("a")
    sender.start()
    _ = try receivers.posts(1, to: "https://a/")
    commit(1..<2)
    reload()
    #expect(try receivers.posts(1, to: "https://a/").count == 1)
    #expect(delay.count == 0)
    try change("a") { $0.resumedAt = WallTime(milliseconds: .max / 2) }
    #expect(try Self.ids(Array(receivers.posts(2, to: "https://a/").dropFirst())) == ["m0", "m1"])
    stop(sender)
  }

  @Test func oneThatHangsHoldsUpNoOther() throws {
    receivers.sayNothing(at: "https://a/")
    commit(0..<2)
    try add("a")
    try add("b")
    sender.start()
    for number in 2..<5 { commit(number..<number + 1) }
    while try Self.ids(receivers.posts(2, to: "https://b/")).last != "m4" {}
    #expect(try receivers.posts(2, to: "https://a/").count == 1, "one on its way at a time")
    stop(sender)
    #expect(try progress("a").cursor == nil)
  }

  @Test func aPersonPausesAndRemoves() throws {
    try add("a")
    try add("b")
    try change("a") { $0.isPaused = true }
    sender.start()
    commit(0..<1)
    _ = try receivers.posts(1, to: "https://b/")
    try shop.gate.writeNow { engine throws(StoreError) in
      try engine.backend.setSettings([(Webhook.setting("b"), nil), (Webhook.progressSetting("b"), nil)])
    }
    reload()
    try change("a") { $0.isPaused = false }
    #expect(try receivers.posts(2, to: "https://a/").count == 1)
    stop(sender)
    let names = try shop.gate.writeNow { engine throws(StoreError) in try engine.backend.settingNames(prefix: "webhook")
    }
    #expect(names == ["webhook-progress.a", "webhook.a"], "what was removed is not written down again")
  }

  @Test func afterARestoreAllComesAnewAndIsAnnounced() throws {
    commit(0..<2)
    try add("a")
    sender.start()
    _ = try receivers.posts(1, to: "https://a/")
    try shop.gate.writeNow { engine throws(StoreError) in try engine.takeIncarnation(99) }
    receivers.answer(.failed("down"), at: "https://a/")
    commit(2..<3)
    _ = try delay.pass()
    let posts = try receivers.posts(4, to: "https://a/").dropFirst()
    #expect(posts.map { $0.body.contains("\"type\":\"changes.reset\"") } == [true, true, false])
    #expect(posts[1].body.contains("\"data\":{\"reason\":\"another-log\"}}"))
    #expect(posts[1].id == posts[2].id)
    #expect(Self.ids([posts[3]]) == ["m0", "m1", "m2"])
    stop(sender)
  }

  @Test func someEntitiesOnly() throws {
    try add("a", entities: ["product", "member"])
    try add("b", entities: ["product"])
    sender.start()
    commit(0..<3)
    #expect(try Self.ids(receivers.posts(1, to: "https://a/")).first == "m0")
    stop(sender)
    #expect(try receivers.posts(1, to: "https://b/").isEmpty)
  }
}

/// The rules, without time or network.
@Suite struct WebhookRuleTests {
  private let hook = Webhook(
    name: "a", address: "https://a/", secrets: [WebhookSecret(bytes: [1])], createdAt: WallTime(milliseconds: 0))

  @Test("Standard Webhooks: the vector that its libraries are tested with") func signature() throws {
    let secret = try #require(WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    let signature = secret.signature(
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek", seconds: 1_614_265_330, body: Array(#"{"test": 2432232314}"#.utf8))
    #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    #expect(secret.text == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    var generator = SeededGenerator(seed: 1)
    #expect(WebhookSecret(using: &generator).bytes.count == 32)
    #expect(WebhookSecret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") == nil)
  }

  @Test func bothSecretsSignForATime() {
    var hook = hook
    let (first, second) = (hook.secrets[0], WebhookSecret(bytes: [2]))
    let (now, end) = (WallTime(milliseconds: 1_000_000), WallTime(milliseconds: 2_000_000))
    hook.replaceSecret(with: second, overlappingUntil: end, at: now)
    func signatures(_ seconds: Int64) -> [String] {
      hook.signatures(id: "m", seconds: seconds, body: [7]).split(separator: " ").map(String.init)
    }
    #expect(signatures(1_500) == [second, first].map { $0.signature(id: "m", seconds: 1_500, body: [7]) })
    #expect(signatures(2_000) == [second.signature(id: "m", seconds: 2_000, body: [7])])
    hook.replaceSecret(with: WebhookSecret(bytes: [3]), overlappingUntil: now, at: now)
    #expect(hook.secrets.map(\.bytes) == [[3]], "no overlap: the others are known to somebody")
    for byte in 4..<20 as Range<UInt8> {
      hook.replaceSecret(with: WebhookSecret(bytes: [byte]), overlappingUntil: end, at: now)
    }
    #expect(hook.secrets.map(\.bytes) == [[19], [18], [17]])
  }

  @Test func waitsGrowAndAreBounded() {
    var (progress, generator) = (WebhookProgress(cursor: nil), SeededGenerator(seed: 3))
    var now = WallTime(milliseconds: 0)
    var waits: [Int64] = []
    while true {
      switch progress.note(.failed("x"), at: now, using: &generator) {
      case .retry(let wait):
        waits.append(wait)
        now = now.advanced(byMilliseconds: wait)
        continue
      case .delivered: Issue.record("nothing was delivered")
      case .paused: break
      }
      break
    }
    for (index, wait) in waits.enumerated() {
      let bound = min(
        WebhookLimits.firstRetryMilliseconds << Int64(min(index, 20)), WebhookLimits.highestRetryMilliseconds)
      #expect((bound / 2...bound).contains(wait))
    }
    #expect(now.milliseconds >= WebhookLimits.givenUpMilliseconds)
    #expect(now.milliseconds < WebhookLimits.givenUpMilliseconds + WebhookLimits.highestRetryMilliseconds)
    #expect((120...260).contains(waits.count), "some five days of an attempt an hour")
    #expect(progress.isPaused(hook))
    #expect(progress.problem?.hasPrefix("paused after") == true)
    var resumed = hook
    resumed.resumedAt = now.advanced(byMilliseconds: 1)
    #expect(!progress.isPaused(resumed))
  }

  @Test func whatAReceiverAsksForIsBounded() {
    var (progress, generator) = (WebhookProgress(cursor: nil), SeededGenerator(seed: 3))
    let now = WallTime(milliseconds: 0)
    let verdict = progress.note(.answered(status: 429, retryAfter: .max), at: now, using: &generator)
    #expect(verdict == .retry(after: WebhookLimits.highestRetryAfterMilliseconds))
    #expect(progress.note(.answered(status: 204, retryAfter: nil), at: now, using: &generator) == .delivered)
    #expect(progress.failures == 0 && progress.failingSince == nil && progress.lastDelivery == now)
    #expect(progress.note(.answered(status: 301, retryAfter: nil), at: now, using: &generator) != .delivered)
    _ = progress.note(.failed(String(repeating: "é", count: 10_000)), at: now, using: &generator)
    #expect(progress.problem.map { $0.utf8.count <= WebhookLimits.problemBytes + 3 } == true)
  }

  @Test func hooksAreReadAsTheyWereWritten() throws {
    var hook = hook
    hook.replaceSecret(
      with: WebhookSecret(bytes: [2]), overlappingUntil: WallTime(milliseconds: 9), at: WallTime(milliseconds: 1))
    hook.entities = ["product", "listing"]
    hook.resumedAt = WallTime(milliseconds: 5)
    #expect(try Webhook(name: "a", bytes: hook.bytes) == hook)
    var progress = WebhookProgress(
      cursor: FeedCursor(
        log: FeedLog(replica: ReplicaID(node: .hq, incarnation: 7), turn: 1), sequence: 300, check: 9))
    #expect(try WebhookProgress(of: "a", bytes: progress.bytes) == progress)
    progress.resetReason = "another-log"
    progress.failingSince = WallTime(milliseconds: 1)
    progress.failures = 3
    progress.problem = "x"
    progress.pausedAt = WallTime(milliseconds: 2)
    progress.lastDelivery = WallTime(milliseconds: 3)
    #expect(try WebhookProgress(of: "a", bytes: progress.bytes) == progress)
    #expect(throws: StoreError.self) { try Webhook(name: "a", bytes: [0xFF]) }
    #expect(throws: StoreError.self) { try WebhookProgress(of: "a", bytes: [0xFF]) }
  }
}
