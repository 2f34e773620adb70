import Base
import Causality
import Dispatch
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Wire

extension ControlService {
  /// Log entries that `status` looks at to count what is pending for a peer: beyond that it says “at least”.
  static let pendingEntryLimit = 20_000
  /// The same for all peers together: a chain of hundreds that loads everything anew is still told of in a second.
  static let allPendingEntryLimit = 50_000
  static let leastPendingEntryLimit = 100

  /// What is synced, what is not, and why.
  func status(_ request: CBORValue, _ completion: @escaping Completion) {
    let query: StatusQuery
    do throws(ControlError) {
      query = try StatusQuery(request, isHQ: gate.identity.isHQ)
    } catch {
      return completion(.failure(error))
    }
    withSenderProgress { sent in
      self.node.queue.async { self.status(query, sent, completion) }
    }
  }

  private func status(
    _ query: StatusQuery, _ sent: [String: WebhookProgress], _ completion: @escaping Completion
  ) {
    dispatchPrecondition(condition: .onQueue(node.queue))
    let (peers, isRunning, addresses) = (node.peerStatuses(), node.isRunning, addresses)
    gate.read { engine throws(StoreError) -> Result<CBORValue, ControlError> in
      let now = self.gate.clock.now
      let followers = StatusFollowers(
        consumers: try Self.consumers(self.gate.consumers, engine, at: now), webhooks: try Self.webhooks(sent, engine))
      let reader = StatusReader(
        engine: engine, now: now, query: query, isRunning: isRunning, problem: self.gate.problem,
        addresses: addresses, followers: followers)
      return try reader.read(peers)
    } completion: { result in
      switch result {
      case .success(let answer): completion(answer)
      case .failure(let error): completion(.failure(ControlError(error)))
      }
    }
  }
}

/// Those who follow the change feed.
struct StatusFollowers: Sendable {
  var consumers: [CBORValue]
  var webhooks: [CBORValue]
}

extension ControlService {
  /// The same of a node that does not run, from a database that is only read.
  static func restingStatus(_ engine: StoreGate.Engine, at now: WallTime) throws(StoreError) -> CBORValue {
    let peers =
      engine.identity.isHQ ? [] : [PeerStatus(node: .hq, acknowledged: try engine.acknowledged(by: .hq))]
    let reader = StatusReader(
      engine: engine, now: now, query: StatusQuery(), isRunning: false, problem: nil, addresses: [],
      followers: StatusFollowers(consumers: [], webhooks: []))
    switch try reader.read(peers) {
    case .success(let report): return report
    case .failure(let error): throw StoreError(.io, error.description)
    }
  }
}

/// What a status is to cover, and what counts.
struct StatusQuery: Sendable {
  /// Nil for all.
  var stores: [NodeNumber]?
  /// A link that is down, and what is pending, count only once they are older; nil if they count at once.
  var maximumAgeMilliseconds: Int64?

  init() {}

  init(_ request: CBORValue, isHQ: Bool) throws(ControlError) {
    maximumAgeMilliseconds = request["maximumAgeMilliseconds"]?.integerValue
    guard let texts = request["stores"]?.arrayValue else { return }
    guard isHQ else {
      throw ControlError(.usage, "--store is for HQ's status; this is a store, and its status is its own")
    }
    var numbers: [NodeNumber] = []
    for text in texts { numbers.append(try ControlService.number(.object(["number": text]))) }
    stores = numbers
  }
}

/// Something that keeps nodes from being in sync.
private struct Trouble {
  var text: String
  /// Since when; nil if age does not excuse it.
  var since: WallTime?
}

/// Gathers the report from one state of the database.
private struct StatusReader {
  let engine: StoreGate.Engine
  let now: WallTime
  let query: StatusQuery
  let isRunning: Bool
  /// Why the last write failed, if it did.
  let problem: StoreError?
  let addresses: [(name: String, address: String)]
  let followers: StatusFollowers

