import Base
import Causality
import Metrics
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession

/// What is looked up at a scrape rather than counted: how the database and the links stand.
struct MetricsReader {
  let now: WallTime
  /// Stores that get series of their own.
  var named: [NodeNumber] = []
  /// What the running node knows of its links; none if it does not run.
  var peers: [PeerStatus] = []
  var greetingCount = 0
  /// Who follows the feed, as the running node knows it.
  var consumers = ConsumerRegister()

  func families(_ engine: StoreGate.Engine) throws(StoreError) -> [MetricFamily] {
    let isHQ = engine.identity.isHQ
    let parked = try engine.backend.parkedCounts()
    let exceptions = try exceptions(engine)
    var peerMetrics = PeerMetrics(at: now, named: named)
    let all = try allPeers(engine)
    let share = max(
      MetricLimits.backlogEntryCount / max(all.count { $0.isExpected }, 1), MetricLimits.leastBacklogEntryCount)
    for peer in all {
      let waiting = parked.first { $0.peer == peer.node }?.count ?? 0
      let pending =
        peer.isExpected
        ? try engine.backlog(for: peer.node, beyond: peer.acknowledged, entryLimit: share)
        : LaneMap(repeating: PendingSummary())
      peerMetrics.add(
        peer, pending, parked: waiting, isBlocked: waiting > 0 || exceptions.peers.contains(peer.node))
    }
    var families = peerMetrics.families(isHQ: isHQ) + (try StorageMetrics.database(engine))
    families += try conflicts(engine) + FollowerMetrics.families(consumers, engine, at: now)
    families += Self.gauges([
      ("parked_groups", "Received commit groups that are parked.", Double(parked.reduce(0) { $0 + $1.count })),
      ("parked_bytes", "Bytes of parked groups.", Double(parked.reduce(0) { $0 + $1.bytes })),
      ("refused_groups", "Groups of peers that were refused here.", Double(exceptions.here)),
      ("not_applied_groups", "Groups of this node that peers have parked or refused.", Double(exceptions.there)),
      ("log_sequence", "The last sequence of this node's log.", Double(try engine.logHead())),
      ("greeting_links", "Connections that have not come in yet.", Double(greetingCount)),
    ])
    families.append(
      MetricFamily(
        MetricDefinition(
          .counter, "storesync_node_starts_total", "How often a daemon has started on this database, in all its life."),
        Double(try NodeSettings.starts(engine))))
    var build = MetricFamily(
      MetricDefinition(
        .gauge, "storesync_build_info", "The version and the node's role; always 1.", labels: ["version", "role"]))
    build.add(1, SoftwareVersion.text, isHQ ? "hq" : "store")
    return families + [build]
  }

  private static func gauges(_ all: [(name: String, help: String, value: Double)]) -> [MetricFamily] {
    all.map { MetricFamily(MetricDefinition(.gauge, "storesync_\($0.name)", $0.help), $0.value) }
  }

  /// HQ's stores that are not retired, connected or not; a store's HQ.
  private func allPeers(_ engine: StoreGate.Engine) throws(StoreError) -> [PeerStatus] {
    let known = Dictionary(peers.map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first })
    guard engine.identity.isHQ else {
      if let hq = known[.hq] { return [hq] }
      return [PeerStatus(node: .hq, acknowledged: try engine.acknowledged(by: .hq))]
    }
    var all: [PeerStatus] = []
    for (node, enrolment) in try NodeSettings.enrolments(engine) where enrolment.state != .retired {
      var peer: PeerStatus
      if let seen = known[node] {
        peer = seen
      } else {
        peer = PeerStatus(node: node, acknowledged: try engine.acknowledged(by: node))
        peer.lastContact = enrolment.lastContact
      }
      peer.enrolment = enrolment
      all.append(peer)
    }
    return all
  }

  private func exceptions(
    _ engine: StoreGate.Engine
  ) throws(StoreError) -> (here: Int, there: Int, peers: Set<NodeNumber>) {
    var found: (here: Int, there: Int, peers: Set<NodeNumber>) = (0, 0, [])
    for peer in try engine.backend.exceptionPeers() {
      let all = try engine.exceptions(of: peer, acknowledged: try engine.acknowledged(by: peer))
      found.here += all.count { $0.side == .here }
      found.there += all.count { $0.side == .there }
      if !all.isEmpty { found.peers.insert(peer) }
    }
    return found
  }

  private func conflicts(_ engine: StoreGate.Engine) throws(StoreError) -> [MetricFamily] {
    let definition = MetricDefinition(
      .gauge, "storesync_conflicts",
      "Conflict cases that are not closed: open (a person should look), decided (a rule has), accepted (a person has).",
      labels: ["kind", "status"])
    var counts: [[String]: Int] = [:]
    for kind in ConflictCase.Subject.Kind.allCases { counts[[kind.rawValue, ConflictCase.Status.open.rawValue]] = 0 }
    for case let (kind, status, count) in try engine.backend.caseCounts() { counts[[kind, status]] = count }
    var family = MetricFamily(definition)
    for (labels, count) in counts { family.add(MetricFamily.Series(labels, .number(Double(count)))) }
    return [family]
  }
}

extension PeerStatus {
  /// Whether it should have what this node has: a store that has not joined yet, or is revoked, holds nothing up.
  fileprivate var isExpected: Bool { enrolment.map { $0.state == .active && $0.hasJoined } ?? true }
}

extension NodeSettings {
  private static let starts = "starts"

  static func starts(_ engine: StoreGate.Engine) throws(StoreError) -> UInt64 {
    try engine.backend.setting(starts).flatMap { UInt64(String(decoding: $0, as: UTF8.self)) } ?? 0
  }

  /// A daemon has started.
  static func noteStart(_ engine: StoreGate.Engine) throws(StoreError) {
    let count = try starts(engine)
    try engine.backend.setSettings([(starts, Array("\(count < .max ? count + 1 : count)".utf8))])
  }
}
