/// Imports a file: reads it in chunks, makes each line a write or a sale, and commits those in batches.
///
/// A bad line is refused with its number and the reason, and never stops the rest. Memory is bounded by the limits of a
/// chunk, a batch and a line, however long the file.
package struct Importer: Sendable {
  /// What the lines of the file are.
  package enum Content: Sendable {
    case recordsInCSV(RecordMapper)
    case recordsInJSONLines(RecordMapper)
    case salesInJSONLines(SaleMapper)
  }

  package var content: Content
  /// Maps and checks every line, and commits nothing.
  package var isDryRun = false
  package var batchCount = InterchangeLimits.batchCount
  package var keptRefusals = InterchangeLimits.keptRefusals

  package init(_ content: Content) {
    self.content = content
  }

  /// - Parameters:
  ///   - nextChunk: the next bytes of the file; nil or none at its end.
  ///   - progress: called after every chunk and batch.
  package func run(
    reading nextChunk: () throws -> [UInt8]?, into sink: any ImportSink,
    progress: (ImportReport) -> Void = { _ in }
  ) throws(ImportError) -> ImportReport {
    var pipeline = ImportPipeline(self)
    var batch = ImportBatch(self)
    while true {
      let chunk = try read(nextChunk, batch.report)
      batch.report.bytes += chunk?.count ?? 0
      let lines = try pipeline.lines(in: chunk, batch.report)
      for line in lines {
        if batch.add(line) { try batch.submit(to: sink, progress) }
      }
      guard chunk != nil else { break }
      progress(batch.report)
    }
    try batch.submit(to: sink, progress)
    return batch.report
  }

  private func read(_ nextChunk: () throws -> [UInt8]?, _ report: ImportReport) throws(ImportError) -> [UInt8]? {
    do {
      return try nextChunk().flatMap { $0.isEmpty ? nil : $0 }
    } catch {
      throw ImportError(.source, "the file could not be read: \(error)", report)
    }
  }
}

/// Items on their way to the sink, and the report so far.
private struct ImportBatch {
  var report = ImportReport()
  private let batchCount: Int
  private let keptRefusals: Int
  private var items: [ImportItem] = []
  private var lines: [Int] = []
  private var byteCount = 0
  /// The last line that was read, good or bad.
  private var lastLine = 0

  init(_ importer: Importer) {
    batchCount = max(1, importer.batchCount)
    keptRefusals = max(0, importer.keptRefusals)
    report.isDryRun = importer.isDryRun
  }

  /// True if the batch is to be submitted.
  mutating func add(_ line: SourceLine<ImportItem>) -> Bool {
    report.read += 1
    lastLine = line.line
    switch line.content {
    case .failure(let error):
      report.refuse(error, keeping: keptRefusals)
    case .success(let item):
      guard !report.isDryRun else { break }
      items.append(item)
      lines.append(line.line)
      byteCount += line.byteCount
    }
    return items.count >= batchCount || byteCount >= InterchangeLimits.batchBytes
  }

  mutating func submit(to sink: any ImportSink, _ progress: (ImportReport) -> Void) throws(ImportError) {
    if !items.isEmpty { try commit(to: sink) }
    report.lastLine = lastLine
    report.refusals.sort { $0.line < $1.line }
    items.removeAll(keepingCapacity: true)
    lines.removeAll(keepingCapacity: true)
    byteCount = 0
    progress(report)
  }

  private mutating func commit(to sink: any ImportSink) throws(ImportError) {
    let outcomes: [ImportOutcome]
    do {
      outcomes = try sink.submit(items)
    } catch {
      let range = "lines \(lines[0]) to \(lines[lines.count - 1]) may be committed or not"
      throw ImportError(.sink, "\(error); \(range)", report)
    }
    guard outcomes.count == items.count else {
      throw ImportError(.sink, "found \(outcomes.count) outcomes for \(items.count) items", report)
    }
    for (line, outcome) in zip(lines, outcomes) {
      switch outcome {
      case .committed: report.committed += 1
      case .unchanged: report.unchanged += 1
      case .refused(let reason): report.refuse(LineError(line: line, reason), keeping: keptRefusals)
      }
    }
  }
}
