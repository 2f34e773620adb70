import Base
import NodeRuntime
import Wire

extension StoreRecovery.Report {
  /// Whether all that HQ has not got could be taken over, as far as anybody can tell.
  var isWhole: Bool { lost.isEmpty && unreadableEntries == 0 && problem == nil }

  func text(_ directory: DataDirectory) -> String {
    var lines = ["\(directory.path): store \(node) goes on as \(replica); the old database is in \(old)"]
    lines.append("taken over: \(taken) commits with \(records) records that HQ had not confirmed")
    if known > 0 { lines.append("\(known) more were here already") }
    for loss in lost {
      lines.append(
        "NOT taken over: a commit of \(RFC3339.format(loss.at)). Cannot be read: \(loss.unreadable.joined(separator: ", "))"
          + (loss.readable.isEmpty ? "" : ". Can be read: \(loss.readable.joined(separator: ", "))"))
    }
    if !lost.isEmpty {
      lines.append(
        "Ring up again what is missing. `--incomplete` takes what can be read of them: reports at HQ then lack the rest"
      )
    }
    if unreadableEntries > 0 {
      lines.append(
        "About \(unreadableEntries) entries of the log cannot be read; compare the till's receipts with HQ's, and import "
          + "what is missing: what is there already is not added twice")
    }
    if let problem { lines.append("Nothing of the old database can be read: \(problem)") }
    lines.append("All else comes from HQ. Start it with: store-node run --data \(directory.path)")
    return lines.joined(separator: "\n")
  }

  func value(_ directory: DataDirectory) -> CBORValue {
    .object([
      "schema": .integer(1), "node": .text("\(node)"), "data": .text(directory.path), "replica": .text("\(replica)"),
      "old": .text(old), "taken": .integer(Int64(taken)), "records": .integer(Int64(records)),
      "known": .integer(Int64(known)), "unreadableEntries": .integer(Int64(unreadableEntries)),
      "problem": problem.map(CBORValue.text),
      "lost": .array(
        lost.map { loss in
          .object([
            "at": .text(RFC3339.format(loss.at)), "readable": .array(loss.readable.map(CBORValue.text)),
            "unreadable": .array(loss.unreadable.map(CBORValue.text)),
          ])
        }),
    ])
  }
}
