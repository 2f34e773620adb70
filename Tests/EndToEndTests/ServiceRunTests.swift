import Glibc
import Testing

/// Daemons as a service manager runs them.
@Suite struct ServiceRunTests {
  @Test("a daemon takes its settings from a file, says that it is ready and alive, and that it stops")
  func service() throws {
    let chain = try Chain()
    let settings = try chain.scratch.file(
      "hq-node.conf", ["# settings", "data = \(chain.hq.directory)", "listen = 127.0.0.1:1", ""])
    let manager = try ServiceManager()
    let daemon = try Child(
      // The command line wins.
      "hq-node", ["run", "--config", settings, "--listen", "127.0.0.1:0"], errors: "\(chain.scratch.path)/service.log",
      environment: ["NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "100000"], isGuarded: true)
    #expect(try manager.message("READY") == "READY=1\nSTATUS=HQ: 0 of 0 stores connected")
    for _ in 0..<3 { #expect(try manager.message("WATCHDOG") == "WATCHDOG=1") }
    #expect(try daemon.line(after: "listening 127.0.0.1:") != "1")
    try daemon.send(signal: SIGTERM)
    #expect(try manager.message("STOPPING").hasPrefix("STOPPING=1\n"))
    #expect(try daemon.status() == 0)
  }

  @Test("what is wrong in a file of settings is told with its line, and the daemon ends with status 2")
  func wrongSettings() throws {
    let chain = try Chain()
    let cases: [(program: String, lines: [String], says: String)] = [
      (
        "hq-node", ["data = \(chain.hq.directory)", "listen = nowhere"],
        ":2: listen: found the address “nowhere”, expected"
      ),
      ("hq-node", ["", "lissten = [::]:7400"], ":2: found “lissten”, which is no setting; did you mean “listen”?"),
      ("store-node", ["listen = [::]:7400"], ":1: found “listen”, which is no setting; expected data"),
      ("store-node", [], "--data is needed"),
    ]
    for (number, wrong) in cases.enumerated() {
      let settings = try chain.scratch.file("\(number).conf", wrong.lines)
      let finished = try chain.run(wrong.program, ["run", "--config", settings])
      #expect(finished.status == 2 && finished.problem.contains(wrong.says), "\(finished.errors)")
    }
    let absent = try chain.run("hq-node", ["run", "--config", "/nowhere/hq-node.conf"])
    #expect(absent.status == 2 && absent.problem.contains("“/nowhere/hq-node.conf” cannot be opened"))
  }
}
