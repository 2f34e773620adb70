import Glibc
import Interchange
import JSON
import Testing

/// `status`: what it says, and what it counts.
@Suite struct StatusTests {
  @Test func whatCounts() throws {
    let chain = try Chain(stores: [1, 2])
    try chain.stores[1].stop()
    try eventually("HQ to notice") { try chain.syncctl(chain.hq, "status").status == 1 }
    let whole = try chain.syncctl(chain.hq, "status")
    #expect(whole.output.contains("store 2 is not connected, not heard since 20"), "\(whole.output)")
    #expect(whole.output.contains("stores: 2, of these 1 connected, 1 not connected; 1 in sync"), "\(whole.output)")
    #expect(whole.output.contains("unknown"), "what it has not sent nobody knows here")
    #expect(try chain.syncctl(chain.hq, "status", "--store", "1").status == 0)
    #expect(try chain.syncctl(chain.hq, "status", "--store", "1,2").status == 1)
    #expect(try chain.syncctl(chain.hq, "status", "--max-age", "8h").status == 0)
    #expect(try chain.syncctl(chain.hq, "status", "--max-age", "0s").status == 1)
    try chain.expectDone(chain.importing(["id,name", "7,Ann"], as: "member", into: chain.hq))
    let waiting = try chain.syncctl(chain.hq, "status", "--store", "2", "--max-age", "8h", "--json")
    #expect(waiting.status == 0, "it waits since a moment ago")
    let json = try waiting.json()
    #expect(json["schema"] == .integer(1) && json["inSync"] == .bool(true))
    guard case .array(let peers)? = json["peers"], case .object(let peer)? = peers.first else {
      try #require(Bool(false), "no peers")
      return
    }
    #expect(peers.count == 1 && peer["node"] == .string("2"))
    #expect(peer["pendingGroups"] == .integer(1) && peer["incoming"] == .string("unknown"))
    #expect(peer["lastVerified"] == .null && peer["notHeardSince"] == peer["lastContact"])
    if case .integer(let bytes)? = peer["pendingBytes"] { #expect(bytes > 0) } else { #expect(Bool(false)) }
    let atStore = try chain.syncctl(chain.stores[0], "status", "--store", "1")
    #expect(atStore.status == 2 && atStore.problem.contains("--store is for HQ"))
  }

  @Test func neverInSyncBeforeItHasJoined() throws {
    let chain = try Chain()
    _ = try chain.joinCode(3)
    try chain.startHQ()
    for words in [[], ["--max-age", "2d"]] {
      let status = try chain.syncctl(chain.hq, words: ["status"] + words)
      #expect(status.status == 1 && status.output.contains("store 3 has not joined yet"), "\(status.output)")
    }
  }

  @Test func watchingOverARestart() throws {
    let chain = try Chain(stores: [1])
    let watch = try Child(
      "syncctl", ["status", "--watch", "0.1", "--json", "--data", chain.hq.directory],
      errors: "\(chain.scratch.path)/watch.log", isGuarded: true)
    func next(_ what: String, _ isIt: (JSONObject) -> Bool) throws {
      for _ in 0..<2_000 {
        let line = try #require(try watch.line())
        guard case .object(let object) = try JSONParser.parse(Array(line.utf8)[...]) else { continue }
        if isIt(object) { return }
      }
      #expect(Bool(false), "the watch never showed: \(what)")
    }
    try next("in sync") { $0["inSync"] == .bool(true) }
    try chain.hq.stop()
    try next("not in sync") { $0["inSync"] == .bool(false) }
    try chain.startHQ()
    try next("in sync again") { $0["inSync"] == .bool(true) }
    try watch.kill()
  }

  @Test func watchingPrintsALineAChange() throws {
    let chain = try Chain(stores: [1])
    let watch = try Child(
      "syncctl", ["status", "--watch", "0.1", "--data", chain.hq.directory],
      errors: "\(chain.scratch.path)/watch.log", isGuarded: true)
    #expect(try watch.line() == "HQ: in sync")
    #expect(try watch.line() == "store 1: connected, 0 to send")
    try chain.stores[0].stop()
    #expect(try watch.line() == "HQ: NOT in sync")
    #expect(try watch.line()?.hasPrefix("HQ: store 1 is not connected") == true)
    #expect(try watch.line() == "store 1: down, 0 to send")
    try watch.kill()
  }

  @Test("a node that starts while syncctl works on its database waits for it")
  func startingBesideSyncctl() throws {
    let chain = try Chain()
    let path = "\(chain.scratch.path)/slow.csv"
    try #require(mkfifo(path, 0o600) == 0)
    let slow = try chain.beginImport(path, as: "member", into: chain.hq)
    let door = open(path, O_WRONLY | O_CLOEXEC)
    let daemon = try Child(
      "hq-node", ["run", "--data", chain.hq.directory, "--listen", "127.0.0.1:0"],
      errors: "\(chain.scratch.path)/daemon.log", isGuarded: true)
    try eventually("the node to wait") { daemon.errors.contains("database.waiting") }
    #expect(write(door, "id,name\n7,Ann\n", 14) == 14)
    close(door)
    #expect(try slow.status() == 0, "\(slow.errors)")
    _ = try daemon.line(after: "ready")
    #expect(try chain.hq.rows("SELECT name FROM members") == ["Ann"])
    // And while both start and ask in turn, nobody gives up.
    try daemon.send(signal: SIGTERM)
    #expect(try daemon.status() == 0)
    for _ in 0..<3 {
      try chain.startHQ()
      let status = try chain.syncctl(chain.hq, "status")
      #expect(status.status == 1 && status.errors == "", "\(status.errors)")
      let ending = try #require(chain.hq.daemon)
      try ending.send(signal: SIGTERM)
      #expect(try chain.syncctl(chain.hq, "status").errors == "", "the node may be just ending")
      #expect(try ending.status() == 0)
    }
  }

  @Test func manyStoresFromAFile() throws {
    let chain = try Chain()
    let header = "number,name,timeZone,currency,region"
    let good = [header, "1,上海南京东路店,Asia/Shanghai,CNY,east", "2,Second,Europe/Berlin,EUR,"]
    let codes = "\(chain.scratch.path)/codes.csv"
    let wrong: [(lines: [String], says: String)] = [
      (good + ["3,Third,Mars/Base,EUR,"], ":4: store 3"),
      (good + ["1,Again,Europe/Berlin,EUR,"], "is in line 2 already"),
      (good + ["x,Third,Europe/Berlin,EUR,"], ":4:"), (good + ["3,Third"], "expected 5"),
      (["number,name,timezone,currency"], "did you mean timeZone?"), (["number,name"], "no column timeZone"),
      (good + ["3,Third,Europe/Berlin,euro,"], "ISO 4217"),
    ]
    for (lines, says) in wrong {
      let path = try chain.scratch.file("stores.csv", lines)
      let added = try chain.syncctl(chain.hq, "store", "add", "--from", path, "--codes-to", codes)
      #expect(added.status == 2 && added.errors.contains(says), "\(added.errors)")
    }
    #expect(try chain.syncctl(chain.hq, "store", "list").output.contains("no store is enrolled"))
    #expect(access(codes, F_OK) != 0)

    let path = try chain.scratch.file("stores.csv", good)
    let added = try chain.syncctl(chain.hq, "store", "add", "--from", path, "--codes-to", codes)
    #expect(added.status == 0 && added.output == "2 added, 0 enrolled already, 0 failed\n", "\(added.errors)")
    var information = stat()
    #expect(stat(codes, &information) == 0 && information.st_mode & 0o777 == 0o600)
    let lines = readFile(codes).split(separator: "\n").map(String.init)
    #expect(lines.count == 3 && lines[0] == "number,code" && lines[1].hasPrefix("1,") && lines[2].hasPrefix("2,"))

    // Again, with one more: the codes that were given out stay good.
    let more = try chain.scratch.file("stores.csv", good + ["3,Third,Europe/Berlin,EUR,"])
    let again = try chain.syncctl(chain.hq, "store", "add", "--from", more, "--codes-to", codes, "--json")
    #expect(try again.json()["added"] == .integer(1) && again.json()["unchanged"] == .integer(2), "\(again.output)")
    #expect(readFile(codes).split(separator: "\n").map(String.init).prefix(3) == lines[...])
    try chain.startHQ()
    let joined = try chain.run(
      "store-node", ["join", "--data", "\(chain.scratch.path)/s1", "--hq", chain.address, "-"],
      input: String(lines[1].dropFirst(2)))
    try chain.expectDone(joined)

    let fourth = try chain.scratch.file("stores.csv", [header, "4,Fourth,Europe/Berlin,EUR,"])
    let toOutput = try chain.syncctl(chain.hq, "store", "add", "--from", fourth, "--codes-to", "-")
    #expect(toOutput.status == 0 && toOutput.output.hasPrefix("number,code\n4,"), "\(toOutput.output)")
    let list = try chain.syncctl(chain.hq, "store", "list").output.split(separator: "\n")
    #expect(list.count == 5)
  }
}
