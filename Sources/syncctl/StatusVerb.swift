import Glibc
import NodeRuntime
import Wire

/// `syncctl status`, once or again and again.
struct StatusVerb {
  private static let defaultSeconds = 2.0
  /// Oftener nobody can read; the node has other things to do.
  private static let leastSeconds = 0.1
  private static let mostSeconds = 86_400.0

  let arguments: CommandLineArguments
  private let request: [(String, CBORValue)]

  init(_ arguments: CommandLineArguments) throws(UsageError) {
    self.arguments = arguments
    var request: [(String, CBORValue)] = []
    if let list = arguments.value("store") {
      request.append(("stores", Verbs.list(list)))
    }
    if let age = arguments.value("max-age") {
      request.append(("maximumAgeMilliseconds", .integer(try Self.milliseconds(age))))
    }
    self.request = request
  }

  func run() throws -> ExitStatus {
    guard arguments.flag("watch") else {
      let report = try arguments.ask("status", request)
      arguments.tell(report) { StatusText($0).text }
      return Self.status(of: report)
    }
    // Nobody reads any more: the end of the watch, and no signal.
    signal(SIGPIPE, SIG_IGN)
    return try watch(every: try seconds())
  }

  private static func status(of report: CBORValue) -> ExitStatus {
    report["inSync"]?.booleanValue == true ? .done : .partly
  }

  /// Goes on while the node starts anew, until it is stopped or nobody reads.
  private func watch(every seconds: Double) throws -> ExitStatus {
    var last: [String] = []
    var status = ExitStatus.done
    while true {
      let report: CBORValue
      do {
        report = try ControlClient(arguments).request("status", request)
        status = Self.status(of: report)
      } catch let error as ControlError where error.code == .unreachable {
        report = .object(["schema": .integer(1), "inSync": .boolean(false), "problem": .text(error.description)])
        status = .unreachable
      }
      guard show(report, &last) else { return status }
      usleep(UInt32(seconds * 1_000_000))
    }
  }

  /// - Returns: whether somebody still reads.
  private func show(_ report: CBORValue, _ last: inout [String]) -> Bool {
    if arguments.flag("json") { return Console.printPart(report.json + "\n") }
    if Console.outputIsTerminal {
      // From the top left, and nothing below.
      return Console.printPart("\u{1B}[H\u{1B}[J\(StatusText(report).text)\n")
    }
    let lines = StatusText(report).changeLines
    let new = lines.filter { !last.contains($0) }
    last = lines
    return new.allSatisfy { Console.printPart($0 + "\n") }
  }

  private func seconds() throws(UsageError) -> Double {
    guard let text = arguments.value("watch"), !text.isEmpty else { return Self.defaultSeconds }
    guard let seconds = Double(text), (Self.leastSeconds...Self.mostSeconds).contains(seconds) else {
      throw UsageError(
        "found --watch “\(text)”, expected seconds from \(Self.leastSeconds) to \(Int(Self.mostSeconds))")
    }
    return seconds
  }

  /// “90s”, “15m”, “8h”, “2d”.
  static func milliseconds(_ text: String) throws(UsageError) -> Int64 {
    let units: [Character: Int64] = ["s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
    guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), (0...100_000).contains(count)
    else { throw UsageError("found --max-age “\(text)”, expected a number and s, m, h or d, such as 15m") }
    return count * unit
  }
}
