import Base
import Causality
import Metrics
import RecordStore
import StoreModel

/// How things stand with the other nodes: added up over all stores, and store by store for those that were named.
struct PeerMetrics {
  private let now: WallTime
  /// Stores that get series of their own.
  private let named: Set<NodeNumber>
  private var backlog = LaneMap(repeating: PendingSummary())
  private var behindMilliseconds: Int64 = 0
  private var unheardMilliseconds: Int64 = 0
  private var clockOffsetMilliseconds: Int64?
  private var states = ["connected": 0, "not_connected": 0, "not_joined": 0, "revoked": 0]
  private var inSync = 0
  private var differing: UInt64 = 0
  private var unverifiedMilliseconds: Int64?
  private var ofStores: [MetricDefinition: MetricFamily] = [:]

  init(at now: WallTime, named: [NodeNumber]) {
    self.now = now
    self.named = Set(named)
  }

  /// - Parameter isBlocked: whether groups between the two are parked, refused or not applied.
  mutating func add(_ peer: PeerStatus, _ pending: LaneMap<PendingSummary>, parked: Int, isBlocked: Bool) {
    var oldest: Int64 = 0
    var groups = 0
    for lane in Lane.allCases {
      backlog[lane].add(pending[lane])
      groups += pending[lane].groups
      oldest = max(oldest, pending[lane].age(at: now))
    }
    let state = Self.state(of: peer)
    states[state, default: 0] += 1
    let unheard = state == "not_connected" ? peer.lastContact.map { max(now.milliseconds(since: $0), 0) } ?? 0 : 0
    unheardMilliseconds = max(unheardMilliseconds, unheard)
    behindMilliseconds = max(behindMilliseconds, peer.behindMilliseconds ?? 0)
    if peer.isConnected, let offset = peer.clockOffsetMilliseconds,
      offset.magnitude >= (clockOffsetMilliseconds ?? 0).magnitude
    {
      clockOffsetMilliseconds = offset
    }
    let isInSync =
      state == "connected" && peer.isCaughtUp && groups == 0 && !isBlocked && (peer.enrolment?.differing ?? 0) == 0
    if isInSync { inSync += 1 }
    if let enrolment = peer.enrolment, enrolment.state == .active, enrolment.hasJoined {
      differing += enrolment.differing
      if let verified = enrolment.verifiedAt {
        unverifiedMilliseconds = max(unverifiedMilliseconds ?? 0, now.milliseconds(since: verified))
      }
    }
    guard named.contains(peer.node) else { return }
    addStore(
      peer, state, isInSync: isInSync, groups: groups, oldest: oldest, unheard: unheard, parked: parked)
  }

  private static func state(of peer: PeerStatus) -> String {
    if peer.enrolment?.state == .revoked { return "revoked" }
    if peer.enrolment?.hasJoined == false { return "not_joined" }
    return peer.isConnected ? "connected" : "not_connected"
  }

  private mutating func addStore(
    _ peer: PeerStatus, _ state: String, isInSync: Bool, groups: Int, oldest: Int64, unheard: Int64, parked: Int
  ) {
    func gauge(_ name: String, _ help: String) -> MetricDefinition {
      MetricDefinition(.gauge, "storesync_store_\(name)", help, labels: ["store"])
    }
    let readings: [(MetricDefinition, Double?)] = [
      (gauge("connected", "Whether the store's link is open."), state == "connected" ? 1 : 0),
      (gauge("in_sync", "Whether nothing is missing between HQ and the store."), isInSync ? 1 : 0),
      (gauge("backlog_groups", "Commit groups that the store does not have yet."), Double(groups)),
      (gauge("backlog_age_seconds", "Age of the oldest of them."), seconds(oldest)),
      (gauge("unheard_seconds", "Since when it was not heard of; 0 while it is connected."), seconds(unheard)),
      (gauge("parked_groups", "Groups of the store that are parked."), Double(parked)),
      (
        gauge("clock_offset_seconds", "The store's clock minus HQ's, at the last greeting."),
        peer.clockOffsetMilliseconds.map(seconds)
      ),
    ]
    for (definition, value) in readings {
      if let value { ofStores[definition, default: MetricFamily(definition)].add(value, "\(peer.node)") }
    }
  }

