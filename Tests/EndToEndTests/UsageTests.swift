import Causality
import Glibc
import Interchange
import JSON
import NodeRuntime
import Testing
import Transport

/// What the programs tell of themselves, and what they say to a wrong command line.
@Suite struct UsageTests {
  private static let verbs: [(program: String, verbs: [String])] = [
    ("hq-node", ["init", "run"]), ("store-node", ["join", "run", "set-hq"]),
    (
      "syncctl",
      [
        "status", "store add", "store list", "store revoke", "store retire", "endpoints", "endpoints set", "import",
        "conflicts list",
        "conflicts show", "conflicts settle", "explain", "parked list", "parked show", "parked retry", "parked drop",
        "parked forget", "check",
      ]
    ),
  ]

  @Test func everyVerbHasAPage() throws {
    let chain = try Chain()
    for (program, verbs) in Self.verbs {
      let overview = try chain.run(program, ["--help"])
      #expect(overview.status == 0 && overview.errors == "")
      #expect(try chain.run(program, ["help"]).output == overview.output)
      #expect(try chain.run(program, ["-h"]).output == overview.output)
      let version = try chain.run(program, ["--version"])
      #expect(version.status == 0 && version.output.hasPrefix("storesync/"))
      for verb in verbs {
        #expect(overview.output.contains("  \(verb)  "), "\(program) \(verb) stands in the overview")
        let words = verb.split(separator: " ").map(String.init)
        let page = try chain.run(program, words + ["--help"])
        #expect(page.status == 0 && page.errors == "", "\(page.errors)")
        #expect(page.output == (try chain.run(program, ["help"] + words).output))
        #expect(page.output.hasPrefix("usage: \(program) \(verb)"), "\(page.output)")
        for part in ["options:", "example", "\(program) \(verb)", "exit status:", "--data DIR"] {
          #expect(page.output.contains(part), "\(program) \(verb): \(part)")
        }
        #expect(page.output.split(separator: "\n").allSatisfy { $0.count <= 120 }, "\(program) \(verb) fits a screen")
      }
    }
    let family = try chain.run("syncctl", ["parked", "--help"])
    #expect(family.status == 0 && family.output.contains("parked list") && family.output.contains("parked drop"))
  }

