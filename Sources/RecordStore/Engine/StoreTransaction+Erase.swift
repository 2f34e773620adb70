import Base
import Causality
import Merge
import StoreModel

/// Erasing a record: HQ writes a deletion that leaves no value, and every node takes away what it keeps beside the record.
extension StoreTransaction {
  /// Whether the record was erased and may not be written anew here.
  func isErased(_ key: RecordKey, _ stored: StoredRecord?) throws(StoreError) -> Bool {
    guard model.entity(key.entity)?.isErasable == true else { return false }
    if node.identity.isHQ { return try backend.erasure(of: key)?.isInForce ?? false }
    return stored?.state?.isErased ?? false
  }

  /// Takes every value away, under a stamp that has seen all that HQ knows of the record, and what others say of it besides.
  mutating func eraseValues(
    of key: RecordKey, _ stored: StoredRecord?, absorbing others: VersionVector = VersionVector()
  ) throws(StoreError) {
    guard let schema = model.entity(key.entity) else { return }
    var state = stored?.state ?? RecordState(entity: key.entity, id: key.id)
    if case .stub(let vector) = stored?.body { state.vector = vector }
    state.vector.join(others)
    let stamp = Stamp(time: node.clock.tick(wall: wall), replica: node.identity.replica)
    state.erase(stamp: stamp)
    try write([Change(stored: stored, state: state)], stamp: stamp, lane: schema.lane)
  }

  // MARK: What comes late

  /// The group without what it has of erased records. Their values are not looked at: HQ takes note that it has seen them, under
  /// a stamp of its own, which takes them away at the store that sent them.
  mutating func withoutErased(_ group: CommitGroup, from peer: NodeNumber) throws(StoreError) -> CommitGroup {
    var rest = group
    rest.records = []
    for incoming in group.records {
      guard model.entity(incoming.entity)?.isErasable == true, let erasure = try backend.erasure(of: incoming.key),
        erasure.isInForce
      else {
        rest.records.append(incoming)
        continue
      }
      try absorb(incoming.vector, of: erasure, hasValues: !incoming.fields.isEmpty, from: peer)
    }
    return rest
  }

  /// - Parameter hasValues: whether the peer still holds something of it.
  mutating func absorb(
    _ vector: VersionVector, of erasure: Erasure, hasValues: Bool, from peer: NodeNumber
  ) throws(StoreError) {
    let stored = try backend.find(erasure.key)
    let known = stored?.seen ?? VersionVector()
    var news = VersionVector()
    for entry in vector.entries where entry.time > known[entry.replica] && mayAbsorb(entry.replica, from: peer) {
      news.insert(Stamp(time: entry.time, replica: entry.replica))
    }
    if hasValues { try backend.removeConfirmation(of: erasure.key, by: peer) }
    guard !news.isEmpty else { return }
    try eraseValues(of: erasure.key, stored, absorbing: news)
    var erasure = erasure
    erasure.lastAt = wall
    erasure.cleanedAt = nil
    try backend.put(erasure)
  }

  /// A store speaks for itself alone, and for what HQ was before it was put back; while HQ heals, for what HQ has lost of others.
  private func mayAbsorb(_ replica: ReplicaID, from peer: NodeNumber) -> Bool {
    guard replica != node.identity.replica else { return false }
    return replica.node == peer || replica.node == .hq || isHealing
  }

  /// HQ had erased the record, was put back to a backup of before, and a person trusts the store that still knows.
  mutating func restoreErasure(_ incoming: RecordState, from peer: NodeNumber) throws(StoreError) {
    guard node.identity.isHQ, incoming.isErased, model.entity(incoming.entity)?.isErasable == true,
      try backend.erasure(of: incoming.key) == nil
    else { return }
    let stored = try backend.find(incoming.key)
    try backend.put(
      Erasure(key: incoming.key, reason: "erased before HQ was restored", requestedAt: wall, foundAt: peer))
    // What has been written since, by those who had not heard of it.
    if stored?.state?.isErased != true { try eraseValues(of: incoming.key, stored) }
  }

