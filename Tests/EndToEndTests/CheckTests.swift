import Glibc
import JSON
import Testing

/// `syncctl check`: what is wrong with an installation.
@Suite struct CheckTests {
  /// Level and text of the findings of one area.
  private func findings(_ finished: Finished, _ area: String) throws -> [String] {
    let items = try finished.json()["findings"]
    guard case .array(let values)? = items else { return [] }
    return values.compactMap { value in
      guard case .object(let finding) = value, finding["area"]?.text == area else { return nil }
      return [finding["level"]?.text, finding["found"]?.text, finding["advice"]?.text].compactMap { $0 }
        .joined(separator: ": ")
    }
  }

  @Test("a resting and a running headquarters: what is well, what is to be seen to, and the exit status")
  func headquarters() throws {
    let chain = try Chain()
    let resting = try chain.syncctl(chain.hq, "check", "--json")
    #expect(try resting.status == 1 && resting.json()["level"]?.text == "warning")
    #expect(try findings(resting, "rights").map { $0.hasPrefix("ok") } == [true])
    #expect(try findings(resting, "database") == ["ok: the database of headquarters is whole"])
    #expect(try findings(resting, "node") == ["warning: the node does not run: start it"])
    #expect(try findings(resting, "backup")[0].hasPrefix("warning: no backup"))
    #expect(try findings(resting, "hq") == [])

    try chain.expectDone(chain.syncctl(chain.hq, words: ["backup", "\(chain.scratch.path)/hq.backup"]))
    try chain.startHQ()
    try chain.expectDone(chain.syncctl(chain.hq, words: ["endpoints", "set", chain.address]))
    let settings = try chain.scratch.file("c.conf", ["data = \(chain.hq.directory)", "listen = \(chain.address)"])
    let running = try chain.run("syncctl", ["check", "--config", settings, "--json"])
    #expect(running.status == 1)
    #expect(try findings(running, "backup")[0].hasPrefix("ok: the last backup was made less than a day ago"))
    #expect(try findings(running, "hq") == ["ok: HQ answers at \(chain.address), with the key that stores trust"])
    #expect(try findings(running, "ports")[0].hasPrefix("ok: the node listens at port"))
    #expect(try findings(running, "node")[0].hasPrefix("ok: the node runs, storesync/"))
    #expect(try findings(running, "sync")[0].hasPrefix("warning: not in sync: no store is enrolled"))
    let text = try chain.syncctl(chain.hq, "check")
    #expect(text.output.contains("ok    database     the database of headquarters is whole\n"))
    #expect(
      text.output.contains("warn  sync         not in sync: no store is enrolled\n                   → syncctl status"))
  }

  @Test("what others may read, a port that another has, HQ that is away, a database that is damaged or newer")
  func whatIsWrong() throws {
    let chain = try Chain()
    let store = try chain.addStore(1)
    let database = "\(store.directory)/storesync.db"
    let away = try chain.syncctl(store, "check", "--json")
    #expect(try findings(away, "hq")[0].hasPrefix("warning: HQ at \(chain.address): "))
    #expect(try findings(away, "hq")[0].contains("the shop sells on"))

    #expect(chmod(database, 0o644) == 0 && chmod(store.directory, 0o750) == 0)
    let exposed = try chain.syncctl(store, "check", "--json")
    #expect(exposed.status == 4)
    #expect(
      try findings(exposed, "rights") == [
        "failure: others may read or write the directory, storesync.db: customers' data, and keys: chmod -R go= "
          + store.directory
      ])
    #expect(chmod(database, 0o600) == 0 && chmod(store.directory, 0o700) == 0)

    let other = try Chain()
    try other.startHQ()
    let settings = try chain.scratch.file(
      "c.conf",
      ["data = \(chain.hq.directory)", "listen = \(other.address)", "http-cert = /nowhere", "http-key = \(database)"])
    let taken = try chain.run("syncctl", ["check", "--config", settings, "--json"])
    #expect(try findings(taken, "ports")[0].contains("is taken by process"))
    #expect(try findings(taken, "ports")[0].contains("(hq-node): stop that, or give the node another port"))
    #expect(
      try findings(taken, "http") == [
        "failure: http-cert “/nowhere”: No such file or directory: correct the settings, or put the file there",
        "ok: http-key “\(database)” can be read",
      ])

    try Database.change(store, "INSERT OR REPLACE INTO sync_setting VALUES ('opened-by', CAST('99.0' AS BLOB))")
    let newer = try chain.syncctl(store, "check", "--json")
    #expect(try newer.status == 4 && findings(newer, "database")[0].contains("was last opened by version 99.0"))
    let descriptor = open(database, O_WRONLY)
    _ = pwrite(descriptor, [UInt8](repeating: 0x55, count: 100_000), 100_000, 4_096)
    close(descriptor)
    let damaged = try chain.syncctl(store, "check", "--json")
    #expect(try damaged.status == 4 && findings(damaged, "database")[0].hasPrefix("failure: "))
  }

  @Test func nothingToLookAt() throws {
    let chain = try Chain()
    let nowhere = try chain.run("syncctl", ["check", "--data", "\(chain.scratch.path)/none", "--json"])
    #expect(try nowhere.status == 4 && findings(nowhere, "directory")[0].hasPrefix("failure: "))
    let wrong = try chain.scratch.file("wrong.conf", ["data \(chain.hq.directory)"])
    let unreadable = try chain.run("syncctl", ["check", "--config", wrong])
    #expect(unreadable.status == 2 && unreadable.problem.contains("wrong.conf:1: found “data"))
  }
}

extension JSONValue {
  fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }
}
