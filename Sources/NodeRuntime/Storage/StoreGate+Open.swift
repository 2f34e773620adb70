package import Base
import Causality
package import RecordStore
package import StoreModel

extension StoreGate {
  /// Opens a node's database, and sees to it before the first write that it is the one that this node used last.
  /// - Parameter isStarting: a node starts: its log goes on under a new epoch. A program that only works on the database
  ///   leaves the epoch, unless the database turns out to have been restored or copied.
  package static func open(
    _ directory: DataDirectory, model: Model, isStarting: Bool = true, log: LogSink
  ) throws(StoreError) -> StoreGate {
    try StoreGate(path: directory.databasePath, model: model, clock: SystemWallClock()) { engine throws(StoreError) in
      try prepare(engine, directory, isStarting: isStarting, log)
      try eraseAgain(engine, directory, log)
    }
  }

  /// What a backup has brought back goes before anybody sees it.
  private static func eraseAgain(_ engine: Engine, _ directory: DataDirectory, _ log: LogSink) throws(StoreError) {
    guard engine.identity.isHQ else { return }
    let count = try ErasureFile(directory).reconcile(engine, at: SystemWallClock().now)
    guard count > 0 else { return }
    log(
      LogEvent(
        .warning, "erase.again",
        "\(count) records that were erased are so again: this database was put back to an earlier state"))
  }

  private static func prepare(
    _ engine: Engine, _ directory: DataDirectory, isStarting: Bool, _ log: LogSink
  ) throws(StoreError) {
    var generator = SystemRandomness()
    // Nothing was written where it was since: it goes on as what it was.
    let isArriving = try Move.isArriving(engine, directory)
    try LastProgram.note(in: engine, directory)
    let problem = isArriving ? nil : try InstanceMark.problem(directory, engine)
    defer { engine.isHealing = (try? NodeSettings.isHealing(engine)) ?? false }
    let isMarked = try InstanceMark.isMarked(engine)
    guard isStarting || problem != nil || !isMarked || isArriving else { return }
    if isStarting || problem != nil {
      let incarnation: UInt32? = problem == nil ? nil : generator.next()
      try engine.begin(Epoch(rawValue: generator.next()), incarnation: incarnation)
    }
    if problem != nil, engine.identity.isHQ {
      let loss = NodeSettings.Loss(epoch: engine.identity.epoch, noticedAt: SystemWallClock().now)
      try NodeSettings.save(loss, in: engine)
    }
    // Last of all: cut off before this, the node finds again what it has found now.
    try InstanceMark.mark(directory, engine, using: &generator)
    guard let problem else { return }
    log(
      LogEvent(
        .warning, "node.restored",
        "this database was restored or copied: \(problem). It goes on as \(engine.identity.replica), and gets back what "
          + "it had sent since"))
  }
}