  private func seconds(_ milliseconds: Int64) -> Double { Double(milliseconds) / 1_000 }

  func families(isHQ: Bool) -> [MetricFamily] {
    func gauge(_ name: String, _ help: String, labels: [String] = []) -> MetricDefinition {
      MetricDefinition(.gauge, "storesync_\(name)", help, labels: labels)
    }
    var groups = MetricFamily(
      gauge(
        "backlog_groups", "Commit groups that peers do not have yet, at HQ added up over the stores.", labels: ["lane"])
    )
    var bytes = MetricFamily(
      gauge("backlog_bytes", "Bytes of their records before compression, about.", labels: ["lane"]))
    var isAtLeast = MetricFamily(
      gauge(
        "backlog_is_at_least", "1 if there is more than was counted: counting ends after some thousand log entries.",
        labels: ["lane"]))
    var age = MetricFamily(
      gauge(
        "backlog_age_seconds",
        "Out: age of the oldest commit group that a peer does not have yet. In: how long a connected peer has had something "
          + "to send; what a peer that is away has, nobody knows.", labels: ["direction", "lane"]))
    for lane in Lane.allCases {
      groups.add(Double(backlog[lane].groups), "\(lane)")
      bytes.add(Double(backlog[lane].bytes), "\(lane)")
      isAtLeast.add(backlog[lane].isAtLeast ? 1 : 0, "\(lane)")
      age.add(seconds(backlog[lane].age(at: now)), "out", "\(lane)")
    }
    age.add(seconds(behindMilliseconds), "in", "any")
    var all = [groups, bytes, isAtLeast, age] + ofStores.values
    all.append(
      MetricFamily(
        gauge(
          "unheard_seconds",
          "How long the peer that has been away longest was not heard of; 0 if all that have joined are connected."),
        seconds(unheardMilliseconds)))
    if let clockOffsetMilliseconds {
      all.append(
        MetricFamily(
          gauge(
            "clock_offset_seconds",
            "The peer's clock minus this node's, at the last greeting; at HQ the largest of the stores that are connected."
          ), seconds(clockOffsetMilliseconds)))
    }
    return all
      + (isHQ
        ? hqFamilies(gauge)
        : [
          MetricFamily(
            gauge("hq_connected", "At a store: whether the link to HQ is open."), Double(states["connected"] ?? 0))
        ])
  }

  private func hqFamilies(
    _ gauge: (String, String, [String]) -> MetricDefinition
  ) -> [MetricFamily] {
    var stores = MetricFamily(gauge("stores", "At HQ: enrolled stores that are not retired, by state.", ["state"]))
    for (state, count) in states { stores.add(Double(count), state) }
    var all = [
      stores,
      MetricFamily(
        gauge("stores_in_sync", "At HQ: stores between which and HQ nothing is missing.", []), Double(inSync)),
      MetricFamily(
        gauge("differing_records", "At HQ: records of stores that differed when they were last compared.", []),
        Double(differing)),
    ]
    if let unverifiedMilliseconds {
      all.append(
        MetricFamily(
          gauge(
            "verified_age_seconds",
            "At HQ: how long ago the store whose turn is longest ago was last compared with HQ.",
            []),
          seconds(unverifiedMilliseconds)))
    }
    return all
  }
}

extension PendingSummary {
  mutating func add(_ other: PendingSummary) {
    groups += other.groups
    bytes += other.bytes
    oldest = [oldest, other.oldest].compactMap { $0 }.min()
    isAtLeast = isAtLeast || other.isAtLeast
  }

  /// In milliseconds; 0 if there is nothing.
  func age(at now: WallTime) -> Int64 { oldest.map { max(now.milliseconds(since: $0.wall), 0) } ?? 0 }
}
