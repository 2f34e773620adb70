import Foundation
import Glibc
import Interchange
import NodeRuntime
import Testing

/// What is wrong outside the programs: each gets one clear line that says what was found and what to do, the right exit status,
/// and nothing is lost.
@Suite struct BadInputTests {
  /// One wrong thing and what must be said of it.
  private struct Case {
    var name: String
    var program: String
    var arguments: [String]
    var input: String?
    var status: Int32
    var says: [String]
  }

  private func check(_ cases: [Case], _ chain: Chain) throws {
    for item in cases {
      let found = try chain.run(item.program, item.arguments, input: item.input)
      #expect(found.status == item.status, "\(item.name): \(found.errors)")
      let lines = found.errors.split(separator: "\n")
      #expect(lines.count == 1, "\(item.name): one line, found \(found.errors)")
      for part in item.says { #expect(found.errors.contains(part), "\(item.name): “\(part)” in \(found.errors)") }
      #expect(found.output.isEmpty, "\(item.name): \(found.output)")
    }
  }

  @Test func wrongThingsAtThePort() throws {
    let chain = try Chain()
    let code = try chain.joinCode(1)
    let target = "\(chain.scratch.path)/store"
    let utf8 = { (text: String) in Array(text.utf8) }
    // RFC 5246 §7.4.1.3: a ServerHello of TLS 1.2.
    let hello12 =
      [0x16, 3, 3, 0, 0x2A, 2, 0, 0, 0x26, 3, 3] + [UInt8](repeating: 9, count: 32) + [0, 0xC0, 0x2F, 0]
    let servers: [(String, OddServer, [String])] = [
      (
        "an HTTP server", try OddServer(answer: utf8("HTTP/1.1 400 Bad Request\r\n\r\n")),
        ["an HTTP server answers there", "check the address and port"]
      ),
      (
        "a captive portal", try OddServer(answer: utf8("HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n")),
        ["sends us elsewhere", "sign-in page (captive portal)"]
      ),
      ("an SSH server", try OddServer(greeting: utf8("SSH-2.0-OpenSSH_9.2\r\n")), ["an SSH server answers there"]),
      ("a mail server", try OddServer(greeting: utf8("220 mail ESMTP\r\n")), ["a mail or FTP server answers there"]),
      ("TLS 1.2", try OddServer(answer: hello12), ["an older TLS", "expected TLS 1.3"]),
      (
        "TLS that refuses 1.3", try OddServer(answer: [0x15, 3, 3, 0, 2, 2, 70]), ["an older TLS", "expected TLS 1.3"]
      ),
      ("noise", try OddServer(answer: [0xFF, 0, 0xFE, 1]), ["doesn't speak TLS", "check the address and port"]),
      ("TLS that is none", try OddServer(answer: [0x16, 3, 3, 0xFF, 0xFF, 1]), ["HQ could not be asked"]),
    ]
    let cases = servers.map { name, server, says in
      Case(
        name: name, program: "store-node", arguments: ["join", "--data", target, "--hq", server.address, "-"],
        input: code, status: 3, says: [server.address, "nothing was made here; the join code stays good"] + says)
    }
    try check(cases, chain)
    #expect(access(target, F_OK) != 0)
  }

  @Test func codesAndAddresses() throws {
    let chain = try Chain()
    let code = try chain.joinCode(1)
    let target = "\(chain.scratch.path)/store"
    try chain.startHQ()
    func join(_ name: String, _ code: String, at address: String? = nil, _ status: Int32, _ says: String...) -> Case {
      Case(
        name: name, program: "store-node",
        arguments: ["join", "--data", target, "--hq", address ?? chain.address, "-"], input: code, status: status,
        says: says)
    }
    let digits = Array(code)
    var slip = digits
    slip[7] = digits[7] == "A" ? "B" : "A"
    var strange = try JoinCode(parsing: code)
    strange.secret[0] ^= 1
    var unpinned = try JoinCode(parsing: code)
    unpinned.pin[0] ^= 1
    try check(
      [
        join("no code", "", 2, "found no join code", "copy it again, whole"),
        join("half a code", String(digits.prefix(30)), 2, "copy it again, whole"),
        join("a slip", String(slip), 2, "slip", "copy it again, whole"),
        join("another alphabet", "§§§", 2, "a character that no join code has"),
        join("another secret", strange.text, 2, "not the last one", "wrong-credential"),
        join("another key", unpinned.text, 3, "shows the key", "another server answers", "stays good"),
        join("nobody listens", code, at: "127.0.0.1:\(try freePort())", 3, "connection refused", "is the node running"),
        join("no such name", code, at: "hq.invalid:7400", 3, "found no address for hq.invalid", "DNS"),
        join("no address", code, at: "hq", 2, "found the address “hq”", "HOST:PORT"),
        join("too many addresses", code, at: (1...9).map { "a:\($0)" }.joined(separator: ","), 2, "found 9 addresses"),
      ], chain)
    #expect(access(target, F_OK) != 0, "nothing was made")
    try chain.expectDone(chain.join(target, code: code))
  }

  @Test func databases() throws {
    let chain = try Chain()
    try chain.expectDone(chain.importing(["id,name", "7,Ann"], as: "member", into: chain.hq))
    let files = FileManager.default
    func copy(_ name: String, _ change: (String) throws -> Void) throws -> String {
      let directory = "\(chain.scratch.path)/\(name)"
      try files.copyItem(atPath: chain.hq.directory, toPath: directory)
      try change("\(directory)/storesync.db")
      return directory
    }
    func cut(to length: Int) -> (String) throws -> Void {
      { path in try #require(truncate(path, length) == 0) }
    }
    func overwrite(_ text: String) -> (String) throws -> Void {
      { path in try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
    }
    let wrong: [(String, String, [String])] = [
      ("cut within a page", try copy("cut", cut(to: 20_000)), ["malformed", "is damaged, and is left as it is"]),
      ("cut at a page", try copy("page", cut(to: 8_192)), ["malformed", "is damaged, and is left as it is"]),
      ("empty", try copy("empty", cut(to: 0)), ["expected a StoreSync database"]),
      ("no database", try copy("text", overwrite("Dear diary, today we sold nothing at all.\n")), ["not a database"]),
      (
        "another program's",
        try copy("other") { try Database.execute($0, "PRAGMA application_id = 7") },
        ["expected a StoreSync database", "found 7"]
      ),
      (
        "a newer format", try copy("newer") { try Database.execute($0, "PRAGMA user_version = 99") },
        ["format 99, expected 1 or older", "install the newer version"]
      ),
    ]
    for (name, directory, says) in wrong {
      let path = "\(directory)/storesync.db"
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      try check(
        [
          Case(
            name: name, program: "hq-node", arguments: ["run", "--data", directory, "--listen", "127.0.0.1:0"],
            status: 4, says: says),
          Case(name: name, program: "syncctl", arguments: ["status", "--data", directory], status: 4, says: says),
          Case(
            name: name, program: "hq-node", arguments: ["init", "--data", directory, "--advertise", "a:1"], status: 2,
            says: ["holds a node already"]),
        ], chain)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before, "\(name): the file stays as it was")
    }
  }

  @Test func directoriesAndPorts() throws {
    let chain = try Chain()
    try chain.startHQ()
    let file = try chain.scratch.file("file", ["x"])
    let above = "\(chain.scratch.path)/none/hq"
    let other = "\(chain.scratch.path)/other"
    try chain.expectDone(chain.run("hq-node", ["init", "--data", other, "--advertise", "a:1"]))
    func hq(_ name: String, _ arguments: [String], _ status: Int32, _ says: String...) -> Case {
      Case(name: name, program: "hq-node", arguments: arguments, status: status, says: says)
    }
    try check(
      [
        hq("no directory", ["run", "--data", above], 2, "there is no database in", "`hq-node init`"),
        hq("no directory above", ["init", "--data", above, "--advertise", "a:1"], 4, "make the one above it first"),
        hq("a file", ["init", "--data", file, "--advertise", "a:1"], 4, "Not a directory"),
        hq("runs already", ["run", "--data", chain.hq.directory], 3, "has it open for writing", "stop that process"),
        hq(
          "port in use", ["run", "--data", other, "--listen", chain.address], 3, "in use by another process",
          "choose another port"),
        hq("no port", ["run", "--data", other, "--listen", "127.0.0.1:70000"], 2, "expected HOST:PORT"),
        hq(
          "not this machine's", ["run", "--data", other, "--listen", "192.0.2.1:7400"], 3, "no such address",
          "[::]:7400"),
        hq("a store's job", ["run", "--data", file], 2, "there is no database"),
        Case(
          name: "HQ as store", program: "store-node", arguments: ["run", "--data", other], status: 2,
          says: ["holds HQ, not a store"]),
      ], chain)
  }

  @Test(.enabled(if: geteuid() != 0 || TinyDisk.isPermitted))
  func directoriesThatCannotBeWritten() throws {
    let chain = try Chain()
    let directory = "\(chain.scratch.path)/still"
    var disk: TinyDisk?
    if geteuid() == 0 { disk = try TinyDisk(directory) }
    try chain.expectDone(chain.run("hq-node", ["init", "--data", directory, "--advertise", "a:1"]))
    if let disk {
      try disk.makeReadOnly()
    } else {
      chmod(directory, 0o500)
      chmod(directory + "/storesync.db.lock", 0o400)
    }
    defer { chmod(directory, 0o700) }
    let says = ["this user may write to it"]
    try check(
      [
        Case(name: "run", program: "hq-node", arguments: ["run", "--data", directory], status: 4, says: says),
        Case(name: "syncctl", program: "syncctl", arguments: ["status", "--data", directory], status: 4, says: says),
        Case(
          name: "init", program: "hq-node", arguments: ["init", "--data", directory + "/hq", "--advertise", "a:1"],
          status: 4, says: ["cannot make the directory", "look at its rights"]),
      ], chain)
  }
}
