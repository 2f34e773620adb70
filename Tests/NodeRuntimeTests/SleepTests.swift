import Base
import Dispatch
import Testing

@testable import NodeRuntime

/// What a node does when its machine wakes up, or its clock is set.
@Suite struct SleepTests {
  @Test("after a sleep the store drops its link and connects at once, without a backoff")
  func storeWakesUp() throws {
    let nodes = try LinkedNodes()
    try eventually("the link") { nodes.log.count("link.opened", at: "store") == 1 }
    nodes.store.queue.sync { nodes.store.clockChanged(.slept(milliseconds: 3_600_000)) }
    try eventually("the next link") { nodes.log.count("link.opened", at: "store") == 2 }
    #expect(nodes.log.messages("link.dropped", at: "store").first?.contains("slept for 3600 s") == true)
    #expect(nodes.log.count("link.down", at: "store") == 0, "no wait between the two")
    #expect(nodes.log.count("clock.slept", at: "store") == 1)
  }

  @Test("after a sleep HQ looks at its links, and those in use stay")
  func hqWakesUp() throws {
    let nodes = try LinkedNodes()
    try eventually("the link") { nodes.log.count("link.opened", at: "hq") == 1 }
    nodes.hq.queue.sync { nodes.hq.clockChanged(.slept(milliseconds: 10_000)) }
    #expect(nodes.hq.queue.sync { nodes.hq.peerStatuses() }.first?.isConnected == true)
  }

  @Test func aClockThatIsSetIsLoggedAndTakenOffTheOffset() throws {
    let nodes = try LinkedNodes()
    try eventually("the link") { nodes.log.count("link.opened", at: "store") == 1 }
    func offset() -> Int64 {
      nodes.store.queue.sync { nodes.store.peerStatuses() }.first?.clockOffsetMilliseconds ?? 0
    }
    let before = offset()
    nodes.store.queue.sync { nodes.store.clockChanged(.wallClockSet(byMilliseconds: 3_600_000)) }
    #expect(offset() == before - 3_600_000)
    #expect(nodes.log.messages("clock.set", at: "store") == ["the wall clock was set forward by 3600.0 s"])
    #expect(nodes.log.count("link.dropped", at: "store") == 0)
  }
}
