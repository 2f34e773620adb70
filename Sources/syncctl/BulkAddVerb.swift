import Glibc
import Interchange
import NodeRuntime
import Wire

/// `syncctl store add --from FILE`: many stores at once.
struct BulkAddVerb {
  private static let needed = ["number", "name", "timeZone", "currency"]
  private static let optional = ["code", "region"]
  /// A chain of more is enrolled in parts.
  private static let maximumRows = 10_000

  /// A store as its line says it.
  private struct Row {
    var line: Int
    var request: [(String, CBORValue)]
    var number: String
  }

  /// What became of a store.
  private struct Outcome {
    var number: String
    var word: String
    var reason: String?
  }

  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run() throws -> ExitStatus {
    guard arguments.words.isEmpty else { throw UsageError("found a number and --from, expected one of them") }
    guard !arguments.flag("again") else { throw UsageError("--again is for one store at a time, not for --from") }
    let target = try arguments.needed("codes-to")
    let path = try arguments.needed("from")
    let rows = try Self.read(path, expires: arguments.value("expires"))
    let client = try ControlClient(arguments)
    let enrolled = try enrolledNumbers(client)
    let new = rows.filter { !enrolled.contains($0.number) }
    var problems: [String] = []
    for row in new {
      do throws(ControlError) {
        _ = try client.request("store-add", row.request + [("check", .boolean(true))])
      } catch {
        guard error.code == .usage || error.code == .notAllowed else { throw error }
        problems.append("\(path):\(row.line): store \(row.number): \(error)")
      }
    }
    guard problems.isEmpty else {
      for problem in problems.dropLast() { Console.printError(problem) }
      throw UsageError("\(problems.last ?? ""); no store was added")
    }
    let codes = try CodeFile(target)
    var outcomes = rows.filter { enrolled.contains($0.number) }.map { Outcome(number: $0.number, word: "unchanged") }
    for row in new { outcomes.append(try add(row, client, codes)) }
    tell(outcomes, toOutput: target != "-")
    return outcomes.contains { $0.word == "failed" } ? .partly : .done
  }

  private func enrolledNumbers(_ client: ControlClient) throws(ControlError) -> Set<String> {
    let answer = try client.request("store-list")
    return Set((answer["stores"]?.arrayValue ?? []).compactMap { $0["node"]?.textValue })
  }

  private func add(_ row: Row, _ client: ControlClient, _ codes: CodeFile) throws -> Outcome {
    do throws(ControlError) {
      let answer = try client.request("store-add", row.request)
      let code = answer["joinCode"]?.textValue ?? ""
      guard codes.write("\(row.number),\(code)") else {
        // The store is enrolled, and a code that nobody has is of no use.
        return Outcome(
          number: row.number, word: "failed",
          reason: "its join code could not be written down; `syncctl store add \(row.number)` gives another")
      }
      return Outcome(number: row.number, word: "added")
    } catch {
      return Outcome(number: row.number, word: "failed", reason: error.description)
    }
  }

  private func tell(_ outcomes: [Outcome], toOutput: Bool) {
    for outcome in outcomes where outcome.reason != nil {
      Console.printError("store \(outcome.number): \(outcome.reason ?? "")")
    }
    func count(_ word: String) -> Int { outcomes.count { $0.word == word } }
    let summary = "\(count("added")) added, \(count("unchanged")) enrolled already, \(count("failed")) failed"
    // Standard output has the codes, if they go there.
    guard toOutput else { return Console.printError(summary) }
    guard arguments.flag("json") else {
      Console.print(summary)
      return
    }
    let answer = CBORValue.object([
      "schema": .integer(1), "added": .integer(Int64(count("added"))),
      "unchanged": .integer(Int64(count("unchanged"))), "failed": .integer(Int64(count("failed"))),
      "stores": .array(
        outcomes.map { outcome in
          .object([
            "number": .text(outcome.number), "outcome": .text(outcome.word),
            "reason": outcome.reason.map(CBORValue.text),
          ])
        }),
    ])
    Console.print(answer.json)
  }

