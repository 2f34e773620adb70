import Base
import Causality
package import RecordStore
import StoreModel
import SyncSession
import Wire

/// A rule of the system that a run has broken.
package struct Violation: Error, Sendable {
  package var what: String

  package init(_ what: String) {
    self.what = what
  }
}

/// Headquarters and some stores on a simulated network, clock and disk, all from one seed: the real sessions, stores,
/// messages and frames, with everything around them made up.
package final class Simulator {
  /// Makes a node's record store on its disk; tests put broken ones here.
  package typealias StoreMaker = (_ node: Int, SimulatedDisk) throws(StoreError) -> any RecordStore

  enum Event {
    case operation
    case call(node: Int, process: Int)
    case refused(node: Int, process: Int)
    case opened(session: Int)
    case arrival(connection: Int, Side)
    /// An end is told that its connection is gone.
    case told(session: Int)
    case deadline(session: Int)
    case disk(node: Int, process: Int, number: Int)
    case read(session: Int, OutgoingRequest)
    case readDone(session: Int, Result<LoadedStretch, StoreError>)
    case cut, crash, jump, observe, quietCheck
    case restart(node: Int)
    /// There is room on a disk again.
    case room(node: Int)
    /// A verification has to go on, or a store to answer its question.
    case verifyStep(session: Int)
    case verifyAnswer(session: Int, VerifyQuestion)
  }

  let plan: FaultPlan
  let makeStore: StoreMaker
  let disks: any DiskMaker
  /// Whether records that change count for whole groups too. A record that a later group of another lane took along,
  /// or that HQ sends on apart from its group, may be seen before the rest of its group.
  var faults: SeededGenerator
  var network: SeededGenerator
  /// Epochs, incarnations and tokens.
  var identities: SeededGenerator
  /// What is drawn here changes nothing in a run that has no further faults.
  var further: SeededGenerator
  var workload: Workload
  var events = EventQueue<Event>()
  var now: Int64 = 0
  var trace: Trace
  var probes = ProbeCounts()
  var nodes: [SimulatedNode] = []
  /// Dead ones are nil. Looked up, never walked.
  var connections: [Int: SimulatedConnection] = [:]
  var sessions: [Int: SimulatedSession] = [:]
  var lastConnection = 0
  var lastSession = 0
  var oracle = Oracle()
  var operationsLeft: Int
  /// What the disk has to say once its transaction is over.
  var answer: (session: Int, event: SessionEvent)?
  /// The node whose log has grown in it.
  var pendingGrowth: Int?
  /// What the oracle found in it.
  var brokenRule: Violation?
  /// By node, the commits of others that were not wholly there at the last look.
  var unsettledCommits: [[Int]] = []
  /// Stores from which HQ has had a part of a chain that was too long for one batch.
  var partialOrigins: Set<Int> = []
  var hqWasPutBack = false
  /// HQ's database was put back, and no store has told it. What its people write then is taken for something that has seen what
  /// is lost (RELIABILITY.md), so they wait.
  var isHQUnaware = false
  /// The stores that have come in since.
  var cameIn: Set<NodeNumber> = []
  var settledFrom = 0
  /// How far each cursor's log was looked at.
  var checkedCursors: [CursorPlace: Sequence64] = [:]
  /// Stores' commits that HQ was found to have seen whole: what it has seen of a record, it keeps.
  var arrivedCommits: Set<Int> = []
  /// Set when the last operation has been planned and the faults have stopped.
  var drainingSince: Int64?
  /// Nobody is there before.
  var closedUntil: Int64 = 0
  var hasTrusted = false
  /// Until when nothing gets through between HQ and a store.
  var partitions: [Int: Int64] = [:]
  /// By HQ's session.
  var verifications: [Int: SimulatedVerification] = [:]
  var drift = DriftCheck()
  /// The rule that parks what a poisoned store sends is to go.
  var isCured = false

  package init(
    seed: UInt64, stores: Int? = nil, operations: Int = SimulationLimits.operations, plan: FaultPlan? = nil,
    disks: any DiskMaker = MemoryDisks(),
    makeStore: @escaping StoreMaker = { _, backend throws(StoreError) in try StoreEngine(backend) },
    traceSink: ((String) -> Void)? = nil
  ) throws(StoreError) {
    var generator = SeededGenerator(seed: seed)
    let drawn = generator.draw(SimulationLimits.stores)
    let storeCount = stores ?? drawn
    var drawnPlan = plan ?? FaultPlan(stores: storeCount, using: &generator)
    further = SeededGenerator(seed: ~seed)
    // What comes of databases that are put back is looked at by itself.
    if plan == nil, !drawnPlan.putsBack { drawnPlan.drawFurther(stores: storeCount, using: &further) }
    self.plan = drawnPlan
    self.makeStore = makeStore
    self.disks = disks
    faults = generator.split()
    network = generator.split()
    identities = generator.split()
    workload = Workload(stores: storeCount, using: generator.split())
    trace = Trace(sink: traceSink)
    operationsLeft = operations
    for index in 0...storeCount {
      let number = NodeNumber(UInt32(index))
      let identity = NodeIdentity(
        replica: ReplicaID(node: number, incarnation: UInt32(truncatingIfNeeded: generator.next())),
        epoch: Epoch(rawValue: generator.next() >> 1))
      let version = ModelVersion(
        isOlder: index == self.plan.further.olderStore, isLenient: index == self.plan.poisonedStore)
      let backend = try SimulatedDisk(try disks.make(version.model, identity))
      nodes.append(
        SimulatedNode(
          number, backend, store: try makeStore(index, backend), skew: self.plan.skews[index], version: version))
    }
    nodes[0].store.stampAheadMilliseconds = StoreLimits.stampAheadMilliseconds
  }

  func note(_ text: @autoclosure () -> String) {
    trace.add(at: now, text())
  }

  /// A node's wall clock, as wrong as it is.
  func wall(_ node: SimulatedNode) -> WallTime {
    WallTime(milliseconds: SimulationLimits.calendarStart + now + node.skew)
  }

  /// What a node takes for the time.
  func correctedWall(_ node: SimulatedNode) -> WallTime { wall(node).advanced(byMilliseconds: node.correction) }

  func plan(_ event: Event, after delay: Int64) {
    events.plan(event, at: now + delay)
  }
}

