import Base
import Causality
import Dispatch
import Glibc
import RecordStore
import StoreModel
import SyncSession
import Synchronization
import Testing
import Transport
import Wire

@testable import NodeRuntime

/// All stores of a chain that come back at once: HQ's memory is bounded, and those who are in stay in.
@Suite struct CrowdTests {
  /// Callers that have shaken hands and say nothing.
  private final class Caller: Sendable {
    private let queue = DispatchQueue(label: "test.caller")
    private let stream = Mutex<ByteStream?>(nil)
    private let closed = Atomic(false)
    private let answered = DispatchSemaphore(value: 0)

    var isClosed: Bool { closed.load(ordering: .relaxed) }

    init(_ nodes: LinkedNodes) throws {
      let (address, tls, queue) = (nodes.address, try TLSClient(pinnedKey: nodes.pin), queue)
      let found = Mutex<Result<ByteStream, TransportError>?>(nil)
      queue.async { [answered] in
        _ = Connector.connect(
          to: .tcp(address), tls: tls, queue: queue, timeoutMilliseconds: 30_000
        ) { result in
          found.withLock { $0 = result }
          answered.signal()
        }
      }
      answered.wait()
      let stream = try #require(found.withLock { $0 }).get()
      self.stream.withLock { $0 = stream }
      queue.sync {
        stream.onClose = { [self] _ in closed.store(true, ordering: .relaxed) }
        stream.start()
      }
    }

    func hangUp() {
      let stream = stream.withLock { $0 }
      queue.sync { stream?.close(flushing: false) }
    }
  }

  @Test("FC-46 more callers than HQ greets at once are turned away, and those who are in work on")
  func greetings() throws {
    let limit = 5
    let nodes = try LinkedNodes(greetingLimit: limit)
    try eventually("the link") { nodes.log.count("link.opened", at: "hq") == 1 }
    var callers = try (0..<limit).map { _ in try Caller(nodes) }
    // One more at a time, so that it is known who it is.
    for round in 1...20 {
      let late = try Caller(nodes)
      try eventually("the late caller \(round) to be turned away") { late.isClosed }
      #expect(nodes.log.count("link.tooMany", at: "hq") == round)
    }
    #expect(callers.allSatisfy { !$0.isClosed }, "whoever came first keeps its place")
    #expect(nodes.hq.queue.sync { nodes.hq.peerStatuses() }.first?.isConnected == true)
    callers.removeFirst().hangUp()
    // The place is free as soon as HQ has noticed.
    try eventually("a place") {
      let next = try Caller(nodes)
      usleep(20_000)
      guard !next.isClosed else { return false }
      callers.append(next)
      return true
    }
    nodes.store.queue.sync { nodes.store.clockChanged(.slept(milliseconds: 3_600_000)) }
    for caller in callers { caller.hangUp() }
    try eventually("the store to be let in again") { nodes.log.count("link.opened", at: "hq") >= 2 }
  }

  /// Holds back the writer, and counts what has been decoded meanwhile.
  private struct CountingCodec: BatchCodec, Sendable {
    final class Count: Sendable {
      let unpacked = Atomic(0)
    }

    let count: Count

    func pack(_ contents: [UInt8]) -> (codec: Codec, bytes: [UInt8]) { IdentityCodec().pack(contents) }

    func unpack(_ bytes: [UInt8], codec: UInt64, size: Int) throws(BatchCodecError) -> [UInt8] {
      count.unpacked.add(1, ordering: .relaxed)
      return try IdentityCodec().unpack(bytes, codec: codec, size: size)
    }
  }

  @Test("FC-46 a thousand stores' batches wait packed: only a few are decoded before the writer takes them")
  func decodedBatches() throws {
    let nodes = try LinkedNodes()
    let gate = nodes.hq.gate
    let count = CountingCodec.Count()
    let (isHeld, release, done) = (
      DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
    )
    gate.write { _ throws(StoreError) in
      isHeld.signal()
      release.wait()
    } completion: { _ in
    }
    isHeld.wait()
    let stores = 1_000
    for store in 2...UInt32(stores + 1) {
      let contents = BatchContents.encode([])
      let empty = Batch(
        lane: .normal, after: 0, through: 1, incompleteUntil: 0, codec: UInt64(Codec.identity.rawValue), groupCount: 0,
        contentsBytes: UInt64(contents.count), payload: contents)
      gate.apply(
        empty, peer: NodeNumber(store), epoch: Epoch(rawValue: UInt64(store)), codec: CountingCodec(count: count)
      ) { outcome in
        if case .applied = outcome {} else { Issue.record("\(outcome)") }
        done.signal()
      }
    }
    try eventually("the first to be decoded") {
      count.unpacked.load(ordering: .relaxed) >= StorageLimits.decodedBatches
    }
    usleep(50_000)
    #expect(count.unpacked.load(ordering: .relaxed) <= StorageLimits.decodedBatches + 1)
    release.signal()
    for _ in 0..<stores { done.wait() }
    #expect(count.unpacked.load(ordering: .relaxed) == stores)
  }

  @Test("FC-46 what a connection may hold before HQ knows who it is comes to some megabytes for all together")
  func bounds() {
    #expect(Limits.handshakes <= 256 && HQNode.greetingLimit <= 1_024)
    #expect(HQNode.greetingLimit * LinkDriver.greetingBytes <= 64 << 20)
  }
}
