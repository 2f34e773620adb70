import Base
import Causality
import Glibc
import NodeRuntime
import RecordStore
import StoreModel
import Wire

/// `syncctl backup` and `syncctl restore`.
struct BackupVerbs {
  let arguments: CommandLineArguments

  func backup() throws -> ExitStatus {
    let directory = try arguments.dataDirectory()
    let backup = try watched { progress in
      try Backup.make(
        of: directory, to: arguments.words[0], model: .retail, at: SystemWallClock().now, progress: progress)
    }
    LastBackup.note(in: directory, at: backup.madeAt)
    let answer = CBORValue.object([
      "schema": .integer(1), "node": .text("\(backup.node)"), "file": .text(arguments.words[0]),
      "madeAt": .text(RFC3339.format(backup.madeAt)), "bytes": .integer(Int64(backup.bytes)),
      "commits": backup.audit.map { .integer(Int64($0.entries)) },
      "records": backup.audit.map { .integer(Int64($0.records)) },
    ])
    arguments.tell(answer) { _ in
      let checked =
        backup.audit.map { "\($0.entries) commits and \($0.records) records checked" }
        ?? "made by an older version: its file is checked, its records are not"
      return """
        \(arguments.words[0]): \(backup.node.name) as of \(RFC3339.format(backup.madeAt)), \(backup.bytes) bytes; \(checked)
        It holds \(backup.node == .hq ? "HQ's private key" : "the store's credential") and all records: keep it where only \
        you can read it, and not on this machine alone.
        """
    }
    return .done
  }

  func moveOut() throws -> ExitStatus {
    let directory = DataDirectory(try arguments.needed("data"))
    let file = arguments.words[0]
    let backup = try watched { progress in
      try Move.out(
        of: directory, to: file, model: .retail, at: SystemWallClock().now, log: Console.log, progress: progress)
    }
    let answer = CBORValue.object([
      "schema": .integer(1), "node": .text("\(backup.node)"), "file": .text(file),
      "madeAt": .text(RFC3339.format(backup.madeAt)), "bytes": .integer(Int64(backup.bytes)),
    ])
    arguments.tell(answer) { _ in
      """
      \(file): \(backup.node.name) as it ends here, \(backup.bytes) bytes; it does not start here any more
      On the new machine, once: syncctl restore \(file) --data DIR\(backup.node == .hq ? ", with the file “erasures” beside it if there is one" : "")
      """
    }
    return .done
  }

  func moveBack() throws -> ExitStatus {
    let directory = DataDirectory(try arguments.needed("data"))
    guard try Move.back(directory, model: .retail) else {
      throw UsageError("the node in “\(directory.path)” has not moved out")
    }
    Console.print("the node in \(directory.path) may run again; what was made of its file must not")
    return .done
  }

  func restore() throws -> ExitStatus {
    let directory = try arguments.dataDirectory()
    let restored = try watched { progress in
      try Restoration.restore(
        arguments.words[0], to: directory, isReplacing: arguments.flag("replace"), model: .retail,
        at: SystemWallClock().now, progress: progress)
    }
    directory.giveToOwner()
    let answer = CBORValue.object([
      "schema": .integer(1), "node": .text("\(restored.node)"), "data": .text(directory.path),
      "replica": .text("\(restored.replica)"), "madeAt": restored.madeAt.map { .text(RFC3339.format($0)) },
      "aside": restored.aside.map(CBORValue.text),
    ])
    arguments.tell(answer) { _ in text(restored, directory) }
    return .done
  }

  private func text(_ restored: Restoration, _ directory: DataDirectory) -> String {
    let program = restored.node == .hq ? "hq-node" : "store-node"
    let time = restored.madeAt.map { "the backup of \(RFC3339.format($0))" } ?? "the copy"
    var lines = [
      "\(directory.path) holds \(restored.node.name) as in \(time); it goes on as \(restored.replica)"
    ]
    if let aside = restored.aside { lines.append("The database that was there is kept in \(aside)") }
    if restored.node == .hq {
      lines += [
        "When HQ runs, each store sends again what HQ has lost of the store's. What HQ itself had written since comes back "
          + "with it, and waits for you: see `syncctl parked list`, then `syncctl parked retry --all --trust`.",
        "What was done since about who may come in is lost: revoke and retire again (`store revoke`, `store retire`), and "
          + "give stores that joined since a new code (`store add NUMBER --again`).",
      ]
    } else {
      lines.append("When it is connected, what it had sent since comes back from HQ.")
      if let aside = restored.aside {
        lines.append(
          "What it had not sent is in the database that is kept: `store-node recover --from \(aside) --data "
            + "\(directory.path)` takes it over.")
      }
    }
    lines.append("Start it with: \(program) run --data \(directory.path)")
    return lines.joined(separator: "\n")
  }

  /// Tells how far it is, and ends at Ctrl-C.
  private func watched<Result>(_ body: (Backup.Progress) throws -> Result) throws -> Result {
    Interruption.watch()
    var meter = StageMeter(isWanted: arguments.flag("progress"))
    return try body { stage in
      meter.tell(stage)
      return !Interruption.isRequested
    }
  }
}

/// Tells every second how far a copy is: on a terminal, or if it is wanted.
private struct StageMeter {
  private let isOn: Bool
  private var next = Self.now() + 1

  init(isWanted: Bool) { isOn = isWanted || Console.errorIsTerminal }

  mutating func tell(_ stage: Backup.Stage) {
    guard isOn, Self.now() >= next else { return }
    next = Self.now() + 1
    switch stage {
    case .copying(let done, let total): Console.printError("copying: \(done * 100 / max(total, 1)) %")
    case .checking(let entries): Console.printError("checking: \(entries) commits")
    }
  }

  private static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec
  }
}
