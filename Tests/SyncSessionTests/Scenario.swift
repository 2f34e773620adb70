import Base
import Foundation
import SyncSession
import Testing
import Wire

/// A scenario is a text file that a person can read: what happens to sessions, and below it what they want done.
///
///     # Why this matters.
///     session store
///     session hq
///
///     store > opened
///         send hello node 1 …
///     hq < hello            (the last message of that kind that the other side sent)
///         admit …
///     +25000                (time passes, in milliseconds)
///
/// Lines that begin with `>` or `<` behind a name are events; the indented lines below are the effects and, behind
/// `#`, remarks. `UPDATE_SCENARIOS=1 swift test` writes the effects anew; the difference is then to be read like code.
struct Scenario {
  let name: String
  let path: String
  let text: String

  static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Scenarios")

  static var all: [Scenario] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return files.filter { $0.hasSuffix(".txt") }.sorted().compactMap { file in
      let path = directory.appending(path: file).path
      guard let data = FileManager.default.contents(atPath: path) else { return nil }
      return Scenario(name: String(file.dropLast(4)), path: path, text: String(decoding: data, as: UTF8.self))
    }
  }

  /// The text as the sessions would have it: every line that is no effect, and the effects that came of it.
  func played() throws -> String {
    var stage = Stage()
    var lines: [String] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.hasPrefix("    ") { continue }
      lines.append(String(line))
      do {
        lines += try stage.perform(String(line)).map { "    " + $0 }
      } catch {
        throw ScenarioError("\(name).txt:\(number + 1): \(error)")
      }
    }
    return lines.joined(separator: "\n")
  }
}

struct ScenarioError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

extension Scenario: CustomTestStringConvertible {
  var testDescription: String { name }
}

@Suite struct ScenarioTests {
  @Test(arguments: Scenario.all) func plays(_ scenario: Scenario) throws {
    let played = try scenario.played()
    guard played != scenario.text else { return }
    if ProcessInfo.processInfo.environment["UPDATE_SCENARIOS"] != nil {
      try Data(played.utf8).write(to: URL(filePath: scenario.path))
      return
    }
    Issue.record("\(scenario.name).txt\n\(Self.difference(scenario.text, played))")
  }

  @Test func thereAreScenarios() {
    #expect(Scenario.all.count > 10)
  }

  /// Both texts, line by line, with what is expected and missing as “-” and what was found instead as “+”.
  private static func difference(_ expected: String, _ found: String) -> String {
    let expectedLines = expected.split(separator: "\n", omittingEmptySubsequences: false)
    let foundLines = found.split(separator: "\n", omittingEmptySubsequences: false)
    let changes = foundLines.difference(from: expectedLines)
    var removed: Set<Int> = []
    var inserted: [Int: Substring] = [:]
    for change in changes {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, let line, _): inserted[offset] = line
      }
    }
    var lines: [String] = []
    var offset = 0
    for (index, line) in expectedLines.enumerated() {
      while let line = inserted[offset] {
        lines.append("+ \(line)")
        offset += 1
      }
      if removed.contains(index) {
        lines.append("- \(line)")
      } else {
        lines.append("  \(line)")
        offset += 1
      }
    }
    while let line = inserted[offset] {
      lines.append("+ \(line)")
      offset += 1
    }
    return lines.joined(separator: "\n")
  }
}
