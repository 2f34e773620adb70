import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession
import Wire

// What `FurtherFaults` plans: partitions, slow lines, processes that end within a transaction, programs of two versions.

extension FaultPlan {
  mutating func drawFurther(stores: Int, using generator: inout SeededGenerator) {
    further = FurtherFaults(stores: stores, besides: poisonedStore, using: &generator)
    // So that a clock that is wrong by a year is the only one; else one may be at 1970 whenever its node starts.
    let battery = further.wrongClock == nil ? flatBattery : nil
    keepClocksTolerable()
    flatBattery = battery
    if battery != nil { keepChainsWhole() }
    if further.wrongClock != nil { keepChainsWhole() }
    if let wrong = further.wrongClock { skews[wrong.store] += wrong.milliseconds }
  }
}

extension Simulator {
  /// Drawn with each operation.
  func strikeFurther() throws(Violation) {
    let faults = plan.further
    if further.chance(perMille: faults.curePerMille), !isCured {
      isCured = true
      note("the rule that parks is to go")
    }
    if further.chance(perMille: faults.upgradePerMille) { try planUpgrade() }
    if further.chance(perMille: faults.partitionPerMille) { partition() }
    if further.chance(perMille: faults.settlePerMille) { plan(.settle, at: further.below(nodes.count)) }
    if further.chance(perMille: faults.retryPerMille) { plan(.retryParked, at: 0) }
    if further.chance(perMille: faults.dropPerMille) { plan(.dropParked, at: 0) }
    if further.chance(perMille: faults.verifyPerMille) {
      try verify(further.draw(1...nodes.count - 1), isRepairing: false)
    }
  }

  private func plan(_ chore: Chore, at index: Int) {
    if nodes[index].isUp, !nodes[index].isRetired { enqueue(.chore(chore), at: index) }
  }

  // MARK: Versions

  /// The program that a node is to have.
  private func nextVersion(_ index: Int) -> ModelVersion? {
    let node = nodes[index]
    let next = ModelVersion(isOlder: false, isLenient: node.version.isLenient || isCured)
    return next == node.version || node.isRetired || node.pending != nil ? nil : next
  }

  private func planUpgrade() throws(Violation) {
    let candidates = nodes.indices.filter { nodes[$0].isUp && nextVersion($0) != nil }
    guard !candidates.isEmpty else { return }
    let index = further.pick(candidates)
    nodes[index].pending = nextVersion(index).map { .upgrade($0) }
    try stopNode(index)
  }

  /// Once the faults stop: a rule that is to go has gone everywhere.
  func finishFurther() throws(Violation) {
    guard isCured else { return }
    for index in nodes.indices where nodes[index].version.isLenient == false {
      // An upgrade that was planned before has the rule still.
      if case .upgrade = nodes[index].pending { nodes[index].pending = nil }
      nodes[index].pending = nextVersion(index).map { .upgrade($0) } ?? nodes[index].pending
      if nodes[index].isUp, nodes[index].pending != nil { try stopNode(index) }
    }
  }

  /// The next process of a node finds its disk.
  func reopen(_ node: SimulatedNode) throws(StoreError) {
    let head = node.backend.loadNode().head
    let model = node.nextVersion.map(\.model) ?? node.backend.model
    node.backend = try SimulatedDisk(try disks.reopen(node.backend.storage, model))
    guard let version = node.nextVersion else { return }
    note("\(node.name) runs another version: \(version)")
    if node.version.isOlder, !version.isOlder {
      probes.hit(.upgrades)
      probes.hit(.unknownParts, countUnknown(at: node, to: node.version.model))
    }
    node.version = version
    if node.backend.loadNode().head != head {
      brokenRule = Violation("\(node.name): an upgrade wrote into the log, which would be sent to everyone")
    }
  }

  private func countUnknown(at node: SimulatedNode, to model: Model) -> Int {
    node.backend.heldEntities().reduce(0) { count, entity in
      let states = node.backend.records(of: entity, after: nil, limit: .max)
      guard let schema = model.entity(entity) else { return count + states.count }
      return count + states.count { $0.fields.contains { schema.field($0.tag) == nil } }
    }
  }