// MARK: - The loop

extension Simulator {
  /// Runs to the end or to the first violation.
  package func run() -> RunReport {
    var violation: Violation?
    do throws(Violation) {
      try begin()
      try loop()
    } catch {
      violation = error
      note("VIOLATION \(error.what)")
    }
    return RunReport(
      violation: violation, endMilliseconds: now, traceHash: trace.hash, traceLines: trace.lineCount,
      lastLines: trace.lastLines, probes: probes)
  }

  private func begin() throws(Violation) {
    note("plan \(plan)")
    try seedCatalogue()
    for index in nodes.indices.dropFirst() { plan(.call(node: index, process: 0), after: network.draw(0...500)) }
    plan(.operation, after: 100)
    planNext(.cut, mean: plan.meanCutMilliseconds)
    planNext(.crash, mean: plan.meanCrashMilliseconds)
    planNext(.jump, mean: plan.meanJumpMilliseconds)
    plan(.observe, after: 50)
  }

  /// While the chain is closed nothing happens.
  var untilOpen: Int64 { max(0, closedUntil - now) }

  /// The next of a kind of fault, if the run has it and the faults have not stopped.
  func planNext(_ event: Event, mean: Int) {
    guard mean > 0, drainingSince == nil else { return }
    plan(event, after: untilOpen + faults.draw(1...Int64(2 * mean)))
  }

