import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession

// Databases that are put back to an earlier state, stores that are retired, and weeks in which nobody is there.

extension Simulator {
  /// What befalls databases and the whole chain; drawn with each operation.
  func strike() throws(Violation) {
    if faults.chance(perMille: plan.backupPerMille) { try backUp() }
    if faults.chance(perMille: plan.restorePerMille) { try planRestore() }
    if faults.chance(perMille: plan.retirePerMille) { try planRetirement() }
    if faults.chance(perMille: plan.holidayPerMille) { try closeForWeeks() }
    if faults.chance(perMille: plan.fullDiskPerMille) { fillDisk() }
  }

  private func backUp() throws(Violation) {
    let node = nodes[faults.below(nodes.count)]
    // Of a life that nobody has heard of: RELIABILITY.md.
    guard node.isUp, node.pending == nil, !node.isUntold else { return }
    keep(NodeBackup(disk: try copy(node.backend.storage), memory: node.memory, madeAt: now), of: node)
    note("\(node.name) is backed up")
  }

  private func copy(_ disk: any StorageBackend) throws(Violation) -> any StorageBackend {
    do throws(StoreError) {
      return try disks.copy(disk)
    } catch {
      throw Violation("a database cannot be copied: \(error)")
    }
  }

  private func planRestore() throws(Violation) {
    let candidates = nodes.filter { node in
      node.isUp && node.pending == nil && !node.isRetired && !node.backups.isEmpty
        && (node.isHQ ? plan.restoresHQ : plan.restoresStores)
    }
    guard !candidates.isEmpty else { return }
    let node = faults.pick(candidates)
    // Two lives under one incarnation, of which one is noticed later: RELIABILITY.md.
    let isNoticed = faults.chance(perMille: plan.noticedPerMille) && !node.hasGoneBackUnnoticed
    node.pending = .putBack(faults.pick(node.backups), isNoticed: isNoticed)
    try stopNode(Int(node.number.rawValue))
  }

  private func planRetirement() throws(Violation) {
    let active = nodes.dropFirst().filter { !$0.isRetired }
    guard active.count == nodes.count - 1, let node = active.filter({ $0.isUp && $0.pending == nil }).last else {
      return
    }
    node.pending = .retirement
    try stopNode(Int(node.number.rawValue))
  }

  /// All nodes are switched off, and come back weeks later.
  private func closeForWeeks() throws(Violation) {
    note("the chain closes for weeks")
    probes.hit(.weeks)
    closedUntil = now + SimulationLimits.weekMilliseconds * 3
    for index in nodes.indices where nodes[index].isUp {
      try stopNode(index, for: SimulationLimits.weekMilliseconds * 3)
    }
  }

  private func fillDisk() {
    let node = nodes[faults.below(nodes.count)]
    node.backend.writesLeft = faults.below(60)
    note("the disk of \(node.name) has room for \(node.backend.writesLeft ?? 0) writes")
    plan(.room(node: Int(node.number.rawValue)), after: faults.draw(1...Int64(plan.downMilliseconds * 4)))
  }

  // MARK: While a node is down

  /// What the node has sent before it stopped has arrived, or never will.
  private func isSettled(_ node: SimulatedNode) -> Bool {
    for connection in connections.values where node.isHQ || connection.storeNode == Int(node.number.rawValue) {
      if connection[to: node.isHQ ? .store : .hq].byteCount > 0 { return false }
    }
    let others = node.isHQ ? Array(nodes.dropFirst()) : [nodes[0]]
    return others.allSatisfy { other in
      ([other.running].compactMap(\.self) + other.diskQueue).allSatisfy { operation in
        if case .store(_, let batch) = operation { batch.peer != node.number } else { true }
      }
    }
  }

  /// Does what is to happen to a node's database before it starts again.
  /// - Returns: false if that has to wait; else whether the node notices that its database is another one.
  func change(_ index: Int) throws(Violation) -> (isDone: Bool, isNoticed: Bool) {
    let node = nodes[index]
    guard let pending = node.pending else { return (true, false) }
    if case .upgrade(let version) = pending {
      (node.pending, node.nextVersion) = (nil, version)
      return (true, false)
    }
    guard isSettled(node) else { return (false, false) }
    node.pending = nil
    switch pending {
    case .upgrade: return (true, false)
    case .putBack(let backup, let isNoticed):
      let old = node.backend
      try setAside(node)
      do throws(StoreError) {
        node.backend = try SimulatedDisk(try disks.copy(backup.disk))
      } catch {
        throw Violation("\(node.name)'s backup cannot be read: \(error)")
      }
      // A person retires again whom HQ has forgotten to be retired.
      let retired = node.memory.retired
      node.memory = backup.memory
      node.memory.retired = retired
      forget(index, old, isNoticed: isNoticed)
      if node.isHQ {
        hqWasPutBack = true
        isHQUnaware = !isNoticed
        cameIn = []
      }
      node.isUntold = !isNoticed
      node.hasGoneBackUnnoticed = node.hasGoneBackUnnoticed || !node.isHQ && !isNoticed
      if backup.isDisk { probes.hit(.returnedDisks) }
      // A disk is in one place. And of HQ, backups of a later time than its own database never were: RELIABILITY.md.
      node.backups.removeAll { backup.isDisk && $0.madeAt == backup.madeAt || node.isHQ && $0.madeAt > backup.madeAt }
      return (true, isNoticed)
    case .retirement:
      node.isRetired = true
      nodes[0].memory.retired.insert(node.number)
      probes.hit(.retirements)
      let count = oracle.forget(
        at: index, isUntold: node.isUntold, own: (node.backend.ownStamps(), []),
        { key, stamp in node.backend.holds(key, stamp) }
      ) { [self] key, stamp in
        isHeld(key, stamp, besides: index)
      }
      unsettledCommits[index] = []
      note("\(node.name) is retired; \(count.lost) parts of commits were never sent")
      return (true, false)
    }
  }

