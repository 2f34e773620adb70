package import TextEncoding

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
  /// Has the sink check every line, and commits nothing.
  package var isDryRun = false
  package var batchCount: Int
  package var keptRefusals = InterchangeLimits.keptRefusals
  /// How times without an offset in sales are read; records have theirs in their mapper.
  package var form = ValueForm()
  /// Whether lines keep their text, which `rejects` needs.
  fileprivate(set) var keepsText = false

  package init(_ content: Content) {
    self.content = content
    if case .salesInJSONLines = content {
      batchCount = InterchangeLimits.saleBatchCount
    } else {
      batchCount = InterchangeLimits.batchCount
    }
  }

  /// - Parameters:
  ///   - nextChunk: the next bytes of the file; nil or none at its end.
  ///   - converter: to UTF-8; nil for a file that is.
  ///   - rejects: gets the bytes of a file of refused lines, in several parts.
  ///   - progress: called after every chunk and batch.
  package func run(
    reading nextChunk: () throws -> [UInt8]?, converting converter: TextConverter? = nil, into sink: any ImportSink,
    rejects: (([UInt8]) throws -> Void)? = nil, progress: (ImportReport) -> Void = { _ in }
  ) throws(ImportError) -> ImportReport {
    var importer = self
    importer.keepsText = rejects != nil
    var pipeline = ImportPipeline(importer, converter: converter)
    var batch = ImportBatch(importer)
    func submit() throws(ImportError) {
      let rejected = try batch.submit(to: sink, progress)
      guard let rejects, !rejected.isEmpty else { return }
      do {
        try rejects(pipeline.rejectsBytes(rejected))
      } catch {
        throw ImportError(.rejects, "the refused lines could not be written: \(error)", batch.report)
      }
    }
    while true {
      let chunk = try read(nextChunk, batch.report)
      batch.report.bytes += chunk?.count ?? 0
      let lines = try pipeline.lines(in: chunk, batch.report)
      for line in lines {
        if batch.add(line) { try submit() }
      }
      guard chunk != nil else { break }
      progress(batch.report)
    }
    try submit()
    return batch.report
  }

  private func read(_ nextChunk: () throws -> [UInt8]?, _ report: ImportReport) throws(ImportError) -> [UInt8]? {
    do {
      return try nextChunk().flatMap { $0.isEmpty ? nil : $0 }
    } catch is ImportInterruption {
      throw ImportError(.interrupted, "interrupted", report)
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
  private let keepsText: Bool
  private var items: [ImportItem] = []
  /// Of the items, with their texts if those are kept.
  private var lines: [(line: Int, text: [UInt8]?)] = []
  private var rejected: [RejectsWriter.Rejected] = []
  private var byteCount = 0
  /// The last line that was read, good or bad.
  private var lastLine = 0

  init(_ importer: Importer) {
    batchCount = max(1, importer.batchCount)
    keptRefusals = max(0, importer.keptRefusals)
    keepsText = importer.keepsText
    report.isDryRun = importer.isDryRun
  }

  /// True if the batch is to be submitted.
  mutating func add(_ line: SourceLine<MappedItem>) -> Bool {
    report.read += 1
    lastLine = line.line
    switch line.content {
    case .failure(let error):
      refuse(error, line.text)
      if keepsText { byteCount += line.text?.count ?? 0 }
    case .success(let mapped):
      if let note = mapped.note { report.note(LineError(line: line.line, note), keeping: keptRefusals) }
      items.append(mapped.item)
      lines.append((line.line, line.text))
      byteCount += line.byteCount
    }
    return items.count + rejected.count >= batchCount || byteCount >= InterchangeLimits.batchBytes
  }

  private mutating func refuse(_ error: LineError, _ text: [UInt8]?) {
    report.refuse(error, keeping: keptRefusals)
    if keepsText { rejected.append(RejectsWriter.Rejected(error: error, text: text)) }
  }

  /// Returns what was refused, in the order of the file.
  mutating func submit(
    to sink: any ImportSink, _ progress: (ImportReport) -> Void
  ) throws(ImportError) -> [RejectsWriter.Rejected] {
    if !items.isEmpty { try commit(to: sink) }
    report.lastLine = lastLine
    report.refusals.sort { $0.line < $1.line }
    items.removeAll(keepingCapacity: true)
    lines.removeAll(keepingCapacity: true)
    byteCount = 0
    progress(report)
    defer { rejected.removeAll(keepingCapacity: true) }
    return rejected.sorted { $0.error.line < $1.error.line }
  }

  private mutating func commit(to sink: any ImportSink) throws(ImportError) {
    let outcomes: [ImportOutcome]
    do {
      outcomes = try sink.submit(items, isDryRun: report.isDryRun)
    } catch {
      let range = "lines \(lines[0].line) to \(lines[lines.count - 1].line) may be committed or not"
      throw ImportError(.sink, "\(error); \(range)", report)
    }
    guard outcomes.count == items.count else {
      throw ImportError(.sink, "found \(outcomes.count) outcomes for \(items.count) items", report)
    }
    for (line, outcome) in zip(lines, outcomes) {
      switch outcome {
      case .committed where report.isDryRun: report.wouldCommit += 1
      case .committed: report.committed += 1
      case .unchanged: report.unchanged += 1
      case .refused(let reason): refuse(LineError(line: line.line, reason), line.text)
      }
    }
  }
}