  private func loop() throws(Violation) {
    var handled = 0
    while let (time, event) = events.next() {
      now = time
      handled += 1
      guard handled <= SimulationLimits.events else {
        throw Violation("no end after \(handled) events\n\(stateDump)")
      }
      if case .quietCheck = event {
        if try quietCheck() { return }
      } else {
        try handle(event)
      }
    }
    throw Violation("nothing is planned any more, and the nodes are not in sync\n\(stateDump)")
  }

  private func handle(_ event: Event) throws(Violation) {
    switch event {
    case .operation: try operation()
    case .call(let node, let process): call(node, process)
    case .refused(let node, let process): callFailed(node, process)
    case .opened(let session): try tell(session, .opened)
    case .arrival(let connection, let side): try arrival(connection, to: side)
    case .told(let session): try tell(session, .disconnected(reason: "reset"))
    case .deadline(let session): try deadline(session)
    case .disk(let node, let process, let number): try diskDone(node, process, number)
    case .read(let session, let request): try read(session, request)
    case .readDone(let session, let result): try readDone(session, result)
    case .cut: cut()
    case .crash: try crash()
    case .restart(let node): try restart(node)
    case .room(let node): nodes[node].backend.writesLeft = nil
    case .jump: jump()
    case .observe: try observe()
    case .verifyStep(let session): try verifyStep(session)
    case .verifyAnswer(let session, let question): try answerVerify(session, question)
    case .quietCheck: break
    }
  }

  private func operation() throws(Violation) {
    guard operationsLeft > 0 else {
      drainingSince = now
      note("the faults stop")
      try finishFurther()
      return plan(.quietCheck, after: SimulationLimits.quietCheckMilliseconds)
    }
    operationsLeft -= 1
    try strike()
    try strikeFurther()
    let node = workload.generator.below(nodes.count)
    if nodes[node].isUp, !nodes[node].isRetired, node > 0 || !isHQUnaware { enqueue(.commit, at: node) }
    var pause = faults.chance(perMille: plan.pausePerMille) ? faults.draw(30_000...200_000) : Int64(0)
    pause += untilOpen
    plan(.operation, after: pause + faults.draw(1...Int64(2 * plan.meanOperationMilliseconds)))
  }

  private func observe() throws(Violation) {
    try checkWholeGroups()
    try checkCursors(isWhole: false)
    guard drainingSince == nil else { return }
    plan(.observe, after: untilOpen + faults.draw(1...Int64(20 * plan.meanOperationMilliseconds)))
  }

  /// - Returns: whether the run is over.
  private func quietCheck() throws(Violation) -> Bool {
    if isQuiet, try isTrusted(), try isDriftMended() {
      note("quiet")
      try checkWholeGroups()
      try checkCursors(isWhole: true)
      try checkEnd()
      return true
    }
    if let drainingSince, now - drainingSince > SimulationLimits.drainMilliseconds {
      throw Violation("not in sync \(now - drainingSince) ms after the last fault\n\(stateDump)")
    }
    plan(.quietCheck, after: SimulationLimits.quietCheckMilliseconds)
    return false
  }
}

extension Simulator {
  /// What HQ itself had written and has lost is in the stores: a person says that they are right.
  /// - Returns: whether there was nothing to say.
  private func isTrusted() throws(Violation) -> Bool {
    guard nodes[0].backend.parkedGroups().contains(where: { $0.code == "awaiting-author" }), !hasTrusted else {
      return true
    }
    hasTrusted = true
    do throws(StoreError) {
      let count = try retryParked(trusting: true)
      probes.hit(.trusted, count)
      note("a person trusts the stores: \(count) parked groups are applied")
    } catch {
      throw Violation("HQ cannot try its parked groups again: \(error)")
    }
    guard pendingGrowth != nil else { return true }
    pendingGrowth = nil
    try logGrew(at: 0)
    return false
  }
}

/// What came of a run.
package struct RunReport: Sendable {
  package var violation: Violation?
  package var endMilliseconds: Int64
  package var traceHash: UInt64
  package var traceLines: Int
  package var lastLines: [String]
  package var probes: ProbeCounts
}
