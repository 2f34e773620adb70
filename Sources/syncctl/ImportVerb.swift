import Glibc
import Interchange
import NodeRuntime
import StoreModel
import Wire

/// `syncctl import`: a file's lines become records, or sales, at the node.
struct ImportVerb {
  /// The word for sales, which become one commit group each; every other word is an entity's.
  static let sales = "sale"
  /// Progress is told after so many lines.
  private static let progressLines = 10_000

  let client: ControlClient
  let arguments: CommandLineArguments

  func run(_ path: String) throws -> ExitStatus {
    let importer = try importer(for: path)
    let source = try FileSource(path)
    let sink = NodeSink(client: client)
    var told = 0
    do throws(ImportError) {
      let report = try importer.run(reading: source.next, into: sink) { progress in
        guard progress.lastLine >= told + Self.progressLines else { return }
        told = progress.lastLine
        Console.printError("line \(progress.lastLine): \(progress.committed) committed, \(progress.refused) refused")
      }
      tell(report, path)
      return report.refused == 0 ? .done : .partly
    } catch {
      tell(error.report, path)
      Console.printError("\(path): \(error)")
      return sink.problem?.exitStatus ?? .usage
    }
  }

  private func importer(for path: String) throws -> Importer {
    let name = try arguments.needed("entity")
    let isJSON = path.hasSuffix(".jsonl") || path.hasSuffix(".ndjson") || arguments.value("format") == "jsonl"
    var importer: Importer
    if name == Self.sales {
      guard isJSON else { throw UsageError("sales come as JSON Lines, one basket a line; found “\(path)”") }
      importer = Importer(.salesInJSONLines(SaleMapper()))
    } else {
      guard let entity = Model.retail.entity(named: name) else {
        let known = Model.retail.entities.map(\.name).joined(separator: ", ")
        throw UsageError("found the entity “\(name)”, expected \(Self.sales) or one of: \(known)")
      }
      let keys = (arguments.value("key") ?? "").split(separator: ",").map(String.init)
      let mapper = try RecordMapper(entity, keyColumns: keys)
      importer = Importer(isJSON ? .recordsInJSONLines(mapper) : .recordsInCSV(mapper))
    }
    importer.isDryRun = arguments.flag("dry-run")
    return importer
  }

  private func tell(_ report: ImportReport, _ path: String) {
    for refusal in report.refusals { Console.printError("\(path):\(refusal)") }
    let untold = report.refused - report.refusals.count
    if untold > 0 { Console.printError("\(path): \(untold) more lines were refused") }
    if arguments.flag("json") {
      let value = CBORValue.object([
        "schema": .integer(1), "file": .text(path), "read": .integer(Int64(report.read)),
        "committed": .integer(Int64(report.committed)), "unchanged": .integer(Int64(report.unchanged)),
        "refused": .integer(Int64(report.refused)), "isDryRun": .boolean(report.isDryRun),
      ])
      return Console.print(value.json)
    }
    let outcome =
      report.isDryRun
      ? "\(report.checked) would be imported"
      : "\(report.committed) committed, \(report.unchanged) unchanged"
    Console.print("\(path): \(report.read) read, \(outcome), \(report.refused) refused")
  }
}

/// Gives a batch of lines to the node: records as a commit each, and sales as sales.
private final class NodeSink: ImportSink {
  /// Why the node could not go on.
  private(set) var problem: ControlError?
  private let client: ControlClient

  init(client: ControlClient) {
    self.client = client
  }

  func submit(_ items: [ImportItem]) throws -> [ImportOutcome] {
    var drafts: [CBORValue] = []
    var sales: [CBORValue] = []
    for item in items {
      switch item {
      case .record(let write): drafts.append(CommitDraft([write]).controlValue)
      case .sale(let sale): sales.append(sale.controlValue)
      }
    }
    var committed = try answers("commit", "drafts", drafts)[...]
    var sold = try answers("sell", "sales", sales)[...]
    return items.map { item in
      let answer: CBORValue?
      switch item {
      case .record: answer = committed.popFirst()
      case .sale: answer = sold.popFirst()
      }
      return outcome(answer)
    }
  }

  private func answers(_ operation: String, _ name: String, _ values: [CBORValue]) throws(ControlError) -> [CBORValue] {
    guard !values.isEmpty else { return [] }
    do throws(ControlError) {
      return try client.request(operation, [(name, .array(values))]).arrayValue ?? []
    } catch {
      problem = error
      throw error
    }
  }

  private func outcome(_ answer: CBORValue?) -> ImportOutcome {
    switch answer?["outcome"]?.textValue {
    case "committed": .committed
    case "unchanged": .unchanged
    default: .refused(reason: answer?["reason"]?.textValue ?? "the node gave no reason")
    }
  }
}

/// The bytes of a file, or of standard input for “-”.
private final class FileSource {
  private static let chunkBytes = 64 << 10
  private let descriptor: Int32

  init(_ path: String) throws(UsageError) {
    descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw UsageError("“\(path)” cannot be opened: \(String(cString: strerror(errno)))")
    }
  }

  deinit {
    if descriptor != STDIN_FILENO { close(descriptor) }
  }

  func next() throws -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count > 0 { return Array(chunk.prefix(count)) }
      if count == 0 { return nil }
      guard errno == EINTR else { throw UsageError(String(cString: strerror(errno))) }
    }
  }
}
