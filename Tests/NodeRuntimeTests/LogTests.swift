import Base
import Synchronization
import Testing

@testable import NodeRuntime

/// What a line of the log looks like, and how many there are.
@Suite struct LogTests {
  @Test func plainLines() {
    let event = LogEvent(
      .warning, "group.parked", "a group of store 7 is parked: why",
      [.init("code", "too-large"), .init("lane", "bulk")])
    #expect(LogLine.text(event) == "<4>group.parked: a group of store 7 is parked: why code=too-large lane=bulk")
  }

  @Test(
    "a peer's words stay within one line",
    arguments: [
      ("a\n<3>database.damaged: gone", "a\\n<3>database.damaged: gone", #""a\n<3>database.damaged: gone""#),
      ("x=1 y", "x=1 y", #""x=1 y""#),
      ("say \"no\"", "say \"no\"", #""say \"no\"""#),
      ("C:\\dir", "C:\\dir", #""C:\\dir""#),
      ("\u{1B}[2J\u{0}\u{7F}\u{85}", "\\u{1b}[2J\\u{0}\\u{7f}\\u{85}", #""\u{1b}[2J\u{0}\u{7f}\u{85}""#),
      ("a\u{202E}b\u{2028}\u{FEFF}", "a\\u{202e}b\\u{2028}\\u{feff}", #""a\u{202e}b\u{2028}\u{feff}""#),
      ("北京-Zoë", "北京-Zoë", "北京-Zoë"),
      ("", "", "\"\""),
    ])
  func escapes(_ text: String, _ inMessage: String, _ asValue: String) {
    let line = LogLine.text(LogEvent(.info, "a.b", text, [.init("k", text)]))
    #expect(line == "<6>a.b: \(inMessage) k=\(asValue)")
    #expect(!line.utf8.contains { $0 < 0x20 || $0 == 0x7F })
  }

  @Test func whatIsTooLongIsCutOff() {
    let long = String(repeating: "ü\n", count: 100_000)
    let line = LogLine.text(LogEvent(.info, "a.b", long, [.init("k", long)]))
    #expect(line.utf8.count < LogLimits.messageBytes + LogLimits.valueBytes + 64)
    #expect(line.hasSuffix("…\""))
  }

  // MARK: Repetitions

  private func event(_ message: String, _ detail: String = "") -> LogEvent {
    LogEvent(.info, "link.opened", message, [.init("address", detail)])
  }

  @Test("a store that comes back each second fills no journal") func oneWording() {
    var throttle = LogThrottle()
    var lines: [String] = []
    for second in 0..<200 {
      let now = Instant(milliseconds: Int64(second) * 1_000)
      lines += throttle.lines(for: event("store 7 is connected", "port \(second)"), at: now).map(\.message)
    }
    let same = "store 7 is connected"
    #expect(
      lines == [
        same, same, same, "\(same) (57 more times in 60 s)", "\(same) (60 more times in 60 s)",
        "\(same) (60 more times in 60 s)",
      ])
    #expect(throttle.deadline == Instant(milliseconds: 240_000))
    let rest = throttle.rest(at: Instant(milliseconds: 200_000))
    #expect(rest.map(\.message) == ["\(same) (20 more times in 20 s)"])
    #expect(rest.first?.details == [.init("address", "port 199")], "the last one's")
    #expect(throttle.deadline == nil && throttle.rest(at: Instant(milliseconds: 300_000)) == [])
  }

  @Test func afterAQuietMinuteItBeginsAnew() {
    var throttle = LogThrottle()
    for _ in 0..<10 { _ = throttle.lines(for: event("x"), at: Instant(milliseconds: 0)) }
    #expect(throttle.lines(for: nil, at: Instant(milliseconds: 59_999)) == [])
    #expect(throttle.lines(for: nil, at: Instant(milliseconds: 60_000)).map(\.message) == ["x (7 more times in 60 s)"])
    #expect(throttle.deadline == nil)
    #expect(throttle.lines(for: event("x"), at: Instant(milliseconds: 120_001)).map(\.message) == ["x"])
  }

  @Test("words that are new each time count by the event's name") func manyWordings() {
    var throttle = LogThrottle()
    var written = 0
    for number in 0..<5_000 {
      written += throttle.lines(for: event("peer \(number)"), at: Instant(milliseconds: 1)).count
    }
    #expect(written == LogLimits.nameCount)
    let other = LogEvent(.error, "database.damaged", "it is")
    #expect(throttle.lines(for: other, at: Instant(milliseconds: 2)) == [other], "another event is not held up")
    let lines = throttle.lines(for: nil, at: Instant(milliseconds: 60_001)).map(\.message)
    #expect(lines == ["\(5_000 - LogLimits.nameCount) more lines of this kind in 60 s, the last: peer 4999"])
  }

  // MARK: The writer

  @Test func levels() {
    let lines = Mutex<[String]>([])
    let writer = LogWriter(level: .warning) { line in lines.withLock { $0.append(line) } }
    for level in [LogEvent.Level.error, .warning, .info, .debug] { writer.log(LogEvent(level, "a.b", "\(level)")) }
    #expect(lines.withLock { $0 } == ["<3>a.b: error", "<4>a.b: warning"])
    for _ in 0..<5 { writer.log(LogEvent(.error, "a.c", "again")) }
    writer.flush()
    #expect(lines.withLock { $0.last }?.hasPrefix("<3>a.c: again (2 more times in") == true)
  }

  @Test func levelsOnTheCommandLine() throws {
    #expect(try LogEvent.Level(argument: nil) == .info)
    #expect(try LogEvent.Level(argument: "debug") == .debug)
    #expect(throws: UsageError.self) { try LogEvent.Level(argument: "verbose") }
  }
}
