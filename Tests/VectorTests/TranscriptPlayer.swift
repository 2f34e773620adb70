import Base
import Causality
import Interchange
import JSON
import Merge
import NodeRuntime
import RecordStore
import StoreModel
import SyncSession
import Testing
import Transport
import Wire

/// One side of a transcript: the session and the engine of the daemons, in memory, with what else a node keeps.
final class TranscriptPlayer {
  let side: String
  let backend: MemoryBackend
  let engine: StoreEngine<MemoryBackend>
  /// What the session wants sent, and no step has asked for yet.
  var sent: [Message] = []

  private let store: NodeNumber
  private var wall = WallTime(milliseconds: 0)
  /// For the credential or the token that HQ makes next.
  private var random: [UInt8] = []
  private var session: SyncSession?
  private var frames = FrameDecoder()
  private var events: [SessionEvent] = []
  private var credential: [UInt8] = []
  private var token: [UInt8]?
  private var secret: [UInt8] = []
  private var enrolment: Enrolment?

  init(as side: String, in vector: Case) throws {
    self.side = side
    let own = Case(try vector.need(side).object)
    let identity = NodeIdentity(
      replica: try replica(own.text("replica")), epoch: Epoch(rawValue: UInt64(try own.need("epoch").number)))
    store = try replica(Case(vector.need("store").object).text("replica")).node
    backend = MemoryBackend(model: .retail, identity: identity)
    engine = try StoreEngine(backend)
  }

  var isHQ: Bool { side == "hq" }
  var peer: NodeNumber { isHQ ? store : .hq }

  func heldRecords() throws -> [RecordState] {
    try engine.heldEntities().sorted().flatMap { try engine.records(of: $0, after: nil, limit: 1_000) }
  }

  // MARK: - Steps

  func perform(_ step: Case) throws {
    wall = WallTime(milliseconds: try step.need("wall").number)
    switch try step.text("do") {
    case "commit": if try step.text("at") == side { try commit(step.need("writes").items) }
    case "invite": try invite(step)
    case "revoke": try revoke()
    case "join": try open(step, .joiner(Enrol(node: store, secret: secret, software: "")))
    case "link": try link(step)
    case "cut": try disconnect()
    case let other: throw VectorError("found “\(other)”, expected something to do")
    }
  }

  private func commit(_ writes: [JSONValue]) throws {
    let writes = try writes.map { item in
      let parts = try item.items
      let fields = try parts[2].object.members.map { member in
        FieldWrite(FieldTag(try #require(UInt16(member.name))), .set(try fieldValue(member.value)))
      }
      return RecordWrite(
        entity: EntityTag(UInt16(try parts[0].number)), id: RecordID(try parts[1].hex), .write(fields))
    }
    let results = try engine.commit([CommitDraft(writes)], at: wall)
    for case .refused(let error) in results { throw VectorError("the commit is refused: \(error)") }
    try handle(.logGrew)
  }

  private func invite(_ step: Case) throws {
    secret = try step.bytes("secret")
    enrolment = .invited(
      secretDigest: Digest.sha256(secret),
      until: wall.advanced(byMilliseconds: try step.need("hours").number * 3_600_000), at: wall)
  }

  private func revoke() throws {
    guard isHQ else { return }
    enrolment?.change(to: .revoked, at: wall)
    if session?.isLinked == true, let refusal = Refusal(ofStore: store, in: .revoked) { try handle(.denied(refusal)) }
  }

  private func link(_ step: Case) throws {
    if let other = try step["token"]?.hex { token = other }
    let (log, cursors) = try engine.knownLog(of: .hq)
    let hello = Hello(
      replica: engine.identity.replica, credential: credential, epoch: engine.identity.epoch, clock: wall,
      peerEpoch: log?.epoch, cursors: cursors, window: SessionLimits.windowBytes, software: "", token: token)
    try open(step, .store(hello, head: try engine.logHead()))
  }

  private func open(_ step: Case, _ role: SyncSession.Role) throws {
    random = try step.bytes("random")
    frames = FrameDecoder()
    session = SyncSession(role: isHQ ? .hq : role)
    try handle(.opened)
  }

  private func disconnect() throws {
    try handle(.disconnected(reason: "the line is cut"))
    session = nil
    sent = []
  }

  func receive(_ bytes: [UInt8]) throws {
    frames.append(bytes)
    while let payload = try frames.next() { try handle(.received(Message(decoding: payload))) }
  }

  // MARK: - Effects

  private func handle(_ event: SessionEvent) throws {
    events.append(event)
    while !events.isEmpty {
      let event = events.removeFirst()
      var effects: [SessionEffect] = []
      session?.handle(event, at: Instant(milliseconds: 0), into: &effects)
      for effect in effects { try perform(effect) }
    }
  }

  private func perform(_ effect: SessionEffect) throws {
    switch effect {
    case .send(let message): sent.append(message)
    case .admit(let hello): events.append(try admit(hello))
    case .enrol(let enrol): events.append(join(enrol))
    case .enrolled(let credential): self.credential = credential
    case .keep(let keeping):
      token = keeping.token ?? token
      events.append(.kept)
    case .confirmed(let token): if enrolment?.token == token { enrolment?.tokenIsConfirmed = true }
    case .load(let request):
      events.append(.loaded(try SessionPerformer.load(request, from: engine, codec: IdentityCodec())))
    case .store(let batch, let peer, let epoch): try apply(batch, from: peer, epoch)
    case .keepKeys, .keysKept: break  // Nor of keys.
    case .verify, .verified: break  // Nor of this.
    case .keepEndpoints, .endpointsKept: break  // No transcript has them: these stores know of no lists.
    case .linked, .acknowledged, .close: break
    }
  }

  private func apply(_ batch: Batch, from peer: NodeNumber, _ epoch: Epoch) throws {
    let incoming = try SessionPerformer.decode(batch, peer: peer, epoch: epoch, codec: IdentityCodec()).get()
    let head = try engine.logHead()
    events.append(.stored(lane: batch.lane, results: try engine.apply(incoming, at: wall)))
    if try engine.logHead() != head { events.append(.logGrew) }
  }

  private func join(_ enrol: Enrol) -> SessionEvent {
    let refusal = enrolment?.join(
      enrol.node, secretDigest: Digest.sha256(enrol.secret), credentialDigest: Digest.sha256(random), at: wall)
    return refusal.map { .denied($0) } ?? .enrolled(credential: random)
  }

  private func admit(_ hello: Hello) throws -> SessionEvent {
    let visit = Enrolment.Visit(
      node: hello.replica.node, incarnation: hello.replica.incarnation,
      credentialDigest: Digest.sha256(hello.credential), token: hello.token, address: "", software: "", isLinked: false,
      standing: hello.ancestors == nil
        ? nil : try engine.standing(of: hello.replica.node, in: hello.log, resumingAt: nil))
    let refusal = enrolment?.admit(visit, random: random.reduce(0) { $0 << 8 | UInt64($1) }, at: wall)
    if let refusal { return .denied(refusal) }
    _ = try engine.meet(hello.replica.node, Lineage(epoch: hello.epoch), resumingAt: nil)
    let cursors = try engine.receiveCursors(from: hello.replica.node, epoch: hello.epoch)
    return .admitted(
      Admission(
        identity: engine.identity, head: try engine.logHead(), clock: wall,
        cursors: LaneMap(
          urgent: cursors.urgent.through, normal: cursors.normal.through, bulk: cursors.bulk.through),
        resumption: hello.peerEpoch == engine.identity.epoch ? hello.cursors : LaneMap(repeating: 0),
        token: enrolment?.token))
  }
}
