package import Base
package import Causality
import Dispatch
package import RecordStore
package import SQLiteStore
package import StoreModel
package import SyncSession
import Synchronization
package import Wire

/// The one way into a node's database: one writer at a time, and a reader beside it that sees what is committed.
///
/// Local commits that wait while the writer is busy are committed together, in one transaction and with one flush of
/// the disk (group commit). `@unchecked Sendable`: the writer is used on `writing` only, the reader on `reading` only.
package final class StoreGate: @unchecked Sendable {
  package typealias Engine = StoreEngine<SQLiteBackend>

  /// Takes one draft into the transaction that is open.
  package typealias Commit = (CommitDraft) throws(StoreError) -> CommitResult

  private struct WaitingCommit: Sendable {
    /// Commits what the caller wants, and gives what to call once that is durable.
    var commit: @Sendable (Engine, Commit) throws(StoreError) -> @Sendable () -> Void
    var fail: @Sendable (StoreError) -> Void
  }

  /// What waits for the writer.
  private struct CommitQueue: Sendable {
    /// What a till or a person waits for: committed together, before anything large.
    var small: [WaitingCommit] = []
    /// Imports and the like: one a turn.
    var large: [WaitingCommit] = []
    var isScheduled = false
  }

  private let writing = DispatchQueue(label: "storesync.writing")
  private let reading = DispatchQueue(label: "storesync.reading")
  private let decoding = DispatchQueue(label: "storesync.decoding")
  private let writer: Engine
  private let reader: Engine
  private let inspector: SpareReader
  private let scanner: SpareReader
  private let gatherer: SpareReader
  /// Readings of the log that wait, the most urgent lane first.
  private let loads = Mutex(LaneMap<[@Sendable () -> Void]>(repeating: []))
  private let waiting = Mutex(CommitQueue())
  private struct DecodedBatch: Sendable {
    var number: UInt64
    var incoming: IncomingBatch
    /// The same for batches between which nothing else was asked of the writer.
    var turn: UInt64
    var completion: @Sendable (BatchOutcome) -> Void
  }

  private struct DecodedBatches: Sendable {
    var batches: [DecodedBatch] = []
    var lastNumber: UInt64 = 0
  }

  /// Batches that wait for the writer.
  private let decoded = Mutex(DecodedBatches())
  /// Goes up with whatever is asked of the writer besides batches.
  private let turn = Atomic<UInt64>(0)
  /// Decoded batches that may come on top of those that wait for the writer.
  private let decodingRoom = DispatchSemaphore(value: StorageLimits.decodedBatches)
  private let growth = GrowthObservers()
  private let lastProblem = Mutex<StoreError?>(nil)
  private let damageObserver = Mutex<(@Sendable (StoreError) -> Void)?>(nil)
  /// On `writing` only.
  private var knownHead: Sequence64
  private let rest: IdleWatch

  /// Those who follow the change feed under a name.
  package let consumers = ConsumerRegister()
  let isFlushingConsumers = Atomic<Bool>(false)
  /// Where the database lies.
  let directory: DataDirectory

  package let model: Model
  package let identity: NodeIdentity
  /// The wall clock, corrected by what HQ's clock has shown it to be off.
  package let clock: CorrectedClock
  /// What the node counts of its work.
  package let metrics = NodeMetrics()
  /// Who may ask over HTTP.
  package let tokens = TokenTable()

  /// Opens the database at `path` for writing, with a second connection for reading.
  /// - Parameter prepare: runs before anything else is written.
  package init(
    path: String, model: Model, clock: any WallClock, prepare: (Engine) throws(StoreError) -> Void = { _ in }
  ) throws(StoreError) {
    Heap.configure()
    directory = DataDirectory(DurableFile.directory(of: path))
    writer = try Engine(SQLiteBackend.open(path: path, model: model, mode: .readWrite))
    writer.stampAheadMilliseconds = StoreLimits.stampAheadMilliseconds
    writer.parkedCoding = SessionPerformer.parkedCoding
    try prepare(writer)
    reader = try Engine(SQLiteBackend.open(path: path, model: model, mode: .readOnly))
    inspector = SpareReader("storesync.inspecting", path: path, model: model)
    scanner = SpareReader("storesync.scanning", qos: .utility, path: path, model: model)
    gatherer = SpareReader("storesync.gathering", path: path, model: model)
    self.model = model
    self.clock = CorrectedClock(clock, correction: try writer.clockCorrection(startingAt: clock.now))
    identity = writer.identity
    knownHead = writer.writtenHead
    rest = IdleWatch(milliseconds: StorageLimits.restMilliseconds, queue: writing)
    rest.onIdle { [weak self] in self?.giveMemoryBack() }
    // What came about while the node was made ready counts for nobody.
    _ = writer.takeTally()
    writer.backend.onCommit = { [metrics] in metrics.databaseCommitSeconds.observe(Double($0) / 1e9) }
  }

  /// After a burst: a catalogue that was loaded, or a morning's sales, must not bind memory all day.
  private func giveMemoryBack() {
    dispatchPrecondition(condition: .onQueue(writing))
    writer.backend.releaseMemory()
    for reader in [inspector, scanner, gatherer] { reader.close() }
    reading.async {
      self.reader.releaseMemory()
      self.reader.backend.releaseMemory()
      Heap.giveBack()
    }
  }

  /// Calls `observer`, on any thread, whenever the log has grown; it must not block, because the writer calls it.
  @discardableResult
  package func observeGrowth(_ observer: @escaping @Sendable () -> Void) -> GrowthObservation { growth.add(observer) }

  /// Calls `observer`, on any thread, when the database turns out to be damaged, each time that somebody meets it.
  package func observeDamage(_ observer: (@Sendable (StoreError) -> Void)?) {
    damageObserver.withLock { $0 = observer }
  }

  /// Whatever the result is for whoever asked: nobody goes on working on a damaged database.
  private func noteDamage<Value>(_ result: Result<Value, StoreError>) -> Result<Value, StoreError> {
    if case .failure(let error) = result, error.code == .corrupt { damageObserver.withLock { $0 }?(error) }
    return result
  }

  /// Commits drafts in order, each apart from the others.
  ///
  /// A few are committed at once, together with those of other callers that wait. Many are an import's: they are
  /// committed in slices, and whoever comes meanwhile waits for one slice at the most.
  /// - Parameters:
  ///   - isDryRun: tells what would become of them, and commits nothing.
  ///   - completion: gets the results of all; on an error the first of them may be committed.
  package func commit(
    _ drafts: [CommitDraft], isDryRun: Bool = false,
    completion: @escaping @Sendable (Result<[CommitResult], StoreError>) -> Void
  ) {
    commit(drafts[...], isDryRun: isDryRun, behind: [], completion)
  }

  private func commit(
    _ drafts: ArraySlice<CommitDraft>, isDryRun: Bool, behind earlier: [CommitResult],
    _ completion: @escaping @Sendable (Result<[CommitResult], StoreError>) -> Void
  ) {
    // At least one draft, which is never split.
    var writes = 0
    let slice = drafts.prefix { draft in
      defer { writes += draft.writes.count }
      return writes < StorageLimits.sliceWrites
    }
    let rest = drafts.dropFirst(slice.count)
    commit(
      count: drafts.count + earlier.count, isDryRun: isDryRun,
      planning: { _, commit throws(StoreError) in
        var results: [CommitResult] = []
        for draft in slice { results.append(try commit(draft)) }
        return results
      },
      completion: { result in
        switch result {
        case .failure(let error): completion(.failure(error))
        case .success(let results) where rest.isEmpty: completion(.success(earlier + results))
        case .success(let results): self.commit(rest, isDryRun: isDryRun, behind: earlier + results, completion)
        }
      })
  }

  /// The same for drafts that depend on what is there and on each other: `body` reads and commits in turn, in one
  /// transaction, so that nobody writes in between.
  ///
  /// - Parameter count: how many commits it is about; more than a few wait for those of tills and people.
  package func commit<Value: Sendable>(
    count: Int = 1, isDryRun: Bool = false,
    planning body: @escaping @Sendable (Engine, Commit) throws(StoreError) -> Value,
    completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
  ) {
    guard !isDryRun else {
      return write { engine throws(StoreError) in
        try engine.check(at: self.clock.now) { commit throws(StoreError) in try body(engine, commit) }
      } completion: {
        completion($0)
      }
    }
    let start = DispatchTime.now()
    let commit = WaitingCommit { engine, commit throws(StoreError) in
      let value = try body(engine, commit)
      return {
        self.metrics.commitSeconds.observe(start.secondsAgo)
        completion(.success(value))
      }
    } fail: { error in
      completion(.failure(error))
    }
    let isFirst = waiting.withLock { waiting in
      if count <= StorageLimits.smallCommitDrafts {
        waiting.small.append(commit)
      } else {
        waiting.large.append(commit)
      }
      defer { waiting.isScheduled = true }
      return !waiting.isScheduled
    }
    turn.add(1, ordering: .sequentiallyConsistent)
    if isFirst { writing.async { self.commitWaiting() } }
    rest.noteUse()
  }

  /// One turn at the writer: all that is small, and then one that is large, so that neither starves.
  private func commitWaiting() {
    let small = waiting.withLock { waiting in
      defer { waiting.small = [] }
      return waiting.small
    }
    if !small.isEmpty { commitTogether(small) }
    if let large = waiting.withLock({ $0.large.isEmpty ? nil : $0.large.removeFirst() }) { commitTogether([large]) }
    // The next turn stands behind what others have asked of the writer meanwhile.
    let isDone = waiting.withLock { waiting in
      waiting.isScheduled = !(waiting.small.isEmpty && waiting.large.isEmpty)
      return !waiting.isScheduled
    }
    if !isDone { writing.async { self.commitWaiting() } }
  }

  private func commitTogether(_ commits: [WaitingCommit]) {
    do throws(StoreError) {
      let completions = try writer.commit(at: clock.now) { commit throws(StoreError) in
        var completions: [@Sendable () -> Void] = []
        for waiting in commits { completions.append(try waiting.commit(writer, commit)) }
        return completions
      }
      note(.success(()))
      metrics.groupCommits.observe(Double(commits.count))
      for completion in completions { completion() }
      noteGrowth()
      writer.backend.makeRoomInLog()
    } catch {
      note(Result<Void, StoreError>.failure(error))
      for commit in commits { commit.fail(error) }
    }
  }

  /// Runs `body` with the writer, after all that was asked for before.
  package func write<Value: Sendable>(
    _ body: @escaping @Sendable (Engine) throws(StoreError) -> Value,
    completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
  ) {
    rest.noteUse()
    turn.add(1, ordering: .sequentiallyConsistent)
    writing.async {
      let result = capture { () throws(StoreError) in try body(self.writer) }
      self.note(result)
      completion(result)
      self.noteGrowth()
    }
  }

  /// The same, after all batches that were given to `apply` before, decoded or not.
  package func writeBehindBatches<Value: Sendable>(
    _ body: @escaping @Sendable (Engine) throws(StoreError) -> Value,
    completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
  ) {
    decoding.async { self.write(body, completion: completion) }
  }

  /// Reads a lane of the log with the reader. What is urgent comes first: many stores that load everything at once must not hold
  /// up a price that another waits for.
  package func load<Value: Sendable>(
    _ lane: Lane, _ body: @escaping @Sendable (Engine) throws(StoreError) -> Value,
    completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
  ) {
    rest.noteUse()
    loads.withLock { loads in
      loads[lane].append { completion(self.noteDamage(capture { () throws(StoreError) in try body(self.reader) })) }
    }
    reading.async {
      let next = self.loads.withLock { loads in
        Lane.allCases.first { !loads[$0].isEmpty }.map { loads[$0].removeFirst() }
      }
      next?()
    }
  }

  /// Runs `body` with a reader of its own: who looks at a node does not hold up its links.
  package func read<Value: Sendable>(
    _ body: @escaping @Sendable (Engine) throws(StoreError) -> Value,
    completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
  ) {
    rest.noteUse()
    inspector.run(body) { completion(self.noteDamage($0)) }
  }

  /// The same for metrics: a scrape holds up nobody, and nobody holds up a scrape.
  func gather<Value: Sendable>(
    _ body: @escaping @Sendable (Engine) throws(StoreError) -> Value,
    completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
  ) {
    gatherer.run(body) { completion(self.noteDamage($0)) }
  }

  /// The same for what reads everything and takes its time: not even `status` waits for it.
  package func scan<Value: Sendable>(
    _ body: @escaping @Sendable (Engine) throws(StoreError) -> Value,
    completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
  ) {
    rest.noteUse()
    scanner.run(body, completion: completion)
  }

  /// Decodes a batch away from the writer, then applies it; batches are applied in the order of the calls.
  ///
  /// Those that are decoded while the writer is busy are applied together, in one transaction with one flush of the disk,
  /// unless something else was asked of the writer between them.
  package func apply(
    _ batch: Batch, peer: NodeNumber, epoch: Epoch, codec: some BatchCodec & Sendable,
    completion: @escaping @Sendable (BatchOutcome) -> Void
  ) {
    rest.noteUse()
    decoding.async {
      self.decodingRoom.wait()
      switch SessionPerformer.decode(batch, peer: peer, epoch: epoch, codec: codec) {
      case .failure(let error):
        self.turn.add(1, ordering: .sequentiallyConsistent)
        self.writing.async {
          self.decodingRoom.signal()
          completion(.undecodable(error.reason))
        }
      case .success(let incoming):
        let turn = self.turn.load(ordering: .sequentiallyConsistent)
        let number = self.decoded.withLock { waiting in
          waiting.lastNumber += 1
          waiting.batches.append(
            DecodedBatch(number: waiting.lastNumber, incoming: incoming, turn: turn, completion: completion))
          return waiting.lastNumber
        }
        self.writing.async { self.applyDecoded(from: number) }
      }
    }
  }

  /// Applies a batch, unless it has gone along with one before it, and those behind it that may go along.
  private func applyDecoded(from number: UInt64) {
    let batches = decoded.withLock { waiting in
      guard let first = waiting.batches.first, first.number == number else { return [DecodedBatch]() }
      let together = waiting.batches.prefix { $0.turn == first.turn }.prefix(StorageLimits.batchesTogether)
      waiting.batches.removeFirst(together.count)
      return Array(together)
    }
    guard !batches.isEmpty else { return }
    defer { for _ in batches { decodingRoom.signal() } }
    let start = DispatchTime.now()
    let outcomes = writer.apply(batches.map(\.incoming), at: clock.now)
    for (batch, outcome) in zip(batches, outcomes) {
      note(outcome)
      switch outcome {
      case .success(let results):
        metrics.applySeconds.observe(start.secondsAgo)
        metrics.count(results)
        batch.completion(.applied(results))
      case .failure(let error): batch.completion(.failed(error))
      }
    }
    noteGrowth()
  }

  /// Blocks until `body` has run with the writer: for start-up and for a program that works on the database alone.
  package func writeNow<Value: Sendable>(
    _ body: @escaping @Sendable (Engine) throws(StoreError) -> Value
  ) throws(StoreError) -> Value {
    let result = writing.sync { capture { () throws(StoreError) in try body(self.writer) } }
    return try result.get()
  }

  /// Calls `answer` once the writer is through with what was asked of it before. It is no use of the database: memory is
  /// given back as if nobody had asked.
  func askWriter(_ answer: @escaping @Sendable () -> Void) { writing.async(execute: answer) }

  /// Why the last write failed, if it did: a full disk, most of all.
  package var problem: StoreError? { lastProblem.withLock { $0 } }

  private func note<Value>(_ result: Result<Value, StoreError>) {
    let problem: StoreError? = if case .failure(let error) = noteDamage(result) { error } else { nil }
    lastProblem.withLock { $0 = problem }
    if let problem { metrics.writeFailures.add(1, problem.code.rawValue) }
    metrics.count(writer.takeTally())
  }

  private func noteGrowth() {
    dispatchPrecondition(condition: .onQueue(writing))
    let head = writer.writtenHead
    guard head != knownHead else { return }
    knownHead = head
    growth.tell()
  }
}
