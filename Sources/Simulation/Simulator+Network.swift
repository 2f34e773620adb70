import Base
import Causality
import RecordStore
import StoreModel
import SyncSession
import Wire

extension Simulator {
  private func delay() -> Int64 {
    Int64(network.draw(plan.delayMilliseconds))
  }

  /// A store opens a connection, once it has read what it is to say.
  func call(_ index: Int, _ process: Int) {
    let node = nodes[index]
    guard node.isUp, node.process == process, node.sessions.isEmpty, !node.isCalling else { return }
    node.isCalling = true
    enqueue(.greet, at: index)
  }

  /// The second half of a call: `hello` and `head` have been read.
  func connect(_ index: Int, _ hello: Hello, head: Sequence64) {
    let node = nodes[index]
    let isRefused = drainingSince == nil && faults.chance(perMille: plan.refusedConnectionPerMille)
    guard nodes[0].isUp, !isRefused, !isPartitioned(index) else {
      note("\(node.name) cannot connect")
      probes.hit(.refusedConnections)
      return plan(.refused(node: index, process: node.process), after: delay())
    }
    node.isCalling = false
    lastConnection += 1
    connections[lastConnection] = SimulatedConnection(id: lastConnection, storeNode: index)
    let atHQ = addSession(SyncSession(role: .hq), node: 0, .hq)
    let atStore = addSession(SyncSession(role: .store(hello, head: head)), node: index, .store)
    note("connection \(lastConnection) of \(node.name): session \(atStore), at HQ session \(atHQ)")
    plan(.opened(session: atHQ), after: 0)
    plan(.opened(session: atStore), after: delay())
  }

  private func addSession(_ session: SyncSession, node: Int, _ side: Side) -> Int {
    lastSession += 1
    sessions[lastSession] = SimulatedSession(
      id: lastSession, node: node, connection: lastConnection, side: side, session: session)
    connections[lastConnection]?.sessions[side] = lastSession
    nodes[node].sessions.append(lastSession)
    return lastSession
  }

  func callFailed(_ index: Int, _ process: Int) {
    guard nodes[index].process == process else { return }
    nodes[index].isCalling = false
    callLater(index, retryAfter: 0)
  }

  func callLater(_ index: Int, retryAfter: Int64) {
    let node = nodes[index]
    let wait = node.backoff.failed(retryAfter: retryAfter, using: &network)
    plan(.call(node: index, process: node.process), after: wait)
  }

  /// Bytes on their way to one side, in chunks.
  func send(_ bytes: [UInt8], on connection: Int, to side: Side) {
    guard connections[connection]?[to: side].isClosed == false else { return }
    var rest = bytes[...]
    while !rest.isEmpty {
      let chunk = rest.prefix(1 + network.below(max(plan.chunkBytes, bytes.count / 64)))
      rest = rest.dropFirst(chunk.count)
      put(.chunk(Array(chunk)), on: connection, to: side)
    }
  }

  private func put(_ item: Pipe.Item, on connection: Int, to side: Side) {
    let leaves = departure(of: item, on: connection, to: side)
    guard let time = connections[connection]?[to: side].put(item, arrivingAt: leaves + delay()) else { return }
    events.plan(.arrival(connection: connection, side), at: time)
  }

  func arrival(_ connection: Int, to side: Side) throws(Violation) {
    guard let item = connections[connection]?[to: side].take() else { return }
    guard let session = connections[connection]?.sessions[side], sessions[session] != nil else { return }
    switch item {
    case .end: try tell(session, .disconnected(reason: "closed by the peer"))
    case .chunk(let bytes): try arrived(bytes, at: session)
    }
  }

  private func arrived(_ bytes: [UInt8], at session: Int) throws(Violation) {
    sessions[session]?.decoder.append(bytes)
    while sessions[session] != nil {
      let message: Message
      do {
        guard let payload = try sessions[session]?.decoder.next() else { break }
        message = try Message(decoding: payload)
      } catch {
        throw Violation("session \(session) got bytes that cannot be read: \(error)")
      }
      note("session \(session) ← \(message.summary)")
      try tell(session, .received(message))
    }
    try heardPart(session)
  }

  /// A session is over: its end of the connection closes, and what is behind it drops.
  func remove(_ session: Int, closing: Bool) {
    guard let gone = sessions.removeValue(forKey: session) else { return }
    verifications[session] = nil
    nodes[gone.node].sessions.removeAll { $0 == session }
    guard closing, connections[gone.connection]?[to: gone.side.other].isClosed == false else { return }
    put(.end, on: gone.connection, to: gone.side.other)
    connections[gone.connection]?[to: gone.side.other].isClosed = true
  }

  /// Breaks a connection, in both directions or in one, at any byte; each end is told soon, or never.
  func cut() {
    defer { planNext(.cut, mean: plan.meanCutMilliseconds) }
    let live = nodes.dropFirst().flatMap(\.sessions)
    guard !live.isEmpty, let connection = sessions[faults.pick(live)]?.connection else { return }
    if faults.chance(perMille: plan.halfCutPerMille) {
      probes.hit(.halfCuts)
      let side = faults.chance(perMille: 500) ? Side.store : .hq
      note("connection \(connection) is cut towards \(side)")
      lose(connection, to: side)
    } else {
      probes.hit(.cuts)
      note("connection \(connection) is cut")
      breakDown(connection)
    }
  }

  func breakDown(_ connection: Int) {
    for side in [Side.store, .hq] {
      lose(connection, to: side)
      guard let session = connections[connection]?.sessions[side], sessions[session] != nil else { continue }
      if faults.chance(perMille: plan.toldPerMille) {
        plan(.told(session: session), after: faults.draw(0...3_000))
      } else {
        probes.hit(.untold)
      }
    }
  }

  private func lose(_ connection: Int, to side: Side) {
    guard let pending = connections[connection]?[to: side].byteCount else { return }
    connections[connection]?[to: side].cut(keeping: faults.draw(0...pending))
  }
}

extension Message {
  var summary: String {
    switch self {
    case .hello(let hello): "hello, cursors \(hello.cursors.summary)"
    case .welcome(let welcome): "welcome, cursors \(welcome.cursors.summary)"
    case .refusal(let refusal): "refusal \(refusal.code): \(refusal.message)"
    case .batch(let batch):
      "batch \(batch.lane) (\(batch.after), \(batch.through)], \(batch.groupCount) groups, \(batch.payload.count) bytes"
        + (batch.incompleteUntil > 0 ? ", incomplete until \(batch.incompleteUntil)" : "")
    case .acknowledgement(let acknowledgement):
      "acknowledgement \(acknowledgement.lane) \(acknowledgement.through)"
        + (acknowledgement.exceptions.isEmpty ? "" : ", \(acknowledgement.exceptions.count) exceptions")
    case .caughtUp: "caught up"
    case .ping(let number): "ping \(number)"
    case .pong(let number): "pong \(number)"
    case .enrol(let enrol): "enrol of \(enrol.node)"
    case .enrolled: "enrolled"
    case .endpoints: "endpoints"
    case .endpointsKept: "endpoints-kept"
    case .verify: "verify"
    case .verified: "verified"
    case .keys: "keys"
    case .keysKept: "keys-kept"
    }
  }
}

extension LaneMap<Sequence64> {
  var summary: String { "\(urgent)/\(normal)/\(bulk)" }
}
