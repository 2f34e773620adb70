package import Base
package import Causality
import Merge
package import RecordStore
import SQLiteStore
package import StoreModel
import Wire

/// Makes a store whose database is damaged anew, and brings over from an old database what HQ has not got.
package enum StoreRecovery {
  private static let salvaged = "salvaged"

  /// What could not be taken over of a commit.
  package struct Loss: Hashable, Sendable {
    package var sequence: Sequence64
    package var at: WallTime
    /// What could be read of it, as “entity id”.
    package var readable: [String]
    /// What could not, as “entity, row”.
    package var unreadable: [String]
  }

  package struct Report: Hashable, Sendable {
    package var node: NodeNumber
    package var replica: ReplicaID
    /// Where the old database is.
    package var old: String
    /// Unsent commits that were taken over, and records in them.
    package var taken = 0
    package var records = 0
    /// Unsent commits that are here already.
    package var known = 0
    /// Commits that were not taken over, because not all of their records can be read.
    package var lost: [Loss] = []
    /// Entries of the log that cannot be read; what was in them nobody knows.
    package var unreadableEntries = 0
    /// Why the old database cannot be read at all; nil if it can.
    package var problem: String?
  }

  /// What lets a store in at HQ, read from a damaged database.
  package struct Papers: Sendable {
    package var node: NodeNumber
    package var membership: NodeSettings.Membership
    package var sessionToken: [UInt8]?

    package init(node: NodeNumber, membership: NodeSettings.Membership, sessionToken: [UInt8]? = nil) {
      self.node = node
      self.membership = membership
      self.sessionToken = sessionToken
    }
  }

  /// Reads who the store was from its database.
  /// - Throws: what cannot be read.
  package static func papers(in directory: DataDirectory, model: Model) throws(StoreError) -> Papers {
    try directory.checkDatabase()
    let backend = try SQLiteBackend.openUnchecked(path: directory.databasePath, model: model, isAlone: false)
    let node = try backend.loadNode().identity.replica.node
    guard node != .hq else {
      throw StoreError(
        .occupied,
        "“\(directory.path)” holds HQ, which nobody can rebuild: `syncctl restore BACKUP --replace --data "
          + "\(directory.path)`")
    }
    return Papers(
      node: node, membership: try NodeSettings.membership(backend),
      sessionToken: try? NodeSettings.sessionToken(backend))
  }

  /// Makes the store's database anew, keeps the damaged one aside, and takes over what that had not sent.
  /// - Parameter takesIncomplete: takes what can be read of commits that cannot be read whole.
  package static func rebuild(
    _ directory: DataDirectory, as papers: Papers, model: Model, takesIncomplete: Bool, at now: WallTime
  ) throws(StoreError) -> Report {
    let replacement = try DatabaseReplacement(directory)
    var generator = SystemRandomness()
    do throws(StoreError) {
      var report = try make(replacement.newPath, papers, model, &generator) { engine throws(StoreError) in
        try takeOver(directory, into: engine, model, takesIncomplete)
      }
      report.old = try replacement.install(at: now) ?? directory.path
      return report
    } catch {
      replacement.discard()
      throw error
    }
  }

  /// Makes the new database under another name, closed again when this returns.
  private static func make(
    _ path: String, _ papers: Papers, _ model: Model, _ generator: inout some RandomNumberGenerator,
    _ fill: (StoreGate.Engine) throws(StoreError) -> Report
  ) throws(StoreError) -> Report {
    let identity = NodeIdentity(
      replica: ReplicaID(node: papers.node, incarnation: generator.next()), epoch: Epoch(rawValue: generator.next()))
    let engine = try StoreGate.Engine(SQLiteBackend.open(path: path, model: model, mode: .create(identity)))
    try NodeSettings.save(papers.membership, in: engine)
    if let token = papers.sessionToken { try NodeSettings.save(sessionToken: token, in: engine) }
    return try fill(engine)
  }

  /// Takes over into a node that rests what another database of the same store had not sent.
  package static func takeOver(
    from old: DataDirectory, into directory: DataDirectory, model: Model, takesIncomplete: Bool
  ) throws(StoreError) -> Report {
    try old.checkDatabase()
    let gate = try StoreGate.open(directory, model: model, isStarting: false) { _ in }
    return try gate.writeNow { engine throws(StoreError) in
      guard !engine.identity.isHQ else { throw StoreError(.occupied, "“\(directory.path)” holds HQ, not a store") }
      try checkSame(old, engine, model)
      // What is taken over keeps its times, at which this replica may have written, too.
      try engine.takeIncarnation(.random(in: .min ... .max))
      return try takeOver(old, into: engine, model, takesIncomplete)
    }
  }

  private static func checkSame(
    _ old: DataDirectory, _ engine: StoreGate.Engine, _ model: Model
  ) throws(StoreError) {
    let node = engine.identity.replica.node
    guard let backend = try? SQLiteBackend.openUnchecked(path: old.databasePath, model: model, isAlone: false),
      let found = try? backend.loadNode().identity.replica.node, found != node
    else { return }
    throw StoreError(
      .occupied,
      "“\(old.path)” holds \(found.name), expected \(node.name): its sales are its own, join it under its number")
  }

  private static func takeOver(
    _ old: DataDirectory, into engine: StoreGate.Engine, _ model: Model, _ takesIncomplete: Bool
  ) throws(StoreError) -> Report {
    let replica = engine.identity.replica
    var report = Report(node: replica.node, replica: replica, old: old.path)
    let backend: SQLiteBackend
    do throws(StoreError) {
      backend = try SQLiteBackend.openUnchecked(path: old.databasePath, model: model, isAlone: false)
      _ = try backend.logEntries(lane: .normal, after: 0, limit: 1)
    } catch {
      report.problem = error.message
      return report
    }
    var reader = SalvageReader(backend, node: replica.node)
    var salvage = reader.read()
    report.unreadableEntries = salvage.unreadableEntries
    let done = try Set(marks(engine))
    report.known = salvage.groups.count
    salvage.groups.removeAll { done.contains(mark(of: $0)) }
    report.lost = takesIncomplete ? [] : salvage.groups.compactMap { loss($0, model) }
    if takesIncomplete { report.lost = salvage.groups.filter(\.records.isEmpty).compactMap { loss($0, model) } }
    let lost = Set(report.lost.map(\.sequence))
    salvage.groups.removeAll { lost.contains($0.sequence) }
    let result = try engine.takeOver(salvage)
    let taken = Set(result.taken)
    report.taken = taken.count
    report.records = salvage.groups.filter { taken.contains($0.sequence) }.reduce(0) { $0 + $1.records.count }
    report.known -= report.taken + report.lost.count
    try save(done.union(salvage.groups.map(mark)), in: engine)
    return report
  }

  private static func loss(_ group: Salvage.Group, _ model: Model) -> Loss? {
    guard !group.unreadable.isEmpty else { return nil }
    func name(_ tag: EntityTag) -> String { model.entity(tag)?.name ?? "entity \(tag)" }
    return Loss(
      sequence: group.sequence, at: group.stamp.time.wall,
      readable: group.records.map { state in
        let id = model.entity(state.entity)?.identity.text(of: state.id) ?? "\(state.id)"
        return "\(name(state.entity)) \(id)"
      },
      unreadable: group.unreadable.map { "\(name($0.entity)), row \($0.row)" })
  }
}

