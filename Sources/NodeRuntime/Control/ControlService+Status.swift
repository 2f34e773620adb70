import Base
import Causality
import Dispatch
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Wire

extension ControlService {
  /// Log entries that `status` looks at to count what is pending: beyond that it says “at least”.
  private static let pendingEntryLimit = 20_000

  /// What is synced, what is not, and why.
  func status(_ completion: @escaping @Sendable (Result<CBORValue, ControlError>) -> Void) {
    node.queue.async {
      let peers = self.node.peerStatuses()
      let isRunning = self.node.isRunning
      self.read(completion) { engine throws(StoreError) in
        try StatusReader(engine: engine, now: self.gate.clock.now).read(peers, isRunning: isRunning)
      } then: {
        .success($0)
      }
    }
  }

  /// Gathers the report from one state of the database.
  private struct StatusReader {
    let engine: StoreGate.Engine
    let now: WallTime

    func read(_ peers: [PeerStatus], isRunning: Bool) throws(StoreError) -> CBORValue {
      let identity = engine.identity
      let cases = try engine.conflictCases(includingClosed: false)
      let parked = try engine.parkedGroups().count
      let open = cases.count { $0.status == .open }
      var reasons: [String] = []
      if !isRunning { reasons.append("the node is not running") }
      if parked > 0 { reasons.append("\(parked) received groups are parked") }
      var peerValues: [CBORValue] = []
      for peer in try withThoseNeverSeen(peers) {
        let pending = try engine.pending(
          for: peer.node, beyond: peer.acknowledged, entryLimit: ControlService.pendingEntryLimit)
        let problems = try problems(of: peer, pending)
        reasons += problems
        peerValues.append(try value(of: peer, pending, isInSync: problems.isEmpty && isRunning))
      }
      if peerValues.isEmpty, identity.isHQ { reasons.append("no store is enrolled") }
      return .object([
        "schema": .integer(ControlService.schema),
        "role": .text(identity.isHQ ? "hq" : "store"),
        "node": .text("\(identity.replica.node)"),
        "replica": .text("\(identity.replica)"),
        "epoch": .text("\(identity.epoch)"),
        "software": .text(SoftwareVersion.text),
        "isRunning": .boolean(isRunning),
        "inSync": .boolean(reasons.isEmpty),
        "reasons": .array(reasons.map(CBORValue.text)),
        "logHead": .unsigned(try engine.logHead()),
        "parked": .integer(Int64(parked)),
        "conflictsOpen": .integer(Int64(open)),
        "conflictsDecided": .integer(Int64(cases.count - open)),
        "peers": .array(peerValues),
      ])
    }

    /// HQ counts every enrolled store that is not retired, connected or not.
    private func withThoseNeverSeen(_ peers: [PeerStatus]) throws(StoreError) -> [PeerStatus] {
      guard engine.identity.isHQ else { return peers }
      var all: [PeerStatus] = []
      for (node, enrolment) in try NodeSettings.enrolments(engine) where enrolment.state != .retired {
        var peer: PeerStatus
        if let seen = peers.first(where: { $0.node == node }) {
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

    private func name(_ node: NodeNumber) -> String { node == .hq ? "HQ" : "store \(node)" }

    private func problems(of peer: PeerStatus, _ pending: PendingSummary) throws(StoreError) -> [String] {
      var problems: [String] = []
      let name = name(peer.node)
      if let enrolment = peer.enrolment, let time = enrolment.fencedAt {
        problems.append(
          "\(name): a restored or copied database of it was turned away, last at \(RFC3339.format(time)) from "
            + "\(enrolment.fencedAddress ?? "an unknown address"); see `syncctl store add \(peer.node) --again`")
      }
      if peer.enrolment?.state == .revoked {
        problems.append("\(name) is revoked, and kept out; retire it, or add it again with --again")
      } else if peer.enrolment?.hasJoined == false {
        problems.append("\(name) has not joined yet")
      } else if !peer.isConnected {
        problems.append("\(name) is not connected" + (peer.lastProblem.map { " (\($0))" } ?? ""))
      } else if !peer.isCaughtUp {
        problems.append("\(name) is still sending")
      }
      if pending.groups > 0 {
        problems.append("\(pending.isAtLeast ? "at least " : "")\(pending.groups) groups have not reached \(name)")
      }
      if !peer.exceptions.isEmpty { problems.append("\(name) has not applied \(peer.exceptions.count) groups") }
      for lane in Lane.allCases
      where try engine.backend.receiveCursor(peer: peer.node, lane: lane)?.isIncomplete == true {
        problems.append("a stretch from \(name) is incomplete")
      }
      return problems
    }

    private func value(
      of peer: PeerStatus, _ pending: PendingSummary, isInSync: Bool
    ) throws(StoreError) -> CBORValue {
      let store = try engine.shown(Store.self, RecordID(number: peer.node.rawValue))
      let endpointsVersion = engine.identity.isHQ ? try NodeSettings.endpointList(engine).version : 0
      return .object([
        "node": .text("\(peer.node)"),
        "name": peer.node == .hq ? .text("HQ") : store.map { .text($0.name) },
        "inSync": .boolean(isInSync),
        "state": peer.enrolment.map { .text($0.state.rawValue) },
        "fencedAt": peer.enrolment?.fencedAt.map { .text(RFC3339.format($0)) },
        "fencedAddress": peer.enrolment?.fencedAddress.map(CBORValue.text),
        "isConnected": .boolean(peer.isConnected),
        "isCaughtUp": .boolean(peer.isCaughtUp),
        "address": peer.address.map(CBORValue.text),
        "software": peer.software.map(CBORValue.text),
        "lastContact": peer.lastContact.map { .text(RFC3339.format($0)) },
        "clockOffsetMilliseconds": peer.clockOffsetMilliseconds.map(CBORValue.integer),
        "pendingGroups": .integer(Int64(pending.groups)),
        "pendingIsAtLeast": .boolean(pending.isAtLeast),
        "pendingSince": pending.oldest.map { .text(RFC3339.format($0.wall)) },
        "notApplied": .integer(Int64(peer.exceptions.count)),
        "hasEndpoints": peer.enrolment.map { .boolean($0.endpointsVersion == endpointsVersion) },
        "lastProblem": peer.lastProblem.map(CBORValue.text),
      ])
    }
  }
}
