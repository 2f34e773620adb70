import Base
import Glibc
import Interchange
import StoreModel
import Testing

/// A sink that remembers.
final class MemorySink: ImportSink {
  private(set) var items: [ImportItem] = []
  private(set) var batches: [Int] = []
  private var seen: Set<ImportItem> = []
  var refuse: (ImportItem) -> String? = { _ in nil }
  var failsAfterBatches = Int.max

  struct Gone: Error, CustomStringConvertible {
    var description: String { "the node is gone" }
  }

  func submit(_ items: [ImportItem], isDryRun: Bool) throws -> [ImportOutcome] {
    if batches.count >= failsAfterBatches { throw Gone() }
    batches.append(items.count)
    return items.map { item in
      if let reason = refuse(item) { return .refused(reason: reason) }
      if isDryRun { return seen.contains(item) ? .unchanged : .committed }
      guard seen.insert(item).inserted else { return .unchanged }
      self.items.append(item)
      return .committed
    }
  }
}

func entity(_ name: String) throws -> EntitySchema { try #require(Model.retail.entity(named: name)) }

/// Parses text in chunks of a size.
func parseCSV(_ bytes: [UInt8], chunk: Int = .max) -> [CSVReader.Row] {
  var reader = CSVReader()
  var rows: [CSVReader.Row] = []
  var rest = bytes[...]
  while !rest.isEmpty {
    reader.read(rest.prefix(chunk), into: &rows)
    rest = rest.dropFirst(chunk)
  }
  reader.finish(into: &rows)
  return rows
}

func parseCSV(_ text: String, chunk: Int = .max) -> [CSVReader.Row] { parseCSV(Array(text.utf8), chunk: chunk) }

func good(_ rows: [CSVReader.Row]) -> [[String]] { rows.compactMap { try? $0.content.get() } }

func errors<Content>(_ lines: [SourceLine<Content>]) -> [LineError] {
  lines.compactMap { if case .failure(let error) = $0.content { error } else { nil } }
}

func parseJSONLines(_ bytes: [UInt8], chunk: Int = .max) -> [JSONLinesReader.Line] {
  var reader = JSONLinesReader()
  var lines: [JSONLinesReader.Line] = []
  var rest = bytes[...]
  while !rest.isEmpty {
    reader.read(Array(rest.prefix(chunk)), into: &lines)
    rest = rest.dropFirst(chunk)
  }
  reader.finish(into: &lines)
  return lines
}

/// The bytes of a text, once, for an importer.
func chunks(_ text: String, of size: Int = 4_096) -> () -> [UInt8]? {
  var rest = Array(text.utf8)[...]
  return {
    defer { rest = rest.dropFirst(size) }
    return rest.isEmpty ? nil : Array(rest.prefix(size))
  }
}

/// A file of Scripts/demo-data.
func demoFile(_ name: String, _ testFile: String = #filePath) throws -> [UInt8] {
  let root = testFile.split(separator: "/").dropLast(3).joined(separator: "/")
  let file = try #require(fopen("/\(root)/Scripts/demo-data/\(name)", "rb"), "no demo file \(name)")
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    guard count > 0 else { return bytes }
    bytes += buffer[..<count]
  }
}

func byteChunks(_ bytes: [UInt8], of size: Int) -> () -> [UInt8]? {
  var rest = bytes[...]
  return {
    defer { rest = rest.dropFirst(size) }
    return rest.isEmpty ? nil : Array(rest.prefix(size))
  }
}
