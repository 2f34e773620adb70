import Base
import Causality
import Dispatch
import Merge
import Metrics
import RecordStore
import StoreModel
import Synchronization
import Testing

@testable import NodeRuntime

/// What a node remembers of those who follow its feed under a name.
@Suite struct ConsumerTests {
  private let shop: Shop
  private static let start = WallTime(milliseconds: 1_700_000_000_000)
  private static let day: Int64 = 86_400_000

  init() throws {
    shop = try Shop()
    try commit(0..<5)
  }

  private func commit(_ numbers: Range<Int>) throws {
    try shop.gate.writeNow { engine throws(StoreError) in
      for number in numbers { _ = try engine.commit([Shop.draft(number)], at: Self.start) }
    }
  }

  private typealias Answer = Result<FeedPage, FeedRefusal>

  private func ask(
    _ name: String, _ start: FeedStart, limit: Int = 2, days: Int64 = 0,
    of register: ConsumerRegister? = nil
  ) throws -> Answer {
    let register = register ?? shop.gate.consumers
    let now = Self.start.advanced(byMilliseconds: days * Self.day)
    return try shop.gate.writeNow { engine throws(StoreError) in
      try register.page(for: name, from: start, FeedRequest(after: nil, limit: limit), at: now, engine).result
    }
  }

  private func ask(_ start: FeedStart, days: Int64 = 0, of register: ConsumerRegister? = nil) throws -> Answer {
    try ask("webshop", start, days: days, of: register)
  }

  private func ids(_ answer: Answer) throws -> [String] {
    try answer.get().items.map { String(decoding: $0.key.id.bytes, as: UTF8.self) }
  }

  private func flush() {
    let done = DispatchSemaphore(value: 0)
    shop.gate.flushConsumers { done.signal() }
    done.wait()
  }

  private func written() throws -> [FeedConsumer] {
    try shop.gate.writeNow { engine throws(StoreError) in try FeedConsumer.all(engine) }
  }

  @Test func whatIsAcknowledgedIsRemembered() throws {
    let first = try ask(.remembered)
    #expect(try ids(first) == ["m0", "m1"])
    #expect(try ids(ask(.remembered)) == ["m0", "m1"], "it has not said that it has them")
    let second = try ask(.after(first.get().next))
    #expect(try ids(second) == ["m2", "m3"])
    #expect(try ids(ask(.remembered)) == ["m2", "m3"])
    #expect(try ids(ask("other", .remembered)) == ["m0", "m1"], "each at its own pace")
    #expect(try written() == [])
    flush()
    #expect(try written().map(\.name) == ["other", "webshop"])
    // As after a restart.
    #expect(try ids(ask(.remembered, of: ConsumerRegister())) == ["m2", "m3"])
    #expect(try ids(ask(.beginning)) == ["m0", "m1"])
    #expect(try ids(ask(.remembered)) == ["m0", "m1"])
  }

  @Test func howFarBehindEachIsCanBeWatched() throws {
    let first = try ask(.remembered).get()
    _ = try ask(.after(first.next))
    _ = try ask("other", .remembered)
    let text = try shop.gate.writeNow { engine throws(StoreError) in
      Exposition.text(
        try FollowerMetrics.families(
          shop.gate.consumers, engine, at: Self.start.advanced(byMilliseconds: 90_000)))
    }
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(
      lines == [
        "storesync_consumer_behind_entries{consumer=\"other\"} 5",
        "storesync_consumer_behind_entries{consumer=\"webshop\"} 3",
        "storesync_consumer_unseen_seconds{consumer=\"other\"} 90",
        "storesync_consumer_unseen_seconds{consumer=\"webshop\"} 90",
      ])
  }