  // MARK: The file

  private static func read(_ path: String, expires: String?) throws(UsageError) -> [Row] {
    var lines = try records(path)[...]
    guard let header = lines.popFirst() else { throw UsageError("\(path): found nothing, expected a header line") }
    let columns = header.values
    for name in columns where !(needed + optional).contains(name) {
      let known = (needed + optional).joined(separator: ", ")
      let hint = Nearest.match(name, in: needed + optional).map { "; did you mean \($0)?" } ?? ""
      throw UsageError("\(path):1: found the column “\(name)”, expected some of: \(known)\(hint)")
    }
    for name in needed where !columns.contains(name) { throw UsageError("\(path):1: found no column \(name)") }
    guard Set(columns).count == columns.count else { throw UsageError("\(path):1: found a column twice") }
    guard lines.count <= maximumRows else {
      throw UsageError("\(path): found \(lines.count) stores, expected at most \(maximumRows); split the file")
    }
    var rows: [Row] = []
    var places: [String: Int] = [:]
    for line in lines {
      guard line.values.count == columns.count else {
        throw UsageError("\(path):\(line.number): found \(line.values.count) values, expected \(columns.count)")
      }
      var request: [(String, CBORValue)] = []
      var number = ""
      for (name, value) in zip(columns, line.values) where !value.isEmpty {
        if name == "number" { number = UInt32(value).map { "\($0)" } ?? value }
        request.append((name, .text(name == "number" ? number : value)))
      }
      if let other = places.updateValue(line.number, forKey: number) {
        throw UsageError("\(path):\(line.number): store \(number) is in line \(other) already")
      }
      if let expires { request.append(("expires", .text(expires))) }
      rows.append(Row(line: line.number, request: request, number: number))
    }
    return rows
  }

  private static func records(_ path: String) throws(UsageError) -> [(number: Int, values: [String])] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw UsageError("“\(path)” cannot be opened: \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    var reader = CSVReader()
    var rows: [CSVReader.Row] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw UsageError("“\(path)” cannot be read: \(String(cString: strerror(errno)))") }
      if count == 0 { break }
      reader.read(chunk.prefix(count), into: &rows)
    }
    reader.finish(into: &rows)
    var lines: [(number: Int, values: [String])] = []
    for row in rows {
      switch row.content {
      case .success(let values): lines.append((number: row.line, values: values))
      case .failure(let error): throw UsageError("\(path):\(row.line): \(error)")
      }
    }
    return lines
  }
}

/// Where join codes go: what lets somebody in is the owner's alone.
private final class CodeFile {
  private let descriptor: Int32
  private let isOwn: Bool

  init(_ path: String) throws(UsageError) {
    guard path != "-" else {
      (descriptor, isOwn) = (STDOUT_FILENO, false)
      _ = write("number,code")
      return
    }
    isOwn = true
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw UsageError("“\(path)” cannot be written: \(String(cString: strerror(errno)))")
    }
    var information = stat()
    guard fstat(descriptor, &information) == 0, fchmod(descriptor, 0o600) == 0 else {
      throw UsageError("“\(path)” cannot be made the owner's alone: \(String(cString: strerror(errno)))")
    }
    // A second time, the codes of further stores are added.
    if information.st_size == 0, !write("number,code") {
      throw UsageError("“\(path)” cannot be written: \(String(cString: strerror(errno)))")
    }
  }

  deinit { if isOwn { close(descriptor) } }

  /// - Returns: whether it is on the disk.
  func write(_ line: String) -> Bool {
    var bytes = Array((line + "\n").utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard written > 0 || errno == EINTR else { return false }
      bytes = bytes.dropFirst(max(written, 0))
    }
    return !isOwn || fdatasync(descriptor) == 0
  }
}