  func read(_ known: [PeerStatus]) throws(StoreError) -> Result<CBORValue, ControlError> {
    var peers = try withThoseNeverSeen(known)
    if let wanted = query.stores {
      for number in wanted where !peers.contains(where: { $0.node == number }) {
        return .failure(
          ControlError(.notFound, "store \(number) is not enrolled, or is retired; `syncctl store list` has all"))
      }
      peers.removeAll { !wanted.contains($0.node) }
    }
    return .success(try report(peers))
  }

  private func report(_ peers: [PeerStatus]) throws(StoreError) -> CBORValue {
    let identity = engine.identity
    let cases = try engine.conflictCases(includingClosed: false)
    var parked: [NodeNumber: Int] = [:]
    for group in try engine.backend.parkedSummaries() { parked[group.peer, default: 0] += 1 }
    let total = query.stores == nil ? parked.values.reduce(0, +) : peers.reduce(0) { $0 + (parked[$1.node] ?? 0) }
    var reasons: [String] = isRunning ? [] : ["the node is not running"]
    if let problem { reasons.append("the last write here failed: \(problem)") }
    if total > 0 { reasons.append("\(total) received groups are parked") }
    var values: [CBORValue] = []
    var tally = Tally()
    let share = ControlService.allPendingEntryLimit / max(peers.count, 1)
    let entryLimit = min(max(share, ControlService.leastPendingEntryLimit), ControlService.pendingEntryLimit)
    for peer in peers {
      let reading = try PeerReading(peer, engine, parked: parked[peer.node] ?? 0, entryLimit: entryLimit)
      let troubles = reading.troubles(isRunning: isRunning).filter(counts)
      reasons += troubles.map(\.text)
      let isInSync = troubles.isEmpty && isRunning && reading.parked == 0
      tally.count(peer, isInSync: isInSync)
      values.append(try reading.value(isInSync: isInSync, isHQ: identity.isHQ))
    }
    if peers.isEmpty, identity.isHQ { reasons.append("no store is enrolled") }
    return .object([
      "schema": .integer(ControlService.schema),
      "at": .text(RFC3339.format(now)),
      "role": .text(identity.isHQ ? "hq" : "store"),
      "node": .text("\(identity.replica.node)"),
      "replica": .text("\(identity.replica)"),
      "epoch": .text("\(identity.epoch)"),
      "software": .text(SoftwareVersion.text),
      "protocolVersion": .unsigned(ProtocolVersion.newest),
      "isRunning": .boolean(isRunning),
      "addresses": addresses.isEmpty
        ? nil : .map(addresses.map { CBORValue.Pair(.text($0.name), .text($0.address)) }),
      "inSync": .boolean(reasons.isEmpty),
      "reasons": .array(reasons.map(CBORValue.text)),
      "logHead": .unsigned(try engine.logHead()),
      "parked": .integer(Int64(total)),
      "conflictsOpen": .integer(Int64(cases.count { $0.status == .open })),
      "conflictsDecided": .integer(Int64(cases.count { $0.status == .decided })),
      "conflictsAccepted": .integer(Int64(cases.count { $0.status == .accepted })),
      "stores": identity.isHQ ? tally.value : nil,
      "peers": .array(values),
      "consumers": .array(followers.consumers),
      "webhooks": identity.isHQ ? .array(followers.webhooks) : nil,
    ])
  }

  private func counts(_ trouble: Trouble) -> Bool {
    guard let limit = query.maximumAgeMilliseconds, let since = trouble.since else { return true }
    return now.milliseconds(since: since) > limit
  }