  @Test func aPollIsNoWrite() throws {
    let end = try shop.gate.writeNow { engine throws(StoreError) in try engine.feedEnd() }
    _ = try ask(.after(end))
    flush()
    #expect(shop.gate.consumers.takeUnwritten() == [])
    let engineAsk = { (hours: Int64) in
      try shop.gate.writeNow { engine throws(StoreError) in
        try shop.gate.consumers.page(
          for: "webshop", from: .after(end), FeedRequest(after: nil, limit: 2),
          at: Self.start.advanced(byMilliseconds: hours * 3_600_000 + 1), engine
        ).mustWrite
      }
    }
    #expect(try !engineAsk(0))
    #expect(try engineAsk(1), "but once an hour, for its age")
  }

  @Test func whoWasAwayForTooLongBeginsAnew() throws {
    let cursor = try ask(.remembered).get().next
    _ = try ask(.after(cursor))
    #expect(try ids(ask(.after(cursor), days: 30)) == ["m2", "m3"])
    let away = try ask(.after(cursor), days: 61)
    let since = Self.start.advanced(byMilliseconds: 30 * Self.day)
    #expect(away == .failure(.away(since: since)))
    #expect(try ask(.after(cursor), days: 61) == away, "with what it had it does not go on")
    #expect(try ids(ask(.remembered, days: 61)) == ["m0", "m1"])
    #expect(try ids(ask(.after(cursor), days: 61)) == ["m2", "m3"], "it has begun anew")
    // The clock was set back: that is no absence.
    #expect(try ids(ask(.remembered, days: -400)) == ["m2", "m3"])
  }

  @Test func aCursorOfAnotherLogIsForgotten() throws {
    let cursor = try ask(.remembered).get().next
    _ = try ask(.after(cursor))
    try shop.gate.writeNow { engine throws(StoreError) in try engine.takeIncarnation(99) }
    #expect(try ask(.remembered) == .failure(.gone(.anotherLog)))
    #expect(try ids(ask(.remembered)) == ["m0", "m1"])
  }

  @Test func thereAreOnlySoMany() throws {
    for number in 0..<FeedLimits.consumerCount { _ = try ask("c\(number)", .remembered) }
    #expect(try ask("one-more", .remembered) == .failure(.tooManyConsumers))
    #expect(try ids(ask("c7", .remembered)) == ["m0", "m1"])
    let isForgotten = Mutex(false)
    let done = DispatchSemaphore(value: 0)
    shop.gate.forgetConsumer("c7") { result in
      isForgotten.withLock { $0 = (try? result.get()) ?? false }
      done.signal()
    }
    done.wait()
    #expect(isForgotten.withLock { $0 })
    #expect(try ids(ask("one-more", .remembered)) == ["m0", "m1"])
    flush()
    #expect(try written().count == FeedLimits.consumerCount)
    #expect(try !written().contains { $0.name == "c7" })
  }

  @Test(arguments: [
    ("a", true), ("web-shop_2.x", true), ("9", true), ("", false), ("-a", false), ("A", false), ("é", false),
    ("a b", false),
    (String(repeating: "a", count: FeedLimits.nameBytes), true),
    (String(repeating: "a", count: FeedLimits.nameBytes + 1), false),
  ])
  func names(_ name: String, _ isValid: Bool) {
    #expect(FeedName.isValid(name) == isValid)
  }

  @Test func severalAreToldOfGrowth() throws {
    let counts = Mutex([0, 0])
    let first = shop.gate.observeGrowth { counts.withLock { $0[0] += 1 } }
    shop.gate.observeGrowth { counts.withLock { $0[1] += 1 } }
    func commit(_ number: Int) {
      let done = DispatchSemaphore(value: 0)
      shop.gate.commit([Shop.draft(number)]) { _ in
        shop.gate.write { _ throws(StoreError) in
        } completion: { _ in
          done.signal()
        }
      }
      done.wait()
    }
    commit(100)
    #expect(counts.withLock { $0 } == [1, 1])
    first.end()
    commit(101)
    #expect(counts.withLock { $0 } == [1, 2])
  }
}
