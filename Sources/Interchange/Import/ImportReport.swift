/// How far an import has come, and what became of the lines.
package struct ImportReport: Hashable, Sendable {
  /// Rows or lines with contents, bad ones included; the header of a CSV file is none.
  package var read = 0
  /// In a dry run, always 0.
  package var committed = 0
  package var unchanged = 0
  /// In a dry run: lines that would be committed.
  package var wouldCommit = 0
  package var refused = 0
  /// The first refusals, in the order of the file.
  package var refusals: [LineError] = []
  /// What a person should know about lines that were not refused; the first of them.
  package var notes: [LineError] = []
  package var noted = 0
  /// Bytes of the file that were read, for a progress bar.
  package var bytes = 0
  /// Every line up to this one has its outcome; 0 before the first.
  package var lastLine = 0
  package var isDryRun = false

  package init() {}

  mutating func refuse(_ error: LineError, keeping limit: Int) {
    refused += 1
    if refusals.count < limit { refusals.append(error) }
  }

  mutating func note(_ note: LineError, keeping limit: Int) {
    noted += 1
    if notes.count < limit { notes.append(note) }
  }
}

/// Why an import could not go on, and how far it came.
package struct ImportError: Error, Sendable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable {
    /// The file's form does not fit what it is imported as; nothing was imported.
    case unfit
    /// The file could not be read on.
    case source
    /// What commits could not go on.
    case sink
    /// The rejects could not be written.
    case rejects
    /// Somebody stopped it.
    case interrupted
  }

  package var code: Code
  package var reason: String
  package var report: ImportReport

  package init(_ code: Code, _ reason: String, _ report: ImportReport) {
    self.code = code
    self.reason = reason
    self.report = report
  }

  package var description: String {
    guard code != .unfit else { return "\(reason); nothing was imported" }
    let place = report.lastLine == 0 ? "before the first line was done" : "after line \(report.lastLine)"
    guard !report.isDryRun else { return "the dry run stopped \(place): \(reason); nothing was imported" }
    return "the import stopped \(place): \(reason); \(report.committed) committed, \(report.unchanged) unchanged, "
      + "\(report.refused) refused. Running it again is safe: what is there already is left as it is"
  }
}

/// What the source of an import throws when somebody has stopped it.
package struct ImportInterruption: Error {
  package init() {}
}