  /// HQ counts every enrolled store that is not retired, connected or not.
  private func withThoseNeverSeen(_ peers: [PeerStatus]) throws(StoreError) -> [PeerStatus] {
    guard engine.identity.isHQ else { return peers }
    let known = Dictionary(peers.map { ($0.node, $0) }) { first, _ in first }
    var all: [PeerStatus] = []
    for (node, enrolment) in try NodeSettings.enrolments(engine) where enrolment.state != .retired {
      var peer: PeerStatus
      if let seen = known[node] {
        peer = seen
      } else {
        peer = PeerStatus(node: node, acknowledged: try engine.acknowledged(by: node))
        peer.lastContact = enrolment.lastContact
        peer.address = enrolment.address
        peer.software = enrolment.software
      }
      peer.enrolment = enrolment
      all.append(peer)
    }
    return all
  }

  /// How many stores are in which state.
  private struct Tally {
    var inSync = 0
    var connected = 0
    var notConnected = 0
    var notJoined = 0
    var revoked = 0

    mutating func count(_ peer: PeerStatus, isInSync: Bool) {
      if isInSync { inSync += 1 }
      if peer.enrolment?.state == .revoked {
        revoked += 1
      } else if peer.enrolment?.hasJoined == false {
        notJoined += 1
      } else if peer.isConnected {
        connected += 1
      } else {
        notConnected += 1
      }
    }

    var value: CBORValue {
      .object([
        "enrolled": .integer(Int64(connected + notConnected + notJoined + revoked)), "inSync": .integer(Int64(inSync)),
        "connected": .integer(Int64(connected)), "notConnected": .integer(Int64(notConnected)),
        "notJoined": .integer(Int64(notJoined)), "revoked": .integer(Int64(revoked)),
      ])
    }
  }
}

/// What there is to know about one other node.
private struct PeerReading {
  let peer: PeerStatus
  let engine: StoreGate.Engine
  let pending: PendingSummary
  let exceptions: [PeerException]
  let firstLoad: Int?
  let isIncomplete: Bool
  /// Groups of the peer that are parked here.
  let parked: Int
  /// Since when the peer has not been heard of; nil while it is connected, or if it never was.
  var notHeardSince: WallTime? { peer.isConnected ? nil : peer.lastContact }

  init(_ peer: PeerStatus, _ engine: StoreGate.Engine, parked: Int, entryLimit: Int) throws(StoreError) {
    self.peer = peer
    self.engine = engine
    self.parked = parked
    pending = try engine.pending(
      for: peer.node, beyond: peer.acknowledged, entryLimit: entryLimit)
    exceptions = try engine.exceptions(of: peer.node, acknowledged: peer.acknowledged)
    firstLoad = engine.identity.isHQ ? try engine.firstLoad(of: peer.node, pending) : nil
    var isIncomplete = false
    for lane in Lane.allCases
    where try engine.backend.receiveCursor(peer: peer.node, lane: lane)?.isIncomplete == true { isIncomplete = true }
    self.isIncomplete = isIncomplete
  }

  private var name: String { peer.node == .hq ? "HQ" : "store \(peer.node)" }

  func troubles(isRunning: Bool) -> [Trouble] {
    var found = enrolmentTroubles
    if found.isEmpty, isRunning, let trouble = linkTrouble { found.append(trouble) }
    if let count = peer.enrolment?.differing, count > 0 {
      let text =
        "\(count) records of \(name) differed from HQ's when they were last compared; see "
        + "`syncctl verify --store \(peer.node)`, and mend them with --repair"
      found.append(Trouble(text: text))
    }
    if let enrolment = peer.enrolment, let time = enrolment.fencedAt {
      let text =
        "\(name): a restored or copied database of it was turned away, last at \(RFC3339.format(time)) from "
        + "\(enrolment.fencedAddress ?? "an unknown address"); see `syncctl store add \(peer.node) --again`"
      found.append(Trouble(text: text))
    }
    if pending.groups > 0 {
      let count = "\(pending.isAtLeast ? "at least " : "")\(pending.groups) groups"
      found.append(Trouble(text: "\(count) have not reached \(name)", since: pending.oldest?.wall))
    }
    let (here, there) = (exceptions.filter { $0.side == .here }, exceptions.filter { $0.side == .there })
    if let last = there.last {
      found.append(Trouble(text: "\(name) has not applied \(there.count) groups: \(last.reason)"))
    }
    if let last = here.last {
      found.append(Trouble(text: "\(here.count) groups of \(name) were refused here: \(last.reason)"))
    }
    if isIncomplete { found.append(Trouble(text: "a stretch from \(name) is incomplete")) }
    return found
  }

