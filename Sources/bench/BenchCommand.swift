import Glibc
import JSON
import NodeRuntime

/// `bench --all`, or some scenarios by their names: runs them and prints what it measured.
struct BenchCommand {
  private static let scenarios = [
    RawBaseline.scenario, CommitLatency.scenario, BulkWrite.scenario, MergeNew.scenario, MergeUpdates.scenario,
    LiveBasket.scenario, Backlog.one, Backlog.many, Reconnect.scenario, FirstLoad.scenario,
    Idle.scenario, Verify.scenario, Growth.scenario, Fleet.scenario,
    IdleCrowd.scenario, TillCommit.scenario,
  ]

  private static var usage: String {
    let names = scenarios.map { scenario in
      "  \(scenario.name)\(String(repeating: " ", count: max(1, 12 - scenario.name.count)))\(scenario.summary)"
    }
    return """
      usage: bench (--all | SCENARIO…) --lines FILE [--count N] [--rounds N] [--records N] [--scratch DIR] [--json]
        --lines FILE   line items of The Complete Journey, as Scripts/bench writes them
        --count N      lines to work with (default: 200000)
        --rounds N     how often each contestant runs (default: 5)
        --records N    rows to which growth goes, from 1000000 to 10000000 (default: 1000000; 10000000 takes minutes)
        --scratch DIR  on the disk that is to be measured (default: the present folder)
        --json         one object with all figures instead of a line each
      scenarios:
      \(names.joined(separator: "\n"))
      exit status: 0 all ran, 1 one failed, 2 wrong usage
      """
  }

  private var chosen: [Scenario] = []
  private var lines: String?
  private var count = 200_000
  private var rounds = 5
  private var records = Growth.standardRecords
  private var scratch = "."
  private var isJSON = false

  /// Nil if the arguments make no sense.
  private init?(_ arguments: [String]) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--all": chosen = Self.scenarios
      case "--json": isJSON = true
      case "--lines":
        guard let path = rest.popFirst() else { return nil }
        lines = path
      case "--scratch":
        guard let path = rest.popFirst() else { return nil }
        scratch = path
      case "--count":
        guard let number = Self.number(&rest, in: 1_000...10_000_000) else { return nil }
        count = number
      case "--rounds":
        guard let number = Self.number(&rest, in: 1...100) else { return nil }
        rounds = number
      case "--records":
        guard let number = Self.number(&rest, in: Growth.records) else { return nil }
        records = number
      default:
        guard let scenario = Self.scenarios.first(where: { $0.name == argument }) else { return nil }
        chosen.append(scenario)
      }
    }
    guard !chosen.isEmpty, lines != nil else { return nil }
  }

  private static func number(_ rest: inout ArraySlice<String>, in range: ClosedRange<Int>) -> Int? {
    rest.popFirst().flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
  }

  static func main(_ arguments: [String]) -> Int32 {
    guard let command = BenchCommand(arguments), let lines = command.lines else {
      print(usage)
      return 2
    }
    do {
      let program = arguments.isEmpty ? "" : CommandLine.arguments[0]
      let folder = program.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
      let bench = Bench(
        lines: try JourneyLines(path: lines, limit: command.count), scratch: try Scratch(in: command.scratch),
        rounds: command.rounds, records: command.records, programs: folder.isEmpty ? "." : folder)
      return command.run(bench) ? 0 : 1
    } catch {
      print("bench: \(error)")
      return 1
    }
  }

  /// At once, also into a pipe: a scenario takes its time.
  private func say(_ text: String) {
    print(text)
    fflush(nil)
  }

  private func run(_ bench: Bench) -> Bool {
    var results: [JSONValue] = []
    var hasFailed = false
    if !isJSON { say("\(bench.lines.lineCount) line items in \(bench.lines.baskets.count) baskets, \(rounds) rounds") }
    for scenario in chosen {
      do {
        let stopwatch = Stopwatch()
        let figures = try scenario.run(bench)
        bench.scratch.removeAll()
        results += figures.map(\.json)
        guard !isJSON else { continue }
        say("\(scenario.name): \(scenario.summary) (\(stopwatch.reading.seconds.short) s)")
        for figure in figures { say("  \(figure.line)") }
      } catch {
        hasFailed = true
        say("\(scenario.name): failed: \(error)")
      }
    }
    if isJSON {
      let outcome: JSONValue = .members([
        "schema": 1, "lines": .integer(Int64(bench.lines.lineCount)), "rounds": .integer(Int64(rounds)),
        "figures": .array(results),
      ])
      print(String(decoding: JSONText.bytes(outcome), as: UTF8.self))
    }
    return !hasFailed
  }
}
