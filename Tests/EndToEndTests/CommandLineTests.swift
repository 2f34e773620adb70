import Glibc
import Interchange
import Testing

/// What the programs say and exit with: others script against it.
@Suite struct CommandLineTests {
  @Test("FC-7 a second process on one database is refused, with a reason")
  func secondWriter() throws {
    let chain = try Chain(stores: [1])
    for (node, program) in [(chain.stores[0], "store-node"), (chain.hq, "hq-node")] {
      let pid = try #require(node.daemon).pid
      let second = try chain.run(
        program, ["run", "--data", node.directory] + (node === chain.hq ? ["--listen", "127.0.0.1:0"] : []))
      #expect(second.status == 3)
      #expect(second.problem.contains("process \(pid)"), "\(second.errors)")
      #expect(second.output == "")
    }
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: chain.stores[0]))
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(1))
  }

  @Test func wrongUsage() throws {
    let chain = try Chain()
    let hq = chain.hq.directory
    let nothing = "\(chain.scratch.path)/nothing"
    let file = try chain.scratch.file("one.csv", ["id,name", "1,Ann"])
    let cases: [(program: String, words: [String], says: String)] = [
      ("hq-node", [], "expected init or run"),
      ("hq-node", ["run"], "--data is needed"),
      ("hq-node", ["run", "--data"], "--data needs a value"),
      ("hq-node", ["run", "--data", hq, "--port", "1"], "--port"),
      ("hq-node", ["run", "--data", hq, "--listen", "nowhere"], "HOST:PORT"),
      ("hq-node", ["run", "--data", nothing], "`hq-node init`"),
      ("hq-node", ["init", "--data", nothing], "--advertise is needed"),
      ("hq-node", ["init", "--data", nothing, "--advertise", "hq.example.com"], "HOST:PORT"),
      ("store-node", ["walk"], "expected join, run, recover, set-hq or set-pin"),
      ("store-node", ["run", "--data", hq], "holds HQ"),
      ("store-node", ["run", "--data", nothing], "`store-node join`"),
      ("store-node", ["set-hq", "127.0.0.1:7400", "--data", nothing], "`store-node join`"),
      ("store-node", ["join", "--data", nothing, "07VG4-81NN4"], "join code"),
      ("store-node", ["join", "--data", nothing, "07VG4-81NN4-DCM85"], "checksum"),
      ("store-node", ["join", "--data", nothing, "no!code"], "character"),
      ("syncctl", [], "usage"),
      ("syncctl", ["status"], "--data is needed"),
      ("syncctl", ["status", "--data", nothing], "there is no database"),
      ("syncctl", ["stat", "--data", hq], "stat"),
      ("syncctl", ["import", file, "--data", hq], "--entity is needed"),
      ("syncctl", ["import", file, "--data", hq, "--entity", "unicorn"], "unicorn"),
      ("syncctl", ["import", "\(nothing).csv", "--data", hq, "--entity", "member"], "nothing.csv"),
      ("syncctl", ["import", file, "--data", hq, "--entity", "sale"], "JSON Lines"),
      ("syncctl", ["explain", "unicorn", "1", "--data", hq], "unicorn"),
      ("syncctl", ["explain", "member", "1", "--data", hq], "no member"),
      ("syncctl", ["explain", "member", "1", "shoes", "--data", hq], "shoes"),
      ("syncctl", ["store", "add", "0", "--data", hq, "--name", "A", "--time-zone", "UTC", "--currency", "USD"], "0"),
      (
        "syncctl", ["store", "add", "1", "--data", hq, "--name", "A", "--time-zone", "Mars", "--currency", "USD"],
        "Mars"
      ),
      ("syncctl", ["store", "add", "1", "--data", hq, "--name", "A", "--time-zone", "UTC", "--currency", "$"], "$"),
    ]
    for (program, words, says) in cases {
      let finished = try chain.run(program, words)
      let said = (finished.problem + finished.output.prefix { $0 != "\n" })
      #expect(finished.status == 2, "\(program) \(words): \(finished.errors)")
      #expect(said.contains(says), "\(program) \(words): \(said)")
    }
    #expect(access(nothing, F_OK) != 0, "what was refused has left nothing behind")
    for program in ["hq-node", "store-node", "syncctl"] {
      let help = try chain.run(program, ["--help"])
      #expect(help.status == 0 && help.output.hasPrefix("usage: \(program)") && help.errors == "")
    }
  }

  @Test func aCodeWithASlipOfThePen() throws {
    let chain = try Chain()
    try chain.startHQ()
    let code = try chain.joinCode(1)
    let directory = "\(chain.scratch.path)/store"
    var slipped = Array(code)
    slipped[9] = slipped[9] == "A" ? "B" : "A"
    for wrong in [String(slipped), String(code.dropLast(7)), ""] {
      let joined = try chain.run("store-node", ["join", "--data", directory, "-"], input: wrong)
      #expect(joined.status == 2 && joined.problem.contains("copy it again"), "\(joined.errors)")
      #expect(access(directory, F_OK) != 0)
    }
    // As a person reads it out on the telephone.
    let heard = code.lowercased().split(separator: "-").joined(separator: " ")
    try chain.expectDone(chain.join(directory, code: heard))
    let again = try chain.run("store-node", ["join", "--data", directory, "-"], input: code)
    #expect(again.status == 2 && again.problem.contains("holds a node already"))
  }

  @Test func whatOnlyOneSideDoes() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    let added = try chain.syncctl(
      store, "store", "add", "2", "--name", "A", "--time-zone", "UTC", "--currency", "USD")
    #expect(added.status == 2 && added.problem.contains("at HQ"))
    let sold = try chain.importing([sale(1)], as: "sale", into: chain.hq)
    #expect(sold.status == 2)
    #expect(sold.errors.contains("HQ does not sell"), "\(sold.errors)")
    let priced = try chain.importing(["id,name,department", "apple,Apple,FRUIT"], as: "product", into: store)
    #expect(priced.status == 1, "a product's department is HQ's to write")
    #expect(priced.errors.contains(":2:") || priced.errors.contains("line 2"), "\(priced.errors)")
    try chain.inSync()
  }

  @Test func filesAreTheOwnersAlone() throws {
    let chain = try Chain(stores: [1])
    for node in [chain.hq, chain.stores[0]] {
      for name in [
        "", "/storesync.db", "/storesync.db-wal", "/storesync.db-shm", "/storesync.db.lock", "/control.sock",
      ] {
        var information = stat()
        #expect(stat(node.directory + name, &information) == 0, "\(name)")
        #expect(information.st_mode & 0o077 == 0, "\(node.name)\(name) holds keys and customers")
      }
    }
  }

  @Test func twoCommandsOnARestingNode() throws {
    let chain = try Chain()
    let path = "\(chain.scratch.path)/slow.csv"
    let made = mkfifo(path, 0o600)
    try #require(made == 0)
    let first = try chain.beginImport(path, as: "member", into: chain.hq)
    // It opens the pipe once it holds the database.
    let door = open(path, O_WRONLY | O_CLOEXEC)
    let second = try chain.syncctl(chain.hq, "status")
    #expect(second.status == 3 && second.problem.contains("process \(first.pid)"), "\(second.errors)")
    #expect(write(door, "id,name\n7,Ann\n", 14) == 14)
    close(door)
    #expect(try first.status() == 0, "\(first.errors)")
    #expect(try chain.hq.rows("SELECT name FROM members") == ["Ann"])
  }

  @Test func addressInUse() throws {
    let (first, second) = (try Chain(), try Chain())
    try first.startHQ()
    let refused = try second.run("hq-node", ["run", "--data", second.hq.directory, "--listen", first.address])
    #expect(refused.status == 3)
    #expect(refused.problem.contains(first.address) && refused.problem.contains("in use"), "\(refused.errors)")
    #expect(refused.output == "")
  }

  @Test func garbageAtTheSyncPort() throws {
    let chain = try Chain(stores: [1])
    let port = try #require(UInt16(chain.address.drop { $0 != ":" }.dropFirst()))
    let answer = try speak("GET / HTTP/1.1\r\nHost: hq\r\n\r\n", to: port)
    #expect(!answer.contains("200"))
    try eventually("a word in HQ's log") { chain.hq.log.contains("listener.handshakeFailed") }
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: chain.stores[0]))
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(1))
  }

  /// Writes to a port of this machine and reads until it is closed.
  private func speak(_ text: String, to port: UInt16) throws -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var patience = timeval(tv_sec: Int(patienceMilliseconds / 1_000), tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(connected == 0)
    _ = send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL))
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else {
        #expect(count == 0 || errno == ECONNRESET, "HQ closes what it does not understand")
        return String(decoding: answer, as: UTF8.self)
      }
      answer += chunk.prefix(count)
    }
  }
}