  /// What is parked is tried again under another model, as a node does it by itself.
  func retryAfterUpgrade(_ index: Int) throws(StoreError) {
    let node = nodes[index]
    guard node.nextVersion != nil else { return }
    node.nextVersion = nil
    let outcomes = try node.store.retryParked(
      nil, at: correctedWall(node), trusting: false, decoding: SessionPerformer.decodeParked)
    probes.hit(.curedGroups, outcomes.count { $0.isApplied })
    var last: RecordKey?
    repeat { last = try node.store.reviewConflictCases(after: last, at: correctedWall(node)) } while last != nil
  }

  // MARK: Processes

  /// A process ends somewhere within what it does; if that is longer than it takes, after it.
  func tear(_ operation: DiskOperation, at index: Int) throws(Violation) {
    let node = nodes[index]
    let disk = node.backend
    var found: (any StorageBackend)?
    disk.writesToEnd = further.below(SimulationLimits.tornWrites)
    disk.onEnd = { [disks] () throws(StoreError) in found = try disks.reopen(disk.storage, disk.model) }
    note("\(node.name) ends within: \(operation.name)")
    try perform(operation, at: index, isAnswered: false)
    (disk.writesToEnd, disk.onEnd) = (nil, nil)
    guard let found else { return probes.hit(.doneUnacknowledged) }
    do throws(StoreError) {
      node.backend = try SimulatedDisk(found)
    } catch {
      throw Violation("\(node.name)'s database cannot be read after a crash: \(error)")
    }
  }

  // MARK: Lines

  private func partition() {
    let stores = nodes.indices.dropFirst().filter { _ in further.chance(perMille: 600) }
    guard stores.count > 1 else { return }
    let until = now + Int64(further.draw(1...plan.further.partitionMilliseconds))
    note("nothing gets through between HQ and the stores \(stores) for \(until - now) ms")
    probes.hit(.partitions)
    for store in stores { partitions[store] = max(partitions[store] ?? 0, until) }
  }

  func isPartitioned(_ store: Int) -> Bool { (partitions[store] ?? 0) > now }

  /// When what is sent now has left, on a line that carries one thing after the other.
  func departure(of item: Pipe.Item, on connection: Int, to side: Side) -> Int64 {
    guard let live = connections[connection] else { return now }
    var time = now
    if let until = partitions[live.storeNode], until > now {
      probes.hit(.heldBack)
      time = until
    }
    guard let rate = plan.further.lineBytesPerSecond, case .chunk(let bytes) = item else { return time }
    let free = max(time * 1_000, live[to: side].freeAtMicroseconds) + Int64(bytes.count) * 1_000_000 / Int64(rate)
    connections[connection]?[to: side].freeAtMicroseconds = free
    return free / 1_000
  }

  /// A message of which only a part has come tells that the peer lives.
  func heardPart(_ session: Int) throws(Violation) {
    guard plan.further.lineBytesPerSecond != nil, let bytes = sessions[session]?.decoder.bufferedBytes, bytes > 0 else {
      return
    }
    probes.hit(.heardParts)
    try tell(session, .heard)
  }

  // MARK: Clocks

  /// A clock that is a year ahead or behind wins nothing by it, whatever the rule: HQ and everyone else have each commit
  /// under a stamp of about the time at which it was made. And the node knows by how much its clock is wrong.
  func checkClocks(of index: Int) throws(Violation) {
    // A clock that starts at 1970 several times without a link does not tell how long it was off between (RELIABILITY.md).
    guard plan.hasSmallJumps, plan.flatBattery == nil, !nodes[index].isRetired else { return }
    let limit = SimulationLimits.stampErrorMilliseconds
    for commit in oracle.commits where commit.node == index {
      let off = commit.stamp.time.wall.milliseconds - SimulationLimits.calendarStart - commit.madeAt
      guard off.magnitude <= limit else {
        throw Violation("\(nodes[index].name): \(commit.stamp) was made \(-off) ms after the time that it names")
      }
    }
    let error = correctedWall(nodes[index]).milliseconds - SimulationLimits.calendarStart - now
    guard error.magnitude <= limit else {
      throw Violation("\(nodes[index].name) takes a clock that is \(error) ms off for right")
    }
    if plan.further.wrongClock?.store == index { probes.hit(.wrongClocks) }
  }
}
