import Base
import Causality
import RecordStore
import StoreModel
import SyncSession
import Wire

/// The sessions of a scenario, its clock, and what is on its way between them.
struct Stage {
  private struct Actor {
    var session: SyncSession
    /// What it has sent and the other side has not yet received, in order.
    var sent: [Message] = []
    /// The reading of the log that is under way, and the batches that are being stored.
    var loading: OutgoingRequest?
    var storing: [Batch] = []

    /// A scenario answers only what a session has asked for, as whoever performs its effects does.
    mutating func check(_ event: SessionEvent) throws {
      switch event {
      case .loaded(let stretch):
        guard let request = loading, (request.lane, request.after) == (stretch.lane, stretch.after) else {
          let found = loading.map { "\($0.lane) after \($0.after)" } ?? "nothing"
          throw ScenarioError("found \(stretch.lane) after \(stretch.after), while \(found) is being read")
        }
        loading = nil
      case .stored(let lane, _):
        guard let batch = storing.first, batch.lane == lane else {
          throw ScenarioError("no batch of lane \(lane) is the next to be stored")
        }
        storing.removeFirst()
      default: break
      }
    }

    mutating func note(_ effects: [SessionEffect]) {
      for effect in effects {
        switch effect {
        case .send(let message): sent.append(message)
        case .load(let request): loading = request
        case .store(let batch, _, _): storing.append(batch)
        default: break
        }
      }
    }
  }

  private var actors: [String: Actor] = [:]
  private var hello: Hello?
  private var now = Instant(milliseconds: 0)

  /// Performs one line; gives the effects in words.
  mutating func perform(_ line: String) throws -> [String] {
    let words = Words(line)
    guard let first = words.first, !first.hasPrefix("#") else { return [] }
    if first.hasPrefix("+") {
      guard let milliseconds = Int64(first.dropFirst()) else { throw ScenarioError("no time: \(line)") }
      now = now.advanced(byMilliseconds: milliseconds)
      return []
    }
    if first == "session" {
      try addSession(words)
      return []
    }
    guard var actor = actors[first] else { throw ScenarioError("no session “\(first)”") }
    if words[1] == "?" {
      return ["\(actor.session.summary), deadline \(actor.session.deadline.map { "\($0.milliseconds)" } ?? "none")"]
    }
    let event: SessionEvent
    switch words[1] {
    case ">": event = try self.event(words)
    case "<": event = .received(try takeMessage(for: first, words))
    default: throw ScenarioError("expected “>”, “<” or “?” behind a name: \(line)")
    }
    var effects: [SessionEffect] = []
    try actor.check(event)
    actor.session.handle(event, at: now, into: &effects)
    actor.note(effects)
    actors[first] = actor
    return effects.isEmpty ? ["nothing"] : effects.map(\.words)
  }

  /// `session store cursors 1,2,3 of 100 head 9 lineage` or `session hq`.
  private mutating func addSession(_ words: Words) throws {
    guard let name = words.all.dropFirst().first else { throw ScenarioError("a session needs a name") }
    guard name != "hq" else {
      actors[name] = Actor(session: SyncSession(role: .hq))
      return
    }
    guard name != "joiner" else {
      let enrol = Enrol(
        oldestVersion: try words.number("oldest") ?? ProtocolVersion.oldest,
        newestVersion: try words.number("newest") ?? ProtocolVersion.newest,
        node: NodeNumber(UInt32(try words.number("node") ?? 1)), secret: [UInt8](repeating: 7, count: 16),
        software: "test")
      actors[name] = Actor(session: SyncSession(role: .joiner(enrol)))
      return
    }
    let hello = Hello(
      oldestVersion: try words.number("oldest") ?? ProtocolVersion.oldest,
      newestVersion: try words.number("newest") ?? ProtocolVersion.newest,
      replica: ReplicaID(node: NodeNumber(1), incarnation: 1), credential: [], epoch: Epoch(rawValue: 0x51),
      clock: WallTime(milliseconds: 1_000), peerEpoch: try words.number("of").map { Epoch(rawValue: $0) },
      cursors: try words.cursors("cursors"), window: try words.number("window") ?? SessionLimits.windowBytes,
      software: "test", endpointsVersion: try words.number("holds"),
      ancestors: words.all.contains("lineage") ? [Lineage.Ancestor(epoch: Epoch(rawValue: 0x50), end: 1)] : nil)
    self.hello = hello
    actors[name] = Actor(session: SyncSession(role: .store(hello, head: try words.number("head") ?? 0)))
  }

