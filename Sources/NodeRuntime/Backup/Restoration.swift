package import Base
package import Causality
import Glibc
package import RecordStore
import SQLiteStore
package import StoreModel

/// Makes a node again from a backup.
package struct Restoration: Hashable, Sendable {
  package var node: NodeNumber
  /// What it writes as from now on.
  package var replica: ReplicaID
  /// When the backup was made; nil if the file is no backup but a copy of a database.
  package var madeAt: WallTime?
  /// Where the database that it has replaced is kept.
  package var aside: String?

  /// Checks a backup and puts it in a node's place, under a new incarnation.
  /// - Parameter isReplacing: whether there may be a node, which is then kept aside.
  package static func restore(
    _ file: String, to directory: DataDirectory, isReplacing: Bool, model: Model, at now: WallTime,
    progress: Backup.Progress
  ) throws(StoreError) -> Restoration {
    guard isReplacing || !directory.hasDatabase else {
      throw StoreError(
        .occupied,
        "“\(directory.path)” holds a node already; stop it, and say --replace to keep its database aside, or give another "
          + "folder")
    }
    guard DurableFile.exists(file) else { throw StoreError(.notFound, "“\(file)” is not there; check the path") }
    try LastProgram.check(LastProgram.version(of: file), directory)
    let madeAt = try DatabaseCopy.setting(Backup.setting, of: file)
    let (node, aside) = try install(file, madeAt, directory, model, at: now, progress)
    // The first to open it for writing takes the incarnation, whoever that is.
    let replica = try renew(directory, model)
    return Restoration(node: node, replica: replica, madeAt: madeAt.map(Backup.time), aside: aside)
  }

  private static func install(
    _ file: String, _ madeAt: [UInt8]?, _ directory: DataDirectory, _ model: Model, at now: WallTime,
    _ progress: Backup.Progress
  ) throws(StoreError) -> (node: NodeNumber, aside: String?) {
    let replacement = try DatabaseReplacement(directory)
    do throws(StoreError) {
      let mark = madeAt ?? [UInt8](String(now.milliseconds).utf8)
      try DatabaseCopy.copy(from: file, to: replacement.newPath, settings: [(Backup.setting, mark)]) {
        progress(.copying(done: $0, total: $1))
      }
      let (node, _) = try Backup.check(replacement.newPath, model: model, progress)
      try checkSame(node, directory, model)
      return (node, try replacement.install(at: now))
    } catch {
      replacement.discard()
      throw error
    }
  }

  /// Another node's backup is a slip, as far as the present database can still tell.
  private static func checkSame(
    _ node: NodeNumber, _ directory: DataDirectory, _ model: Model
  ) throws(StoreError) {
    guard directory.hasDatabase,
      let old = try? SQLiteBackend.openUnchecked(path: directory.databasePath, model: model, isAlone: false),
      let present = try? old.loadNode().identity.replica.node, present != node
    else { return }
    throw StoreError(
      .occupied, "the backup is of \(node.name), and “\(directory.path)” holds \(present.name); give another folder")
  }

  private static func renew(_ directory: DataDirectory, _ model: Model) throws(StoreError) -> ReplicaID {
    let gate = try StoreGate.open(directory, model: model, isStarting: false) { _ in }
    return try gate.writeNow { engine throws(StoreError) in engine.identity.replica }
  }
}

extension NodeNumber {
  /// For people.
  package var name: String { self == .hq ? "HQ" : "store \(self)" }
}
