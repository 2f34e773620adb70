/// An option of a verb, as `--help` tells it and the command line is read by.
package struct OptionHelp: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case flag
    /// Takes a value, of which this is the name.
    case value(String)
    /// Takes a number if one follows.
    case number(String)
  }

  package var name: String
  package var kind: Kind
  package var text: String

  package init(_ name: String, _ kind: Kind = .flag, _ text: String) {
    self.name = name
    self.kind = kind
    self.text = text
  }

  var form: String {
    switch kind {
    case .flag: "--\(name)"
    case .value(let value): "--\(name) \(value)"
    case .number(let value): "--\(name) [\(value)]"
    }
  }
}

/// What a program can be told to do, in words for people.
package struct VerbHelp: Hashable, Sendable {
  /// “store add”.
  package var name: String
  /// What stands behind it; one for each way to say it.
  package var forms: [String]
  /// How many words may stand behind it.
  package var counts: ClosedRange<Int>
  package var summary: String
  package var details: String
  package var options: [OptionHelp]
  package var examples: [String]
  /// Beyond those that every verb has.
  package var exits: [String]

  package init(
    _ name: String, _ forms: [String], _ counts: ClosedRange<Int>, _ summary: String,
    details: String = "", options: [OptionHelp] = [], examples: [String], exits: [String] = ["0  done"]
  ) {
    self.name = name
    self.forms = forms
    self.counts = counts
    self.summary = summary
    self.details = details
    self.options = options
    self.examples = examples
    self.exits = exits
  }
}

/// All that a program can do.
package struct ProgramHelp: Sendable {
  package var name: String
  package var summary: String
  package var verbs: [VerbHelp]
  package var notes: String
  package var manual: ManualHelp

  package init(
    _ name: String, _ summary: String, verbs: [VerbHelp], notes: String = "", manual: ManualHelp = ManualHelp()
  ) {
    self.name = name
    self.summary = summary
    self.verbs = verbs
    self.notes = notes
    self.manual = manual
  }

  /// What every verb may end with.
  static let commonExits = [
    "2  wrong usage, or something that is not there or not allowed",
    "3  the node, or HQ, cannot be reached",
    "4  the data is unsafe or cannot be written",
  ]

  /// The program as a whole.
  package var overview: String {
    let width = verbs.map(\.name.count).max() ?? 0
    let list = verbs.map { "  \($0.name.padded(to: width))  \($0.summary)" }
    var lines = ["usage: \(name) VERB …", "", summary, ""] + list
    lines += [
      "", "`\(name) help VERB` tells the options of one, with an example; `\(name) --version` the version.",
      "Answers go to standard output, all else to standard error.",
    ]
    if !notes.isEmpty { lines += ["", notes] }
    return lines.joined(separator: "\n")
  }

  /// One verb.
  package func page(_ verb: VerbHelp) -> String {
    var lines = verb.forms.enumerated().map { index, form in
      "\(index == 0 ? "usage:" : "      ") \(name) \(verb.name)\(form.isEmpty ? "" : " \(form)")"
    }
    lines += ["", verb.summary.firstUppercased + "."]
    if !verb.details.isEmpty { lines += ["", verb.details] }
    if !verb.options.isEmpty {
      let width = verb.options.map(\.form.count).max() ?? 0
      lines += ["", "options:"] + verb.options.map { "  \($0.form.padded(to: width))  \($0.text)" }
    }
    lines += ["", verb.examples.count == 1 ? "example:" : "examples:"] + verb.examples.map { "  \($0)" }
    lines += ["", "exit status:"] + (verb.exits + Self.commonExits).map { "  \($0)" }
    return lines.joined(separator: "\n")
  }

  /// The verb that the words begin with, and how many of them it is.
  func verb(_ words: [String]) -> VerbHelp? {
    for count in stride(from: min(words.count, 3), to: 0, by: -1) {
      let name = words.prefix(count).joined(separator: " ")
      if let verb = verbs.first(where: { $0.name == name }) { return verb }
    }
    return nil
  }

  func unknownVerb(_ words: [String]) -> UsageError {
    guard let first = words.first else { return UsageError("found no verb, expected \(Self.list(verbs.map(\.name)))") }
    let family = verbs.map(\.name).filter { $0.hasPrefix(first + " ") }
    if words.count == 1, !family.isEmpty { return UsageError("found “\(first)”, expected \(Self.list(family))") }
    let said = words.prefix(family.isEmpty ? 1 : 2).joined(separator: " ")
    if let nearest = Nearest.match(said, in: family.isEmpty ? verbs.map(\.name) : family) {
      return UsageError("found “\(said)”, which is no verb of \(name); did you mean “\(nearest)”?")
    }
    let known = family.isEmpty ? verbs.map(\.name) : family
    return UsageError("found “\(said)”, expected \(Self.list(known))")
  }

  private static func list(_ words: [String]) -> String {
    words.count < 2
      ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
  fileprivate var firstUppercased: String { prefix(1).uppercased() + dropFirst() }
}

/// The word that somebody may have meant.
package enum Nearest {
  package static func match(_ word: String, in words: [String]) -> String? {
    let lowered = word.lowercased()
    if let whole = words.first(where: { !lowered.isEmpty && $0.hasPrefix(lowered) }) { return whole }
    let best = words.map { (word: $0, distance: distance(lowered, $0)) }.min { $0.distance < $1.distance }
    // A third of the letters may be wrong: more is another word.
    guard let best, best.distance <= max(1, min(lowered.count, best.word.count) / 3) else { return nil }
    return best.word
  }

  /// Letters to insert, leave out, replace or swap with the next (Damerau and Levenshtein, restricted).
  static func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left), Array(right))
    var earlier: [Int] = []
    var previous = Array(0...right.count)
    for row in left.indices {
      var current = [row + 1]
      for column in right.indices {
        let isSame = left[row] == right[column]
        var least = min(previous[column + 1] + 1, current[column] + 1, previous[column] + (isSame ? 0 : 1))
        if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
          least = min(least, earlier[column - 1] + 1)
        }
        current.append(least)
      }
      earlier = previous
      previous = current
    }
    return previous.last ?? left.count
  }
}
