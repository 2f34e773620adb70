/// Paths that a run can take, counted, so that a batch of runs shows what it has reached. A path that no run takes is
/// tested by nobody.
package enum Probe: String, CaseIterable, Hashable, Sendable {
  case commits, unchanged, refused
  case batches, acknowledgements, chains, incompleteBatches, exceptions
  case mergesJoined = "merges joined"
  case cuts, halfCuts = "cuts of one direction", untold = "cuts that an end was not told of"
  case timeOuts = "time-outs"
  case refusedConnections = "refused connections"
  case fencedSessions = "sessions fenced by a later one"
  case droppedResults = "answers for a session that was gone"
  case storeCrashes = "store crashes", hqCrashes = "HQ crashes"
  case doneUnacknowledged = "crashes after an operation, before its answer"
  case lostOperations = "crashes before an operation"
  case clockJumps = "clock jumps"
  case evictions
  case keptUnsent = "evictions that waited for unsent edits"
  case comebacks = "records back in scope"
  case parked, behindParked = "parked behind another"
  case deletions, recreations
  case resentSame = "resent with the same contents", resentOther = "resent with other contents"
  case fieldCases = "cases of a field", immutableCases = "cases of a fact", deletionCases = "cases of a deletion"
  case uniqueCases = "cases of a unique key"
  case growthWhileReading = "log growth while it was read"
  case packed = "batches of another codec"
  case columns = "batches in columns"
  case restoredStores = "stores put back, and noticed there"
  case unnoticedStores = "stores put back, and not noticed there"
  case restoredHQ = "HQ put back, and noticed there"
  case unnoticedHQ = "HQ put back, and not noticed there"
  case toldRestored = "stores told at contact that they were put back"
  case toldLoss = "losses of HQ told by a store"
  case movedCommits = "unsent commits moved to another incarnation"
  case lostParts = "records of commits lost with their only disk"
  case owedParts = "records of commits that others had to bring back"
  case returnedDisks = "disks that came again"
  case recalledParts = "records of commits that came again with them"
  case fencedDatabases = "databases kept out while another was linked"
  case healed = "groups applied while HQ healed"
  case trusted = "groups applied because a person trusted the store"
  case retirements
  case refusedRetired = "retired stores turned away"
  case clockRepairs = "commits stamped anew for a wrong clock"
  case clockRefusals = "batches refused for a stamp ahead"
  case deadBatteries = "clocks at 1970 after a restart"
  case fullDisks = "writes that found the disk full"
  case weeks = "weeks in which the chain was closed"
  case upgrades = "upgrades of a store with an older model"
  case unknownParts = "records with what an older store does not know"
  case partitions = "several stores cut off from HQ at once"
  case heldBack = "bytes that came after a partition"
  case heardParts = "parts of messages on a slow line"
  case tornTransactions = "processes that ended within a transaction"
  case corrections = "returns and voided receipts"
  case settled = "conflict cases that a person settled"
  case retried = "parked groups that a person had tried again", dropped = "parked groups that a person dropped"
  case curedGroups = "parked groups applied under another rule"
  case verified = "stores compared with HQ", verifiedBusy = "stores compared while they went on"
  case lookedAgain = "records compared once more, as they were on their way"
  case drifted = "records changed behind a node's back, found and mended"
  case wrongClocks = "clocks wrong by a year that won nothing"
}

/// How often each was reached.
package struct ProbeCounts: Sendable, Equatable {
  private var counts: [Probe: Int] = [:]

  package init() {}

  package subscript(probe: Probe) -> Int { counts[probe] ?? 0 }

  package mutating func hit(_ probe: Probe, _ times: Int = 1) {
    if times > 0 { counts[probe, default: 0] += times }
  }

  package mutating func add(_ other: ProbeCounts) {
    for probe in Probe.allCases { hit(probe, other[probe]) }
  }

  package var unreached: [Probe] { Probe.allCases.filter { self[$0] == 0 } }

  /// One line a probe, in the order of their declaration.
  package var lines: [String] { Probe.allCases.map { "\($0.rawValue): \(self[$0])" } }
}
