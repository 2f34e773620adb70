/// Every constant of the simulation, with its reason.
package enum SimulationLimits {
  /// Lines of the trace that a violation prints: about what one screen holds.
  package static let traceTailLines = 50

  /// Simulated time after the last fault within which every node must be in sync. Silence of a half-open link is
  /// noticed after 80 seconds, a reconnect may wait for a minute, each a few times over, and a slow line does the rest.
  package static let drainMilliseconds: Int64 = 30 * 60_000

  /// Events that one run may take: far beyond any healthy run, so that a loop that makes no progress ends.
  package static let events = 2_000_000

  /// How often the observer looks whether all is quiet, once the faults have stopped.
  package static let quietCheckMilliseconds: Int64 = 500

  /// Stores in one run: enough for concurrency of three writers and more, few enough to meet often.
  package static let stores = 2...5

  /// Operations in one run, if nobody asks for another number: a run stays below a second without optimisation.
  package static let operations = 150

  /// Runs of one batch from which on every rare path must have been reached at least once.
  package static let probedRuns: UInt64 = 100

  /// A batch of runs with less than one commit in so many operations has done too little to show anything: nodes are down,
  /// disks are full, and some operations change nothing.
  package static let leastCommitsPart = 4

  /// Where the simulated calendar starts: 2024-01-01T00:00:00Z.
  package static let calendarStart: Int64 = 1_704_067_200_000

  /// A week, for chains that close.
  package static let weekMilliseconds: Int64 = 7 * 86_400_000

  /// Backups of one node that are kept.
  package static let backups = 4

  /// How far a commit's stamp may be from the time at which it was made, where clocks are off by less than stores mend: by
  /// 100 s, some jumps, and what a peer's clock may push.
  package static let stampErrorMilliseconds: Int64 = 900_000

  /// Writes within which a process ends, if it does so in a transaction: a small sale makes about as many.
  package static let tornWrites = 8

  /// How often HQ and a store look whether their link is at rest, while one waits for it to compare records.
  package static let verifyPollMilliseconds: Int64 = 200

  /// Records of a page that is summed up: few, so that ranges span pages.
  package static let digestPage = 20

  /// Commits made while drifted records are looked for.
  package static let operationsWhileMending = 8

  /// A year, for clocks that are wrong by one.
  package static let yearMilliseconds: Int64 = 365 * 86_400_000
}