  /// A group as it is parked, for one that is not as it came.
  func encoded(_ group: CommitGroup) throws(StoreError) -> [UInt8] {
    guard let parkedCoding else {
      throw StoreError(
        .internalError, "a group with erased records is to be parked, and nobody knows how it is written")
    }
    return parkedCoding.encode(group)
  }

  // MARK: What lies beside the record

  /// Takes away all that this node keeps of an erased record beside its state.
  /// - Returns: what it cannot take away by itself.
  @discardableResult
  func wipe(_ key: RecordKey) throws(StoreError) -> [ErasureRemnant] {
    for conflict in try backend.conflictCases(includingClosed: true) where conflict.isAbout(key) {
      try backend.removeConflictCase(conflict.number)
    }
    if let stored = try backend.find(key) { try backend.dropCounterSteps(of: stored.ref) }
    try wipeExceptions(key)
    if let schema = model.entity(key.entity) {
      // As JSON names it; an answer about a sale to the member goes as well, and nobody needs it by then.
      try backend.emptyAnswers(containing: Array("\"\(schema.identity.text(of: key.id))\"".utf8))
    }
    return try wipeParked(key)
  }

  /// Reasons may quote what was wrong. Of those that name no record nobody can tell whether it was this one.
  private func wipeExceptions(_ key: RecordKey) throws(StoreError) {
    for exception in try backend.exceptions() where exception.keys.isEmpty || exception.keys.contains(key) {
      var wiped = exception
      wiped.keys.removeAll { $0 == key }
      wiped.reason = Self.wipedReason
      if wiped.keys.isEmpty, !exception.keys.isEmpty {
        try backend.removeException(exception.number)
      } else if wiped != exception {
        try backend.put(wiped)
      }
    }
  }

  private static var wipedReason: String { "the reason went with a record that was erased" }

  private func wipeParked(_ key: RecordKey) throws(StoreError) -> [ErasureRemnant] {
    var remnants: [ErasureRemnant] = []
    for summary in try backend.parkedSummaries() where summary.keys.isEmpty || summary.keys.contains(key) {
      guard var parked = try backend.parkedGroup(summary.number) else { continue }
      guard let parkedCoding, case .decoded(var group) = parkedCoding.decode(parked.payload) else {
        // Of another version, or damaged; it is for a person to say whether it can go.
        if parked.payload.hasPart(key.id.bytes) { remnants.append(.unreadableGroup(parked.number)) }
        continue
      }
      let count = group.records.count
      group.records.removeAll { $0.key == key }
      guard group.records.count < count else { continue }
      guard !group.records.isEmpty || !group.evictions.isEmpty else {
        try backend.removeParked(parked.number)
        continue
      }
      parked.keys = group.records.map(\.key) + group.evictions.map(\.key)
      parked.reason = Self.wipedReason
      parked.payload = parkedCoding.encode(group)
      try backend.rewriteParked(parked)
    }
    return remnants
  }
}

extension ConflictCase {
  /// A clash that others still have is about their values; one that is over names those who had it.
  fileprivate func isAbout(_ key: RecordKey) -> Bool {
    guard subject.entity == key.entity else { return false }
    return subject.kind == .unique ? records.contains(key.id) : subject.record == key.id
  }
}

extension StoredRecord {
  /// What the node has seen of the record.
  var seen: VersionVector {
    switch body {
    case .held(let state): state.vector
    case .stub(let vector): vector
    }
  }
}

extension Array<UInt8> {
  /// Whether these bytes stand somewhere in it.
  package func hasPart(_ bytes: [UInt8]) -> Bool {
    guard !bytes.isEmpty, count >= bytes.count else { return false }
    return (0...count - bytes.count).contains { self[$0..<$0 + bytes.count].elementsEqual(bytes) }
  }
}
