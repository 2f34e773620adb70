import SyncSession

/// What a program's manual page says beyond its help.
package struct ManualHelp: Hashable, Sendable {
  package struct File: Hashable, Sendable {
    package var path: String
    package var text: String

    package init(_ path: String, _ text: String) {
      self.path = path
      self.text = text
    }
  }

  /// 1 for what people run, 8 for daemons (man(1)).
  package var section: Int
  /// What the program keeps where.
  package var files: [File]
  /// Other pages, “syncctl(1)”.
  package var related: [String]

  package init(section: Int = 1, files: [File] = [], related: [String] = []) {
    self.section = section
    self.files = files
    self.related = related
  }
}

/// The manual pages, and a daemon's file of settings, made from the help: they cannot fall behind it.
extension ProgramHelp {
  /// The program's page, in the language of man(7).
  func manualPage(date: String) -> String {
    var page = ManualPage(name, section: manual.section, date: date, title: summary)
    page.section("SYNOPSIS")
    for verb in verbs {
      for form in verb.forms { page.synopsis(name, verb.name, form) }
    }
    page.section("DESCRIPTION")
    page.paragraph(summary)
    page.paragraph("Answers go to standard output, all else to standard error.")
    page.section("VERBS")
    for verb in verbs {
      page.subsection("\(name) \(verb.name)")
      page.paragraph(verb.summary.prefix(1).uppercased() + verb.summary.dropFirst() + ".")
      if !verb.details.isEmpty { page.paragraphs(verb.details) }
      for option in verb.options { page.item(option.form, option.text) }
      page.examples(verb.examples)
      if verb.exits != ["0  done"] {
        page.paragraph("Exit status: \(verb.exits.map(\.squeezed).joined(separator: "; ")).")
      }
    }
    page.section("EXIT STATUS")
    page.item("0", "done")
    for exit in ["1  not in sync, or only partly done"] + Self.commonExits {
      page.item(String(exit.prefix(1)), String(exit.dropFirst(3)))
    }
    if !manual.files.isEmpty {
      page.section("FILES")
      for file in manual.files { page.item(file.path, file.text) }
    }
    if !manual.related.isEmpty { page.related(manual.related) }
    return page.text
  }

  /// The verb that takes a file of settings, if there is one.
  private var settingsVerb: VerbHelp? { verbs.first { $0.options.contains(.settingsFile) } }

  /// The page of a daemon's file of settings; nil for a program that has none.
  func settingsPage(date: String) -> String? {
    guard let verb = settingsVerb else { return nil }
    var page = ManualPage("\(name).conf", section: 5, date: date, title: "the settings of \(name)")
    page.section("SYNOPSIS")
    page.paragraph("/etc/storesync/\(name).conf")
    page.section("DESCRIPTION")
    page.paragraph(
      """
      Read by `\(name) \(verb.name) --config FILE` at its start. One setting a line, name = value; blanks around both don't \
      matter, and all behind the first = up to the end of the line is the value, without quotation marks. A line that begins \
      with # is a comment, an empty one nothing. A setting that takes no value is said with yes or no. What stands on the \
      command line as well counts there.
      """)
    page.paragraph(
      "A name that is none, one that is there twice, or a value that cannot be read keeps the node from starting; the "
        + "message says the file, the line, and what was expected.")
    page.section("SETTINGS")
    for option in verb.options where option.isSetting { page.item(option.settingForm, option.text) }
    page.section("EXAMPLE")
    page.examples(["data = /var/lib/storesync"])
    page.related(["\(name)(\(manual.section))", "syncctl(1)"])
    return page.text
  }

  /// A daemon's file of settings as it is installed: all there are, as comments but for the directory.
  package var settingsFile: String? {
    guard let verb = settingsVerb else { return nil }
    var lines = [
      "# Settings of \(name), read at its start: systemctl restart \(name). See \(name).conf(5).",
      "# A line each, name = value. A line with # in front says nothing: take it away, and put a value in.",
    ]
    for option in verb.options where option.isSetting {
      lines += ["", "# \(option.text.prefix(1).uppercased() + option.text.dropFirst())"]
      if option.name == "data" {
        lines += [
          "# The service may write there only, and starts if a database is there: for another directory, tell it that,",
          "# too (systemctl edit \(name): StateDirectory=, ReadWritePaths=, ConditionPathExists=).",
          "data = /var/lib/storesync",
        ]
      } else {
        lines.append("#\(option.settingForm)")
      }
    }
    return lines.joined(separator: "\n")
  }
}

extension OptionHelp {
  /// As it stands in a file of settings.
  fileprivate var settingForm: String {
    switch kind {
    case .flag: "\(name) = yes"
    case .value(let value), .number(let value): "\(name) = \(value)"
    }
  }
}

/// A page in the making, in the language of man(7).
private struct ManualPage {
  private(set) var lines: [String]
  var text: String { lines.joined(separator: "\n") }

  init(_ name: String, section number: Int, date: String, title: String) {
    let version = SoftwareVersion.text.split(separator: "/").last.map(String.init) ?? ""
    lines = [
      ".TH \(Self.escaped(name.uppercased())) \(number) \"\(date)\" \"StoreSync \(version)\" \"StoreSync\"",
      ".SH NAME", "\(Self.escaped(name)) \\- \(Self.escaped(Self.uncapitalised(title)))",
    ]
  }

  mutating func section(_ title: String) { lines.append(".SH \"\(title)\"") }
  mutating func subsection(_ title: String) { lines.append(".SS \"\(Self.escaped(title))\"") }

  mutating func synopsis(_ name: String, _ verb: String, _ form: String) {
    begin()
    lines += ["\\fB\(Self.escaped(name)) \(Self.escaped(verb))\\fR \(Self.escaped(form))"]
  }

  /// A paragraph; what stands right behind a heading is one by itself.
  private mutating func begin() {
    if let last = lines.last, !last.hasPrefix(".S") { lines.append(".PP") }
  }

  mutating func paragraph(_ text: String) {
    begin()
    lines.append(Self.line(text))
  }

  /// Empty lines part them.
  mutating func paragraphs(_ text: String) {
    for part in text.split(separator: "\n\n") {
      begin()
      lines += part.split(separator: "\n").map { Self.line(String($0)) }
    }
  }

  mutating func item(_ name: String, _ text: String) {
    lines += [".TP", "\\fB\(Self.escaped(name))\\fR", Self.line(text)]
  }

  mutating func examples(_ examples: [String]) {
    begin()
    lines += [".RS 4", ".nf"] + examples.map(Self.line) + [".fi", ".RE"]
  }

  mutating func related(_ pages: [String]) {
    section("SEE ALSO")
    lines.append(pages.map(Self.escaped).joined(separator: ", "))
  }

  /// A line that is no request, whatever it begins with.
  private static func line(_ text: String) -> String {
    let escaped = escaped(text)
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&\(escaped)" : escaped
  }

  /// Hyphens stay what one can type and search for.
  private static func escaped(_ text: String) -> String {
    text.map { character in
      switch character {
      case "\\": "\\e"
      case "-": "\\-"
      case "\"": "\\(dq"
      default: String(character)
      }
    }.joined()
  }

  private static func uncapitalised(_ text: String) -> String {
    let line = text.hasSuffix(".") ? text.dropLast() : text[...]
    return line.prefix(1).lowercased() + line.dropFirst()
  }
}

extension String {
  /// With one blank where there are two.
  fileprivate var squeezed: String { split(separator: " ").joined(separator: " ") }
}
