import Testing

@testable import NodeRuntime

/// A daemon's settings from a file.
@Suite struct SettingsFileTests {
  private static let verb = VerbHelp(
    "run", ["--data DIR"], 0...0, "runs",
    options: [
      OptionHelp("data", .value("DIR"), "the directory"), OptionHelp("listen", .value("HOST:PORT"), "where it listens"),
      OptionHelp("loud", .flag, "tells more"), .settingsFile,
    ], examples: ["node run"])

  private func parse(_ text: String) throws(UsageError) -> [SettingsFile.Setting] {
    try SettingsFile.parse(Array(text.utf8), "f.conf", Self.verb.options).settings
  }

  @Test func commentsBlanksAndOtherSystemsLines() throws {
    let text = "\u{FEFF}# a comment\r\n\r\n  data =  /srv/a b=c # d \r\n\tloud=yes\n#listen = x\n   # indented"
    #expect(
      try parse(text) == [
        .init(name: "data", value: "/srv/a b=c # d", place: "f.conf:3"),
        .init(name: "loud", value: "", place: "f.conf:4"),
      ])
    #expect(try parse("loud = No") == [])
    #expect(try parse("") == [])
  }

  @Test(
    "each mistake is told with file and line, what was found and what was expected",
    arguments: [
      ("data = x\nlisten 1", "f.conf:2: found “listen 1”, expected name = value"),
      ("lisen = x", "f.conf:1: found “lisen”, which is no setting; did you mean “listen”?"),
      ("xyzzy = x", "f.conf:1: found “xyzzy”, which is no setting; expected data, listen, loud"),
      ("config = x", "f.conf:1: found “config”, which is no setting; expected data, listen, loud"),
      ("data = a\n\ndata = b", "f.conf:3: found “data” again, expected it once; it stands at f.conf:1"),
      ("data =", "f.conf:1: found nothing behind “data =”, expected DIR; else leave it out"),
      ("loud = maybe", "f.conf:1: loud: found “maybe”, expected yes or no"),
      ("data = a\u{0}b", "f.conf:1: found bytes that are no text, expected name = value in UTF-8"),
    ])
  func mistakes(text: String, says: String) {
    #expect(throws: UsageError(says)) { try parse(text) }
  }

  @Test func bytesThatAreNoText() {
    #expect(throws: UsageError("f.conf:2: found bytes that are no text, expected name = value in UTF-8")) {
      try SettingsFile.parse(Array("data = a\n".utf8) + [0xFF], "f.conf", Self.verb.options)
    }
  }

  @Test func aFileThatIsTooLargeOrNotThere() throws {
    #expect(throws: UsageError("the settings “/nowhere/f.conf” cannot be opened: No such file or directory")) {
      try SettingsFile.read("/nowhere/f.conf", Self.verb.options)
    }
    #expect(throws: UsageError("“/dev/zero” has more than 65536 bytes, expected a file of settings, name = value")) {
      try SettingsFile.read("/dev/zero", Self.verb.options)
    }
  }
}

/// Manual pages and files of settings that are made from the help.
@Suite struct ManualPageTests {
  private static let program = ProgramHelp(
    "node", "The node: “runs”.",
    verbs: [
      VerbHelp(
        "run", ["--data DIR"], 0...0, "runs", details: ".hidden\n'quoted' a\\b -x\n\nSecond",
        options: [
          OptionHelp("data", .value("DIR"), "the directory"), OptionHelp("listen", .value("HOST:PORT"), "where"),
          OptionHelp("loud", .flag, "tells more"), .settingsFile,
        ], examples: ["node run \"x\""])
    ], manual: ManualHelp(section: 8, related: ["other(1)"]))

  @Test func whatWouldBeARequestIsText() {
    let lines = Self.program.manualPage(date: "2026-03-02").split(separator: "\n")
    #expect(lines.first?.hasPrefix(".TH NODE 8 \"2026-03-02\" \"StoreSync ") == true)
    for line in [
      "node \\- the node: “runs”", "\\&.hidden", "\\&'quoted' a\\eb \\-x", "Second", "node run \\(dqx\\(dq", "other(1)",
    ] {
      #expect(lines.contains(Substring(line)), "\(line)")
    }
    let requests: Set<Substring> = [".TH", ".SH", ".SS", ".PP", ".TP", ".RS", ".RE", ".nf", ".fi"]
    for line in lines where line.hasPrefix(".") {
      #expect(requests.contains(line.prefix { $0 != " " }), "\(line)")
    }
  }

  @Test func theFileOfSettingsSaysNothingButTheDirectory() throws {
    let verb = Self.program.verbs[0]
    let text = try #require(Self.program.settingsFile)
    let settings = try SettingsFile.parse(Array(text.utf8), "f", verb.options).settings
    #expect(settings.map(\.name) == ["data"] && settings.map(\.value) == ["/var/lib/storesync"])
    #expect(text.contains("#listen = HOST:PORT") && text.contains("#loud = yes") && !text.contains("config ="))
    let page = try #require(Self.program.settingsPage(date: ""))
    #expect(page.contains("\\fBlisten = HOST:PORT\\fR") && page.contains("node.conf \\- "))
  }
}