  @Test("each bad command gets one clear line and the right exit status")
  func badCommands() throws {
    let chain = try Chain()
    let hq = chain.hq.directory
    let broken = "\(chain.scratch.path)/broken"
    #expect(mkdir(broken, 0o700) == 0)
    _ = try chain.scratch.file("broken/storesync.db", ["this is no database"])
    let file = "\(chain.scratch.path)/plain"
    _ = try chain.scratch.file("plain", ["a file"])
    let data = ["--data", hq]
    let cases: [(program: String, words: [String], status: Int32, says: String)] = [
      ("syncctl", ["statsu"] + data, 2, "did you mean “status”?"),
      ("syncctl", ["store", "lsit"] + data, 2, "did you mean “store list”?"),
      ("syncctl", ["store"] + data, 2, "expected store add, store list, store revoke, store retire or store rotate"),
      ("syncctl", ["endpoints", "add"] + data, 2, "behind “endpoints”"),
      ("syncctl", ["endpoints", "set", "nowhere"] + data, 2, "HOST:PORT"),
      ("syncctl", ["frobnicate"] + data, 2, "expected status"),
      ("syncctl", ["help", "statsu"], 2, "did you mean “status”?"),
      ("syncctl", ["status", "--jsno"] + data, 2, "did you mean --json?"),
      ("syncctl", ["status", "--take", "1"] + data, 2, "`syncctl status` does not have"),
      ("syncctl", ["status", "--json=1"] + data, 2, "takes no value"),
      ("syncctl", ["status", "-x"] + data, 2, "-x"),
      ("syncctl", ["status", "hq"] + data, 2, "behind “status”"),
      ("syncctl", ["status", "--max-age", "soon"] + data, 2, "such as 15m"),
      ("syncctl", ["status", "--max-age", "-5m"] + data, 2, "such as 15m"),
      ("syncctl", ["status", "--store", "7"] + data, 2, "not enrolled"),
      ("syncctl", ["status", "--store", "x"] + data, 2, "whole number"),
      ("syncctl", ["status", "--watch=often"] + data, 2, "expected seconds"),
      ("syncctl", ["status", "--watch", "0"] + data, 2, "expected seconds"),
      ("syncctl", ["status", "--data", broken], 4, "storesync.db"),
      ("syncctl", ["status", "--data", file], 2, "no database"),
      ("syncctl", ["conflicts", "show", "1"] + data, 2, "no conflict case 1"),
      ("syncctl", ["conflicts", "show", "one"] + data, 2, "number of a case"),
      ("syncctl", ["conflicts", "settle", "1"] + data, 2, "expected one of --take"),
      ("syncctl", ["conflicts", "settle", "1", "--accept", "--clear"] + data, 2, "expected one of --take"),
      ("syncctl", ["conflicts", "settle", "1", "--accept"] + data, 2, "no conflict case 1"),
      ("syncctl", ["conflicts", "list", "--entity", "unicorn"] + data, 2, "unicorn"),
      ("syncctl", ["parked", "show", "1"] + data, 2, "no group is parked under the number 1"),
      ("syncctl", ["parked", "retry"] + data, 2, "or --all"),
      ("syncctl", ["parked", "retry", "1", "--all"] + data, 2, "one of them"),
      ("syncctl", ["parked", "retry", "1"] + data, 2, "no group is parked"),
      ("syncctl", ["parked", "drop", "1"] + data, 2, "--reason is needed"),
      ("syncctl", ["parked", "drop", "1", "--reason", "r", "--yes"] + data, 2, "no group is parked"),
      ("syncctl", ["parked", "forget", "1", "--reason", "r"] + data, 2, "under the number 1"),
      ("syncctl", ["store", "add"] + data, 2, "--from FILE"),
      ("syncctl", ["store", "add", "--from", "\(hq)/none.csv"] + data, 2, "--codes-to is needed"),
      ("syncctl", ["store", "add", "--from", "\(hq)/none.csv", "--codes-to", "-"] + data, 2, "cannot be opened"),
      ("hq-node", ["init", "--data", hq, "--advertise", "127.0.0.1:1"], 2, "holds a node already"),
      ("hq-node", ["init", "--data", "\(file)/sub", "--advertise", "127.0.0.1:1"], 4, "cannot make the directory"),
      ("hq-node", ["ini"], 2, "did you mean “init”?"),
      ("store-node", ["join", "--data", "\(hq)2", "--code-file", "\(hq)/none"], 2, "cannot be opened"),
      ("store-node", ["join", "--data", "\(hq)2", "A", "--code-file", file], 2, "one of them"),
      ("store-node", ["join", "--data", "\(hq)2", "--code-file", file], 2, "join code"),
      ("store-node", ["set-hq", "--data", hq], 2, "expected: set-hq HOST:PORT"),
    ]
    for (program, words, status, says) in cases {
      let finished = try chain.run(program, words)
      #expect(finished.status == status, "\(program) \(words): \(finished.errors)")
      #expect(finished.problem.contains(says), "\(program) \(words): \(finished.errors)")
      #expect(finished.output == "", "\(program) \(words): \(finished.output)")
      #expect(finished.errors.split(separator: "\n").count == 1, "\(program) \(words): one line, \(finished.errors)")
    }
  }

  @Test func joinCodesAsPeopleHandThemOn() throws {
    let chain = try Chain()
    try chain.startHQ()
    let code = try chain.joinCode(1).filter { $0 != "\n" }
    let good = try JoinCode(parsing: code)
    let digits = code.filter { $0 != "-" }
    let forms = [
      "  \(code) \n\n", digits.lowercased(), digits.map(String.init).joined(separator: " "),
      code.split(separator: "-").joined(separator: "\r\n"), code.split(separator: "-").joined(separator: "–"),
      "\u{FEFF}\(code)", code.split(separator: "-").joined(separator: "\u{00A0}"),
    ]
    for form in forms {
      #expect(try JoinCodeInput.parse(form) == good, "\(form)")
    }
    for wrong in ["", " - \n", "\(digits)0", String(digits.dropLast()), "\(digits)00", "\(code)\n\(code)", "€\(code)"] {
      let error = #expect(throws: UsageError.self, "\(wrong)") { try JoinCodeInput.parse(wrong) }
      #expect(error?.description.contains("copy it again") == true, "\(error?.description ?? "")")
    }
    let hq = JoinCode(node: .hq, pin: good.pin, secret: good.secret, endpoints: good.endpoints)
    let error = #expect(throws: UsageError.self) { try JoinCodeInput.parse(hq.text) }
    #expect(error?.description.contains("number 0") == true)

    let path = try chain.scratch.file("code", [code.lowercased(), ""])
    try chain.addStoreWith(["--code-file", path])
  }
}

extension Chain {
  /// Joins with other words than the usual.
  fileprivate func addStoreWith(_ words: [String]) throws {
    let directory = "\(scratch.path)/other"
    let joined = try run("store-node", ["join", "--data", directory, "--hq", address, "--json"] + words)
    try expectDone(joined)
    #expect(try joined.json()["node"] == .string("1"))
  }
}