  /// A store's disk that another takes the place of is put away, and may come again: two of them may take turns.
  private func setAside(_ node: SimulatedNode) throws(Violation) {
    // Of a life that nobody has heard of: RELIABILITY.md.
    guard !node.isHQ, !node.isUntold else { return }
    keep(NodeBackup(disk: try copy(node.backend.storage), memory: node.memory, madeAt: now, isDisk: true), of: node)
  }

  private func keep(_ backup: NodeBackup, of node: SimulatedNode) {
    node.backups.append(backup)
    if node.backups.count > SimulationLimits.backups { node.backups.removeFirst() }
  }

  private func forget(_ index: Int, _ old: SimulatedDisk, isNoticed: Bool) {
    let node = nodes[index]
    let parked = parkedVectors(old)
    let new = node.backend
    let newParked = parkedVectors(new)
    let own = (before: old.ownStamps(), now: new.ownStamps())
    let count = oracle.forget(at: index, isUntold: node.isUntold, own: own) { key, stamp in
      (old.holds(key, stamp) || parked[key]?.covers(stamp) ?? false) && !new.holds(key, stamp)
        && !(newParked[key]?.covers(stamp) ?? false)
    } isElsewhere: { [self] key, stamp in
      isHeld(key, stamp, besides: index)
    }
    let recalled = oracle.recall(at: index, own: own.now) { key, stamp in
      new.holds(key, stamp) || newParked[key]?.covers(stamp) ?? false
    }
    if recalled > 0 {
      probes.hit(.recalledParts, recalled)
      note("\(node.name) has \(recalled) parts of commits again that were lost")
      for other in nodes.indices {
        unsettledCommits[other] = oracle.commits.indices.prefix(settledFrom).filter { oracle.commits[$0].node != other }
      }
    }
    probes.hit(node.isHQ ? isNoticed ? .restoredHQ : .unnoticedHQ : isNoticed ? .restoredStores : .unnoticedStores)
    probes.hit(.lostParts, count.lost)
    probes.hit(.owedParts, count.owed)
    note(
      "\(node.name) is put back\(isNoticed ? "" : " unnoticed"): \(count.lost) parts of commits are lost, \(count.owed) are "
        + "elsewhere")
    forgetChecked()
    // What it showed whole it shows no more.
    unsettledCommits[index] = oracle.commits.indices.prefix(settledFrom).filter {
      oracle.commits[$0].node != index || !oracle.commits[$0].isInLog
    }
  }

  private func isHeld(_ key: RecordKey, _ stamp: Stamp, besides index: Int) -> Bool {
    for other in nodes where Int(other.number.rawValue) != index && !other.isRetired {
      if other.backend.holds(key, stamp) { return true }
    }
    return index != 0 && parkedVectors(nodes[0].backend)[key]?.covers(stamp) ?? false
  }

  private func parkedVectors(_ disk: SimulatedDisk) -> [RecordKey: VersionVector] {
    var vectors: [RecordKey: VersionVector] = [:]
    for group in disk.parkedGroups() {
      guard case .decoded(let decoded) = SessionPerformer.decodeParked(group.payload) else { continue }
      for record in decoded.records { vectors[record.key, default: VersionVector()].join(record.vector) }
    }
    return vectors
  }
}

extension SimulatedDisk {
  /// Whether it holds what a commit wrote into a record.
  func holds(_ key: RecordKey, _ stamp: Stamp) -> Bool { find(key)?.state?.vector.covers(stamp) ?? false }
}

extension SimulatedDisk {
  /// The stamps of the commits that its log has from the node itself, and not from elsewhere.
  func ownStamps() -> Set<Stamp> {
    var stamps: Set<Stamp> = []
    for lane in Lane.allCases {
      let own = logEntries(lane: lane, after: 0, limit: .max).filter { !$0.isReceived }
      stamps.formUnion(own.map(\.stamp))
    }
    return stamps
  }
}
