import Interchange
import NodeRuntime
import StoreModel
import TextEncoding
import Wire

/// `syncctl import`: a file's lines become records, or sales, at the node.
struct ImportVerb {
  /// The word for sales, which become one commit group each; every other word is an entity's.
  static let sales = "sale"

  let client: ControlClient
  let arguments: CommandLineArguments

  func run(_ path: String) throws -> ExitStatus {
    let options = try FileOptions(client: client, arguments: arguments, path: path)
    let importer = try importer(for: path, options)
    let converter = try options.reader()
    let source = try FileSource(path)
    let rejects = try arguments.value("rejects").map { try NewFile($0) }
    let sink = NodeSink(client: client)
    var meter = ProgressMeter(isWanted: arguments.flag("progress"), total: source.byteCount)
    let result: Result<ImportReport, ImportError>
    do throws(ImportError) {
      result = .success(
        try importer.run(
          reading: source.next, converting: converter, into: sink,
          rejects: rejects.map { file in { try file.write($0) } }
        ) { progress in
          meter.tell(done: progress.bytes, rows: progress.read) { ", \(progress.refused) refused" }
        })
    } catch {
      result = .failure(error)
    }
    return try end(result, path, rejects, sink.problem)
  }

  private func end(
    _ result: Result<ImportReport, ImportError>, _ path: String, _ rejects: NewFile?, _ problem: ControlError?
  ) throws -> ExitStatus {
    switch result {
    case .success(let report):
      let isKept = try keep(rejects, report)
      tell(report, path)
      if isKept, let rejects { Console.printError("\(path): the refused lines are in \(rejects.path)") }
      return report.refused == 0 ? .done : .partly
    case .failure(let error):
      let isKept = try keep(rejects, error.report)
      tell(error.report, path)
      Console.printError("\(path): \(error)")
      if isKept, let rejects { Console.printError("\(path): the lines refused so far are in \(rejects.path)") }
      return problem?.exitStatus ?? status(of: error)
    }
  }

  private func status(of error: ImportError) -> ExitStatus {
    switch error.code {
    case .unfit: .usage
    case .interrupted, .sink: .partly
    case .source: error.report.lastLine == 0 ? .usage : .partly
    case .rejects: .unsafe
    }
  }

  /// A file of rejects without any is not left behind.
  private func keep(_ rejects: NewFile?, _ report: ImportReport) throws -> Bool {
    guard let rejects else { return false }
    guard rejects.byteCount > 0 else {
      rejects.discard()
      return false
    }
    try rejects.keep()
    return true
  }

  private func importer(for path: String, _ options: FileOptions) throws -> Importer {
    let isJSON = options.format == .jsonl
    var importer: Importer
    if options.entityName == Self.sales {
      guard isJSON else { throw UsageError("sales come as JSON Lines, one basket a line; found “\(path)”") }
      for option in ["map", "ignore", "key", "money"] where arguments.flag(option) {
        throw UsageError("--\(option) is for records; sales have names and amounts of their own, in minor units")
      }
      importer = Importer(.salesInJSONLines(SaleMapper()))
    } else {
      let entity = try options.entity(beside: Self.sales)
      let keys = (arguments.value("key") ?? "").split(separator: ",").map(String.init)
      var names = ColumnNames()
      for list in arguments.all("map") { try names.rename(list) }
      for list in arguments.all("ignore") { try names.ignore(list) }
      let mapper = try RecordMapper(entity, keyColumns: keys, names: names, form: options.form)
      importer = Importer(isJSON ? .recordsInJSONLines(mapper) : .recordsInCSV(mapper))
    }
    importer.form = options.form
    importer.isDryRun = arguments.flag("dry-run")
    return importer
  }

  private func tell(_ report: ImportReport, _ path: String) {
    for refusal in report.refusals { Console.printError("\(path):\(refusal.located)") }
    let untold = report.refused - report.refusals.count
    if untold > 0 { Console.printError("\(path): \(untold) more lines were refused") }
    for note in report.notes { Console.printError("\(path):\(note.line): note: \(note.reason)") }
    let unnoted = report.noted - report.notes.count
    if unnoted > 0 { Console.printError("\(path): \(unnoted) more notes of this kind") }
    if arguments.flag("json") {
      let value = CBORValue.object([
        "schema": .integer(1), "file": .text(path), "read": .integer(Int64(report.read)),
        "committed": .integer(Int64(report.committed)), "unchanged": .integer(Int64(report.unchanged)),
        "refused": .integer(Int64(report.refused)), "noted": .integer(Int64(report.noted)),
        "isDryRun": .boolean(report.isDryRun),
        "wouldCommit": report.isDryRun ? .integer(Int64(report.wouldCommit)) : nil,
      ])
      return Console.print(value.json)
    }
    let outcome =
      report.isDryRun ? "\(report.wouldCommit) would be committed" : "\(report.committed) committed"
    Console.print("\(path): \(report.read) read, \(outcome), \(report.unchanged) unchanged, \(report.refused) refused")
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

  func submit(_ items: [ImportItem], isDryRun: Bool) throws -> [ImportOutcome] {
    var drafts: [CBORValue] = []
    var sales: [CBORValue] = []
    for item in items {
      switch item {
      case .record(let write): drafts.append(CommitDraft([write]).controlValue)
      case .sale(let sale): sales.append(sale.controlValue)
      }
    }
    var committed = try answers("commit", "drafts", drafts, isDryRun)[...]
    var sold = try answers("sell", "sales", sales, isDryRun)[...]
    return items.map { item in
      let answer: CBORValue?
      switch item {
      case .record: answer = committed.popFirst()
      case .sale: answer = sold.popFirst()
      }
      return outcome(answer)
    }
  }

  private func answers(
    _ operation: String, _ name: String, _ values: [CBORValue], _ isDryRun: Bool
  ) throws(ControlError) -> [CBORValue] {
    guard !values.isEmpty else { return [] }
    do throws(ControlError) {
      return try client.request(operation, [(name, .array(values)), ("isDryRun", .boolean(isDryRun))]).arrayValue ?? []
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
