import Glibc
import Testing

/// The log of real nodes: what it must not hold, and how much of it there is.
@Suite struct QuietLogTests {
  @Test("a sale, an edit and a conflict leave nobody's name in the log") func noPersonalData() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    try chain.expectDone(
      chain.importing(["id,name,phone", "7,Qqannamark,+4930998877"], as: "member", into: chain.hq))
    try chain.inSync()
    try chain.hq.stop()
    try chain.expectDone(chain.importing([sale(1, member: "7")], as: "sale", into: one))
    try chain.expectDone(chain.importing(["id,name,note", "7,Qqbea,Qqtea"], as: "member", into: one))
    try chain.expectDone(chain.importing(["id,name,note", "7,Qqcid,Qqcoffee"], as: "member", into: two))
    try chain.expectDone(chain.importing(["id,name,phone", "8,Qqdan,+4930998877"], as: "member", into: two))
    try chain.startHQ()
    try chain.inSync()
    let conflicts = try chain.syncctl(chain.hq, "conflicts", "list")
    #expect(conflicts.output.contains("Qqcoffee"), "there are some to tell of: \(conflicts.output)")
    for node in [chain.hq, one, two] {
      for word in ["Qq", "998877"] { #expect(!node.log.contains(word), "\(node.name): \(node.log)") }
      for line in node.log.split(separator: "\n") {
        #expect(line.contains(#/^<[3467]>[a-z]+\.[a-zA-Z]+: /#), "\(line)")
      }
    }
  }

  /// The signal comes right behind “ready”: it was lost once.
  @Test("a signal right behind “ready” is not lost") func endsAtOnce() throws {
    let chain = try Chain()
    for start in 1...20 {
      let hq = try Child(
        "hq-node", ["run", "--data", chain.hq.directory, "--listen", "127.0.0.1:0"],
        errors: "\(chain.scratch.path)/\(start).log", isGuarded: true)
      _ = try hq.line(after: "ready")
      try hq.send(signal: start.isMultiple(of: 2) ? SIGTERM : SIGINT)
      #expect(try hq.status() == 0, "start \(start): \(hq.errors)")
    }
  }

  @Test func levels() throws {
    let chain = try Chain()
    let quiet = try Child(
      "hq-node", ["run", "--data", chain.hq.directory, "--listen", "127.0.0.1:0", "--log-level", "error"],
      errors: "\(chain.scratch.path)/quiet.log", isGuarded: true)
    _ = try quiet.line(after: "ready")
    try quiet.send(signal: 15)
    #expect(try quiet.status() == 0)
    #expect(quiet.errors == "", "nothing was wrong")
    let wrong = try chain.run("hq-node", ["run", "--data", chain.hq.directory, "--log-level", "loud"])
    #expect(wrong.status == 2 && wrong.problem.contains("error, warning, info, debug"), "\(wrong.problem)")
  }
}
