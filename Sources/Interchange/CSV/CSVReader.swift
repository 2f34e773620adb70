/// Reads CSV (RFC 4180) from chunks of any size, in the memory of one chunk and one row.
///
/// UTF-8 with or without a byte order mark; rows end with CRLF, LF or CR; the first row fixes the number of columns.
/// Cells are kept as they are, spaces and leading zeros included. Empty lines are skipped. A malformed row becomes an
/// error with the line where it starts, and reading goes on with the next.
///
/// A quotation mark that nobody closed swallows the lines up to the next one in the file. So if a malformed row spans
/// several lines, reading goes on with the second of them, and no good row is lost to a neighbour's mistake.
package struct CSVReader: Sendable {
  package typealias Row = SourceLine<[String]>

  private enum State {
    /// Nothing has been read, not even a byte order mark.
    case fileStart
    case cellStart, unquoted, quoted
    /// Behind a quotation mark that closes the cell, unless a second one follows.
    case quoteInQuoted
    /// In the rest of a line that was refused.
    case skipping
  }

  /// A cell's bytes in the buffer, without its quotation marks.
  private struct Cell {
    var range: Range<Int>
    var hasEscapes: Bool
  }

  private var state = State.fileStart
  /// What was read and is still needed: all from the start of the row on.
  private var buffer: [UInt8] = []
  private var scan = 0
  private var line = 1
  /// The last byte was a carriage return, so a line feed belongs to the same line break.
  private var isAfterReturn = false

  // Of the current row.
  private var rowStart = 0
  private var rowLine = 1
  private var cells: [Cell] = []
  private var cellStart = 0
  private var hasEscapes = false
  /// Where the row's second line starts, if a line break stands within quotation marks.
  private var secondLine: Int?

  private var columnCount: Int?
  /// Where the buffer starts in the text.
  private var bufferOffset = 0
  /// Rows come with their text.
  private let keepsText: Bool
  /// A refused row whose line has not ended, and its text so far.
  private var refused: Row?

  package init(keepsText: Bool = false) {
    self.keepsText = keepsText
  }

  /// - Parameter rows: gets the rows that end in this chunk.
  package mutating func read(_ chunk: some Sequence<UInt8>, into rows: inout [Row]) {
    buffer.append(contentsOf: chunk)
    if state == .fileStart {
      let mayBeMark = buffer.count < byteOrderMark.count && byteOrderMark.starts(with: buffer)
      if mayBeMark { return }
      startFile()
    }
    parse(into: &rows)
    compact()
  }

  /// The file has ended; its last row needs no line break.
  package mutating func finish(into rows: inout [Row]) {
    if state == .fileStart { startFile() }
    parse(into: &rows)
    while true {
      switch state {
      case .fileStart:
        startRow()
      case .skipping:
        endRefused(at: buffer.count, into: &rows)
        startRow()
      case .quoted:
        refuse("a quotation mark opens a field and is never closed; close it", into: &rows)
        parse(into: &rows)
      case .cellStart where cells.isEmpty:
        compact()
        return
      case .cellStart, .unquoted, .quoteInQuoted:
        endCell(at: buffer.count)
        endRow(into: &rows)
      }
    }
  }

  private mutating func startFile() {
    if buffer.starts(with: byteOrderMark) { scan = byteOrderMark.count }
    startRow()
  }

  private mutating func parse(into rows: inout [Row]) {
    while scan < buffer.count {
      if isAfterReturn {
        isAfterReturn = false
        if buffer[scan] == UInt8(ascii: "\n") {
          takeLineFeedAfterReturn()
          continue
        }
      }
      step(buffer[scan], into: &rows)
    }
  }

  private mutating func takeLineFeedAfterReturn() {
    if secondLine == scan { secondLine = scan + 1 }
    scan += 1
    if state == .cellStart, cells.isEmpty { startRow() }
  }

  private mutating func step(_ byte: UInt8, into rows: inout [Row]) {
    scan += 1
    let isBreak = byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    if isBreak {
      line += 1
      isAfterReturn = byte == UInt8(ascii: "\r")
    }
    switch state {
    case .fileStart:
      return
    case .skipping:
      if isBreak {
        endRefused(at: scan - 1, into: &rows)
        startRow()
      }
      return
    case .quoted:
      if byte == UInt8(ascii: "\"") { state = .quoteInQuoted }
      if isBreak, secondLine == nil { secondLine = scan }
    case .quoteInQuoted where byte == UInt8(ascii: "\""):
      hasEscapes = true
      state = .quoted
    case .cellStart, .unquoted, .quoteInQuoted:
      if isBreak {
        endCell(at: scan - 1)
        endRow(into: &rows)
        return
      }
      stepOutsideQuotes(byte, into: &rows)
    }
    checkLimits(into: &rows)
  }

  private mutating func stepOutsideQuotes(_ byte: UInt8, into rows: inout [Row]) {
    switch (byte, state) {
    case (UInt8(ascii: ","), _):
      endCell(at: scan - 1)
    case (_, .quoteInQuoted):
      refuse("more follows a closing quotation mark; double the quotation marks within a field", into: &rows)
    case (UInt8(ascii: "\""), .cellStart):
      cellStart = scan
      state = .quoted
    case (UInt8(ascii: "\""), _):
      refuse(
        "a quotation mark stands within a field that does not begin with one; put the field in quotation marks and "
          + "double those within", into: &rows)
    default:
      state = .unquoted
    }
  }

  private mutating func startRow() {
    state = .cellStart
    rowStart = scan
    rowLine = line
    cells.removeAll(keepingCapacity: true)
    cellStart = scan
    hasEscapes = false
    secondLine = nil
  }

  private mutating func endCell(at index: Int) {
    let end = state == .quoteInQuoted ? index - 1 : index
    cells.append(Cell(range: cellStart..<end, hasEscapes: hasEscapes))
    cellStart = index + 1
    hasEscapes = false
    state = .cellStart
  }

  private mutating func endRow(into rows: inout [Row]) {
    let isEmptyLine = cells.count == 1 && cells[0].range == rowStart..<rowStart
    if !isEmptyLine {
      rows.append(
        Row(
          line: rowLine, offset: bufferOffset + rowStart, byteCount: scan - rowStart, content(),
          text: keepsText ? text(from: rowStart, to: scan) : nil))
    }
    columnCount = columnCount ?? (isEmptyLine ? nil : cells.count)
    startRow()
  }

  private mutating func refuse(_ reason: String, into rows: inout [Row]) {
    let column = scan - rowStart
    let error =
      secondLine == nil
      ? LineError(line: rowLine, column: column, reason)
      : LineError(line: rowLine, "\(reason); noticed in line \(line), reading goes on with line \(rowLine + 1)")
    var row = Row(line: rowLine, offset: bufferOffset + rowStart, byteCount: column, .failure(error))
    guard let secondLine else {
      // The line break that ended the row early is not part of it.
      if keepsText { row.text = Array(buffer[rowStart..<scan]) }
      refused = row
      state = .skipping
      rowStart = scan
      return
    }
    // Reading goes on behind its first line.
    row.byteCount = secondLine - rowStart
    if keepsText { row.text = text(from: rowStart, to: secondLine) }
    rows.append(row)
    scan = secondLine
    line = rowLine + 1
    isAfterReturn = false
    startRow()
  }

  /// The refused row's line has ended.
  private mutating func endRefused(at index: Int, into rows: inout [Row]) {
    keepRefused(to: index)
    if let refused { rows.append(refused) }
    refused = nil
  }

  private mutating func keepRefused(to index: Int) {
    guard var text = refused?.text, index > rowStart else { return }
    let isTooLong = text.count + index - rowStart > InterchangeLimits.rowBytes
    refused?.text = nil
    guard !isTooLong else { return }
    text += buffer[rowStart..<index]
    refused?.text = text
    rowStart = index
  }

  /// Without the line break at its end.
  private func text(from start: Int, to end: Int) -> [UInt8] {
    var text = buffer[start..<end]
    if text.last == UInt8(ascii: "\n") { text = text.dropLast() }
    if text.last == UInt8(ascii: "\r") { text = text.dropLast() }
    return Array(text)
  }

  private mutating func checkLimits(into rows: inout [Row]) {
    guard state != .skipping else { return }
    if scan - cellStart > InterchangeLimits.fieldBytes {
      refuse("found a field of more than \(InterchangeLimits.fieldBytes) bytes\(openQuoteHint)", into: &rows)
    } else if scan - rowStart > InterchangeLimits.rowBytes {
      refuse("found a row of more than \(InterchangeLimits.rowBytes) bytes\(openQuoteHint)", into: &rows)
    } else if cells.count >= InterchangeLimits.columnCount {
      refuse("found more than \(InterchangeLimits.columnCount) fields", into: &rows)
    }
  }

  private var openQuoteHint: String { state == .quoted ? "; is a quotation mark not closed?" : "" }

  private func content() -> Result<[String], LineError> {
    if let columnCount, cells.count != columnCount {
      let hint = secondLine == nil ? "" : "; the row holds line breaks in quotation marks"
      return .failure(
        LineError(line: rowLine, "found \(cells.count) fields, expected \(columnCount) as in the first row\(hint)"))
    }
    var texts: [String] = []
    texts.reserveCapacity(cells.count)
    for (number, cell) in zip(1..., cells) {
      guard let text = text(of: cell) else {
        return .failure(notUTF8(cell, number))
      }
      guard !text.utf8.contains(0) else {
        return .failure(LineError(line: rowLine, "field \(number) holds a NUL byte, which no text has; \(nulAdvice)"))
      }
      texts.append(text)
    }
    return .success(texts)
  }

  private func notUTF8(_ cell: Cell, _ number: Int) -> LineError {
    let bytes = buffer[cell.range]
    let column = cell.range.lowerBound - rowStart + (firstInvalidUTF8(bytes) ?? 0) + 1
    return LineError(
      line: rowLine, column: column, "found bytes in field \(number) that are not UTF-8; \(encodingAdvice(bytes))")
  }

  private func text(of cell: Cell) -> String? {
    guard cell.hasEscapes else { return String(validating: buffer[cell.range], as: UTF8.self) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(cell.range.count)
    var rest = buffer[cell.range]
    while let byte = rest.popFirst() {
      bytes.append(byte)
      // Within a cell quotation marks come in pairs.
      if byte == UInt8(ascii: "\"") { rest = rest.dropFirst() }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  /// Lets go of what is behind.
  private mutating func compact() {
    if state == .skipping { keepRefused(to: scan) }
    let done = state == .skipping ? scan : rowStart
    guard done > 0 else { return }
    buffer.removeFirst(done)
    bufferOffset += done
    scan -= done
    rowStart = max(0, rowStart - done)
    cellStart -= done
    secondLine = secondLine.map { $0 - done }
    cells = cells.map {
      Cell(range: $0.range.lowerBound - done..<$0.range.upperBound - done, hasEscapes: $0.hasEscapes)
    }
  }
}
