import Base
import Causality
import Dispatch
import NodeRuntime
import RecordStore
import StoreModel
import SyncSession
import Transport
import Wire

/// Many stores in this process that speak the protocol with a real HQ over TLS, and keep nothing of what they get.
///
/// Confined to its queue (`@unchecked Sendable`), but for what waits.
final class Crowd: @unchecked Sendable {
  /// Used on the crowd's queue only (`@unchecked Sendable`).
  private final class Member: @unchecked Sendable {
    let node: NodeNumber
    var stream: ByteStream?
    var frames = FrameDecoder()
    var backoff = Backoff()
    var epoch: Epoch?
    var cursors = LaneMap<Sequence64>(repeating: 0)
    var token: [UInt8]?
    /// When HQ had no more for it, for the first time on this connection.
    var caughtUp: DispatchTime?
    /// When the last batch with something in it came.
    var lastBatch: DispatchTime?

    init(_ node: NodeNumber) { self.node = node }
  }

  private let queue = DispatchQueue(label: "bench.crowd")
  private let members: [Member]
  private let endpoint: Endpoint
  private let tls: TLSClient
  private var generator = SeededGenerator(seed: 1)
  private var failures = 0
  private var problem: String?
  private var isEnding = false

  static let credential = [UInt8](repeating: 7, count: 32)
  private static let ownEpoch = Epoch(rawValue: 0x0123_4567_89AB_CDEF)

  /// HQ lets the stores in with one credential; writing it into its database takes less time than as many join codes.
  /// - Returns: the pin of HQ's key.
  static func enrol(_ nodes: ClosedRange<UInt32>, at chain: Chain) throws -> [UInt8] {
    let node = try BenchNode(existingIn: chain.hqDirectory)
    return try node.gate.writeNow { engine throws(StoreError) in
      for store in nodes {
        var enrolment = Enrolment(changedAt: nil)
        enrolment.credentialDigest = Digest.sha256(credential)
        try NodeSettings.save(enrolment, of: NodeNumber(store), in: engine)
      }
      return try NodeSettings.hq(engine).tls.pin
    }
  }

  init(_ nodes: ClosedRange<UInt32>, at address: String, pin: [UInt8]) throws {
    guard let endpoint = Endpoint(parsing: address) else { throw BenchError("“\(address)” is no address") }
    self.endpoint = endpoint
    tls = try TLSClient(pinnedKey: pin)
    members = nodes.map { Member(NodeNumber($0)) }
  }

  /// All connect at once; whoever is turned away comes again as a store does.
  /// - Returns: the seconds until each had all that HQ has for it, the quickest first, and how many attempts failed.
  func connect() throws -> (seconds: [Double], failures: Int) {
    let start = DispatchTime.now()
    queue.sync {
      failures = 0
      for member in members { connect(member) }
    }
    try eventually("all stores to connect") {
      try queue.sync { () throws -> Bool in
        if let problem { throw BenchError(problem) }
        return members.allSatisfy { $0.caughtUp != nil }
      }
    }
    return queue.sync { (seconds(since: start) { $0.caughtUp }, failures) }
  }

  /// Does something, and waits until each has got a batch of it.
  /// - Returns: the seconds from the beginning until it came to each, the quickest first.
  func receive(_ body: () throws -> Void) throws -> [Double] {
    queue.sync { for member in members { member.lastBatch = nil } }
    let start = DispatchTime.now()
    try body()
    try eventually("all stores to get it") { queue.sync { members.allSatisfy { $0.lastBatch != nil } } }
    return queue.sync { seconds(since: start) { $0.lastBatch } }
  }

  /// The line of all is cut.
  func drop() {
    queue.sync {
      for member in members {
        let stream = member.stream
        member.stream = nil
        member.caughtUp = nil
        stream?.close(flushing: false)
      }
    }
  }

  func end() {
    queue.sync { isEnding = true }
    drop()
  }

  private func seconds(since start: DispatchTime, _ time: (Member) -> DispatchTime?) -> [Double] {
    members.compactMap(time).map { Double($0.uptimeNanoseconds - start.uptimeNanoseconds) / 1e9 }.sorted()
  }

  // MARK: One store

  private func connect(_ member: Member) {
    guard !isEnding else { return }
    _ = Connector.connect(to: .tcp(endpoint), tls: tls, queue: queue, timeoutMilliseconds: 15_000) { [self] result in
      switch result {
      case .success(let stream): greet(member, stream)
      case .failure: again(member)
      }
    }
  }

  private func again(_ member: Member) {
    guard !isEnding else { return }
    failures += 1
    let wait = member.backoff.failed(using: &generator)
    queue.asyncAfter(deadline: .now() + .milliseconds(Int(wait))) { [self] in connect(member) }
  }

  private func greet(_ member: Member, _ stream: ByteStream) {
    member.stream = stream
    member.frames = FrameDecoder()
    stream.onReceive = { [weak self] bytes in
      member.frames.append(bytes)
      self?.read(member)
    }
    stream.onClose = { [weak self] _ in
      // Cut by this end, or already replaced, it is no news.
      guard member.stream === stream else { return }
      member.stream = nil
      member.caughtUp = nil
      self?.again(member)
    }
    stream.start()
    send(
      .hello(
        Hello(
          replica: ReplicaID(node: member.node, incarnation: 1), credential: Self.credential, epoch: Self.ownEpoch,
          clock: SystemWallClock().now, peerEpoch: member.epoch, cursors: member.cursors,
          window: SessionLimits.windowBytes, software: "bench", token: member.token, codecs: Codec.readable)), member)
  }

  private func send(_ message: Message, _ member: Member) {
    do { member.stream?.send(try FrameWriter.frame(message.encoded())) } catch { problem = "\(error)" }
  }

  private func read(_ member: Member) {
    do {
      while let frame = try member.frames.next() { handle(try Message(decoding: frame), member) }
    } catch {
      problem = "store \(member.node): \(error)"
    }
  }

  private func handle(_ message: Message, _ member: Member) {
    switch message {
    case .welcome(let welcome):
      member.backoff.succeeded()
      member.token = welcome.token
      if welcome.epoch != member.epoch { member.cursors = welcome.resumption ?? LaneMap(repeating: 0) }
      member.epoch = welcome.epoch
      send(.caughtUp, member)
    case .batch(let batch):
      member.cursors[batch.lane] = batch.through
      send(.acknowledgement(Acknowledgement(lane: batch.lane, through: batch.through)), member)
      if batch.groupCount > 0 { member.lastBatch = .now() }
    case .caughtUp: member.caughtUp = member.caughtUp ?? .now()
    case .ping(let number): send(.pong(number), member)
    case .refusal(let refusal):
      guard refusal.code != Refusal.Code.busy.rawValue else { return }
      problem = "store \(member.node) is refused: \(refusal.message) (\(refusal.code))"
    default: break
    }
  }
}