  /// `hq < batch` takes the other side's next message, which must be of that kind; more words make one up instead.
  private mutating func takeMessage(for name: String, _ words: Words) throws -> Message {
    if let made = try Self.message(words) { return made }
    let caller = actors["joiner"] == nil ? "store" : "joiner"
    let other = name == "hq" ? caller : "hq"
    guard var sender = actors[other], let message = sender.sent.first else {
      throw ScenarioError("\(other) has sent nothing that \(name) has not received")
    }
    guard message.kind == words[2] else { throw ScenarioError("the next message is a \(message.kind)") }
    sender.sent.removeFirst()
    actors[other] = sender
    return message
  }

  private func event(_ words: Words) throws -> SessionEvent {
    switch words[2] {
    case "opened": return .opened
    case "undecodable": return .undecodable(reason: "no message")
    case "admitted":
      let identity = NodeIdentity(
        replica: ReplicaID(node: .hq, incarnation: 1), epoch: Epoch(rawValue: try words.number("epoch") ?? 0x100))
      return .admitted(
        Admission(
          identity: identity, head: try words.number("head") ?? 0, clock: WallTime(milliseconds: 2_000),
          cursors: try words.cursors("cursors"),
          resumption: words.all.contains("resuming")
            ? try words.cursors("resuming")
            : hello?.peerEpoch == identity.epoch ? hello?.cursors ?? LaneMap(repeating: 0) : LaneMap(repeating: 0),
          token: words.all.contains("token") ? [UInt8](repeating: 5, count: 16) : nil,
          endpoints: try words.endpoints(),
          ancestors: hello?.ancestors.map { _ in [Lineage.Ancestor(epoch: Epoch(rawValue: 0x100), end: 2)] }))
    case "endpoints-changed":
      guard let list = try words.endpoints() else { throw ScenarioError("expected “endpoints A,B version N”") }
      return .endpointsChanged(list)
    case "endpoints-kept": return .endpointsKept(version: try words.number("version") ?? 0)
    case "kept": return .kept
    case "enrolled": return .enrolled(credential: [UInt8](repeating: 9, count: 32))
    case "denied": return .denied(Refusal(code: words[3], message: "not now", retryAfter: 0))
    case "loaded": return .loaded(try Self.stretch(words))
    case "stored": return .stored(lane: try words.lane(3), results: try words.results())
    case "storage-failed":
      guard let code = StoreError.Code(rawValue: words[3]) else { throw ScenarioError("no code “\(words[3])”") }
      return .storageFailed(StoreError(code, "says the store"))
    case "heard": return .heard
    case "log-grew": return .logGrew
    case "deadline": return .deadlineReached
    case "disconnected": return .disconnected(reason: "the line is cut")
    case "stop": return .stop
    default: throw ScenarioError("no event “\(words[2])”")
    }
  }

  /// `loaded normal 3..7 bytes 100 more skipped 4`
  private static func stretch(_ words: Words) throws -> LoadedStretch {
    let lane = try words.lane(3)
    let (after, through) = try words.range(4)
    let bytes = try words.number("bytes")
    let batch = bytes.map { bytes in
      Batch(
        lane: lane, after: after, through: through, incompleteUntil: 0, codec: 0, groupCount: 1, contentsBytes: bytes,
        payload: [UInt8](repeating: 0, count: Int(bytes)))
    }
    return LoadedStretch(
      lane: lane, after: after, through: through, hasMore: words.all.contains("more"),
      skipped: Int(try words.number("skipped") ?? 0), batch: batch)
  }