  private var enrolmentTroubles: [Trouble] {
    guard let enrolment = peer.enrolment else { return [] }
    if enrolment.state == .revoked {
      return [Trouble(text: "\(name) is revoked, and kept out; retire it, or add it again with --again")]
    }
    return enrolment.hasJoined ? [] : [Trouble(text: "\(name) has not joined yet")]
  }

  private var linkTrouble: Trouble? {
    if peer.isConnected {
      guard !peer.isCaughtUp else { return nil }
      return Trouble(text: "\(name) is still sending", since: peer.connectedAt)
    }
    let heard = peer.lastContact.map { ", not heard since \(RFC3339.format($0))" } ?? ""
    return Trouble(
      text: "\(name) is not connected\(heard)" + (peer.lastProblem.map { " (\($0))" } ?? ""), since: peer.lastContact)
  }

  func value(isInSync: Bool, isHQ: Bool) throws(StoreError) -> CBORValue {
    let store = try engine.shown(Store.self, RecordID(number: peer.node.rawValue))
    let endpointsVersion = isHQ ? try NodeSettings.endpointList(engine).version : 0
    return .object([
      "node": .text("\(peer.node)"),
      "name": peer.node == .hq ? .text("HQ") : store.map { .text($0.name) },
      "inSync": .boolean(isInSync),
      "state": peer.enrolment.map { .text($0.state.rawValue) },
      "hasJoined": peer.enrolment.map { .boolean($0.hasJoined) },
      "fencedAt": peer.enrolment?.fencedAt.map { .text(RFC3339.format($0)) },
      "fencedAddress": peer.enrolment?.fencedAddress.map(CBORValue.text),
      "isConnected": .boolean(peer.isConnected),
      "isCaughtUp": .boolean(peer.isCaughtUp),
      "address": peer.address.map(CBORValue.text),
      "software": peer.software.map(CBORValue.text),
      "protocolVersion": peer.protocolVersion.map(CBORValue.unsigned),
      "connectedAt": peer.isConnected ? peer.connectedAt.map { .text(RFC3339.format($0)) } : nil,
      "lastContact": peer.lastContact.map { .text(RFC3339.format($0)) },
      "notHeardSince": notHeardSince.map { .text(RFC3339.format($0)) },
      "clockOffsetMilliseconds": peer.clockOffsetMilliseconds.map(CBORValue.integer),
      "pendingGroups": .integer(Int64(pending.groups)),
      "pendingBytes": .integer(Int64(pending.bytes)),
      "pendingIsAtLeast": .boolean(pending.isAtLeast),
      "pendingSince": pending.oldest.map { .text(RFC3339.format($0.wall)) },
      // What the other end has and has not sent is only known while it is connected and says that there is no more.
      "incoming": .text(peer.isConnected ? (peer.isCaughtUp ? "none" : "some") : "unknown"),
      "firstLoadPercent": firstLoad.map { .integer(Int64($0)) },
      "parked": .integer(Int64(parked)),
      "notApplied": .integer(Int64(exceptions.count { $0.side == .there })),
      "refused": .integer(Int64(exceptions.count { $0.side == .here })),
      "hasEndpoints": peer.enrolment.map { .boolean($0.endpointsVersion == endpointsVersion) },
      "lastVerified": peer.enrolment?.verifiedAt.map { .text(RFC3339.format($0)) } ?? .null,
      "differing": peer.enrolment.map { .unsigned($0.differing) },
      "lastProblem": peer.isConnected ? nil : peer.lastProblem.map(CBORValue.text),
    ])
  }
}
