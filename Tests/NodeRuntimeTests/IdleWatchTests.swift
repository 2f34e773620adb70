import Dispatch
import Synchronization
import Testing

@testable import NodeRuntime

@Suite struct IdleWatchTests {
  private let queue = DispatchQueue(label: "test.idle")

  @Test func calledOnceAfterEachTimeOfUse() throws {
    let watch = IdleWatch(milliseconds: 5, queue: queue)
    let called = DispatchSemaphore(value: 0)
    watch.onIdle { called.signal() }
    for _ in 0..<3 {
      for _ in 0..<100 { watch.noteUse() }
      #expect(called.wait(timeout: .now() + .seconds(30)) == .success)
      // Nothing is armed now, so that nothing can call a second time.
      #expect(queue.sync { called.wait(timeout: .now()) } == .timedOut)
    }
  }

  @Test func neverCalledWhileInUse() {
    let watch = IdleWatch(milliseconds: 60_000, queue: queue)
    let calls = Atomic<Int>(0)
    watch.onIdle { calls.add(1, ordering: .relaxed) }
    watch.noteUse()
    queue.sync {}
    #expect(calls.load(ordering: .relaxed) == 0)
  }
}