// MARK: - What was taken over before

extension StoreRecovery {
  /// Tells a commit of one database from all others: its place there and its time.
  private struct Mark: Hashable {
    var sequence: UInt64
    var time: UInt64
  }

  private static func mark(of group: Salvage.Group) -> Mark {
    Mark(sequence: group.sequence, time: group.stamp.time.rawValue)
  }

  private static func marks(_ engine: StoreGate.Engine) throws(StoreError) -> [Mark] {
    var reader = ByteReader(try engine.backend.setting(salvaged) ?? [])
    var marks: [Mark] = []
    do throws(ByteError) {
      while !reader.isAtEnd {
        marks.append(Mark(sequence: try reader.readVarint(), time: try reader.readBigEndianUInt64()))
      }
    } catch {
      throw StoreError(.corrupt, "the setting “\(salvaged)” cannot be read")
    }
    return marks
  }

  private static func save(_ marks: Set<Mark>, in engine: StoreGate.Engine) throws(StoreError) {
    guard !marks.isEmpty else { return }
    var writer = ByteWriter(reserving: marks.count * 12)
    for mark in marks.sorted(by: { ($0.sequence, $0.time) < ($1.sequence, $1.time) }) {
      writer.append(varint: mark.sequence)
      writer.append(bigEndian: mark.time)
    }
    try engine.backend.setSettings([(salvaged, writer.bytes)])
  }
}