  /// A message that no session sent: `hq < forged-batch normal 0..5 bytes 100`.
  private static func message(_ words: Words) throws -> Message? {
    switch words[2] {
    case "forged-batch":
      let (after, through) = try words.range(4)
      let bytes = try words.number("bytes") ?? 0
      return .batch(
        Batch(
          lane: try words.lane(3), after: after, through: through, incompleteUntil: 0, codec: 0, groupCount: 1,
          contentsBytes: try words.number("contents") ?? bytes, payload: [UInt8](repeating: 0, count: Int(bytes))))
    case "forged-ack":
      return .acknowledgement(Acknowledgement(lane: try words.lane(3), through: try words.number("through") ?? 0))
    case "forged-hello":
      return .hello(
        Hello(
          replica: ReplicaID(node: NodeNumber(UInt32(try words.number("node") ?? 9)), incarnation: 1), credential: [],
          epoch: Epoch(rawValue: 1),
          clock: WallTime(milliseconds: 0), peerEpoch: nil, cursors: LaneMap(repeating: 0), window: 1, software: ""))
    case "forged-welcome":
      return .welcome(
        Welcome(
          version: try words.number("version") ?? 1,
          replica: ReplicaID(node: NodeNumber(UInt32(try words.number("node") ?? 0)), incarnation: 1),
          epoch: Epoch(rawValue: 0x100), clock: WallTime(milliseconds: 0), cursors: try words.cursors("cursors"),
          window: try words.number("window") ?? 1_024, software: ""))
    case "forged-enrolled": return .enrolled(Enrolled(version: 1, credential: [1]))
    case "forged-ping": return .ping(7)
    case "forged-pong": return .pong(7)
    case "forged-caught-up": return .caughtUp
    case "forged-endpoints": return .endpoints(EndpointList(version: 1, endpoints: ["a:1"]))
    case "forged-endpoints-kept": return .endpointsKept(1)
    default: return nil
    }
  }
}

/// The words of a line.
struct Words {
  let all: [String]

  init(_ line: String) {
    all = line.split(separator: " ").map(String.init)
  }

  var first: String? { all.first }
  subscript(index: Int) -> String { index < all.count ? all[index] : "" }

  /// The number behind a word.
  func number(_ name: String) throws -> UInt64? {
    guard let index = all.firstIndex(of: name) else { return nil }
    guard let number = UInt64(self[index + 1]) else { throw ScenarioError("no number behind “\(name)”") }
    return number
  }

  /// `endpoints a:1,b:2 version 7`
  func endpoints() throws -> EndpointList? {
    guard let index = all.firstIndex(of: "endpoints"), let version = try number("version") else { return nil }
    return EndpointList(version: version, endpoints: self[index + 1].split(separator: ",").map(String.init))
  }

  /// `cursors 1,2,3`: urgent, normal, bulk.
  func cursors(_ name: String) throws -> LaneMap<Sequence64> {
    guard let index = all.firstIndex(of: name) else { return LaneMap(repeating: 0) }
    let numbers = self[index + 1].split(separator: ",").compactMap { UInt64($0) }
    guard numbers.count == 3 else { throw ScenarioError("expected three cursors behind “\(name)”") }
    return LaneMap(urgent: numbers[0], normal: numbers[1], bulk: numbers[2])
  }

  func lane(_ index: Int) throws -> Lane {
    guard let lane = Lane.allCases.first(where: { "\($0)" == self[index] }) else {
      throw ScenarioError("no lane “\(self[index])”")
    }
    return lane
  }

  /// `3..7`
  func range(_ index: Int) throws -> (after: Sequence64, through: Sequence64) {
    let parts = self[index].split(separator: ".").compactMap { UInt64($0) }
    guard parts.count == 2 else { throw ScenarioError("expected a stretch such as 3..7, found “\(self[index])”") }
    return (parts[0], parts[1])
  }

  /// `applied,parked,refused`
  func results() throws -> [GroupResult] {
    try self[4].split(separator: ",").map { word in
      switch word {
      case "applied": .applied
      case "parked": .parked(code: "too-large", reason: "it is too large")
      case "refused": .refused(code: "not-allowed", reason: "it is not allowed")
      default: throw ScenarioError("no result “\(word)”")
      }
    }
  }
}
