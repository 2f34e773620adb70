import Glibc
import Interchange
import NodeRuntime
import StoreModel
import TextEncoding
import Wire

/// `syncctl export`: what an entity's records show, as a file that import reads.
struct ExportVerb {
  /// Records that were left out and are told one by one.
  private static let toldCount = 100

  let client: ControlClient
  let arguments: CommandLineArguments

  func run() throws -> ExitStatus {
    let path = arguments.value("output") ?? "-"
    let options = try FileOptions(client: client, arguments: arguments, path: path)
    guard options.entityName != ImportVerb.sales else {
      throw UsageError("sales are kept as records: export order, orderLine and payment instead")
    }
    guard !arguments.flag("json") || path != "-" else {
      throw UsageError("--json would stand in the middle of the records; give a file with --output")
    }
    guard !arguments.flag("bom") || options.encoding == nil else {
      throw UsageError("--bom is for UTF-8; \(options.encoding ?? "") has no use for it, or brings its own")
    }
    let entity = try options.entity()
    Interruption.watch()
    let target = try Target(path, options, withMark: arguments.flag("bom"))
    let exporter = RecordExporter(
      entity, options.format, form: options.form, withCounters: arguments.flag("counters"),
      guardsFormulas: arguments.flag("guard-formulas"), custom: try customColumns(of: entity, options.format))
    return try export(entity, exporter, to: target)
  }

  private func export(_ entity: EntitySchema, _ exporter: RecordExporter, to target: Target) throws -> ExitStatus {
    let total = try client.request("count", [("entity", .text(entity.name))])["count"]?.integerValue.map { Int($0) }
    var meter = ProgressMeter(isWanted: arguments.flag("progress"), total: total)
    var (written, leftOut) = (0, 0)
    func leaveOut(_ id: RecordID, _ reason: String) {
      leftOut += 1
      guard leftOut <= Self.toldCount else { return }
      Console.printError("\(entity.name) \(entity.identity.text(of: id)) was left out: \(reason)")
    }
    do {
      _ = target.add(exporter.header)
      try forEachPage(of: entity) { page in
        for (id, contents) in page {
          do throws(MappingError) {
            let text = try exporter.text(of: id, contents)
            if let problem = target.add(text) { leaveOut(id, problem) } else { written += 1 }
          } catch {
            leaveOut(id, error.description)
          }
        }
        try target.flush()
        meter.tell(done: written, rows: written)
      }
      try target.end()
    } catch let error as FileError {
      Console.printError(error.description)
      return .unsafe
    } catch is Interrupted {
      let rest = target.isFile ? "nothing was kept" : "what stands above is not all"
      Console.printError("interrupted after \(written) records; \(rest)")
      return .partly
    }
    tell(entity, written, leftOut, target)
    return leftOut == 0 ? .done : .partly
  }

  private func tell(_ entity: EntitySchema, _ written: Int, _ leftOut: Int, _ target: Target) {
    if leftOut > Self.toldCount { Console.printError("\(leftOut - Self.toldCount) more were left out") }
    if arguments.flag("json") {
      return Console.print(
        CBORValue.object([
          "schema": .integer(1), "file": .text(target.path), "entity": .text(entity.name),
          "written": .integer(Int64(written)), "leftOut": .integer(Int64(leftOut)),
        ]).json)
    }
    let line = "\(target.path): \(written) written, \(leftOut) left out"
    if target.isFile { Console.print(line) } else if leftOut > 0 { Console.printError(line) }
  }

  /// In CSV each custom field is a column, so all are looked for first.
  private func customColumns(
    of entity: EntitySchema, _ format: RecordExporter.Format
  ) throws -> RecordExporter.CustomColumns {
    var columns = RecordExporter.CustomColumns()
    guard format == .csv, entity.fields.contains(where: { $0.rule == .customFields }) else { return columns }
    do {
      try forEachPage(of: entity) { page in
        for (_, contents) in page { columns.note(contents) }
      }
    } catch is Interrupted {
      throw UsageError("interrupted before the first record; nothing was kept")
    }
    return columns
  }

  private struct Interrupted: Error {}

  private func forEachPage(
    of entity: EntitySchema, _ body: ([(RecordID, [FieldTag: FieldContent])]) throws -> Void
  ) throws {
    var next: CBORValue?
    repeat {
      if Interruption.isRequested { throw Interrupted() }
      let page = try client.request(
        "export", [("entity", .text(entity.name))] + (next.map { [("after", $0)] } ?? []))
      try body((page["records"]?.arrayValue ?? []).compactMap(Self.record))
      next = page["next"]
    } while next != nil
  }

  private static func record(_ value: CBORValue) -> (RecordID, [FieldTag: FieldContent])? {
    guard let parts = value.arrayValue, parts.count == 2, let id = parts[0].bytesValue, let pairs = parts[1].arrayValue
    else { return nil }
    var contents: [FieldTag: FieldContent] = [:]
    for pair in pairs {
      guard let items = pair.arrayValue, items.count == 2, let tag = items[0].integerValue,
        let number = UInt16(exactly: tag), let content = FieldContent(items[1])
      else { return nil }
      contents[FieldTag(number)] = content
    }
    return (RecordID(id), contents)
  }
}

/// Where an export goes: a new file or standard output, in an encoding.
private final class Target {
  let path: String
  private let file: NewFile?
  private let writer: TextConverter?
  /// Tries each text first, so that what cannot be written leaves no trace in the writer's state.
  private let trial: TextConverter?
  private var buffer: [UInt8] = []

  var isFile: Bool { file != nil }

  init(_ path: String, _ options: FileOptions, withMark: Bool) throws(UsageError) {
    self.path = path
    writer = try options.writer()
    trial = try options.writer()
    file = path == "-" ? nil : try NewFile(path)
    if withMark { buffer = [0xEF, 0xBB, 0xBF] }
    encoding = options.encoding ?? "utf-8"
  }

  private let encoding: String

  /// Returns why the text cannot be written, if it can't.
  func add(_ text: String) -> String? {
    guard let writer, let trial else {
      buffer += text.utf8
      return nil
    }
    var attempt: [UInt8] = []
    let malformed = trial.convert(Array(text.utf8), into: &attempt) + trial.finish(into: &attempt)
    guard malformed.isEmpty else {
      return "it holds a character that \(encoding) has not; export as utf-8 or gb18030, which have all"
    }
    _ = writer.convert(Array(text.utf8), into: &buffer)
    return nil
  }

  func flush() throws {
    defer { buffer.removeAll(keepingCapacity: true) }
    if let file { try file.write(buffer) } else { try writeAll(buffer, to: STDOUT_FILENO, "standard output") }
  }

  func end() throws {
    _ = writer?.finish(into: &buffer)
    try flush()
    try file?.keep()
  }
}
