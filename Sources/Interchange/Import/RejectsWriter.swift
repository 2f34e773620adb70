import JSON

/// Writes refused lines so that a person can mend them: in CSV as they came, with a column for the reason, and the
/// header; in JSON Lines as `{"line":2,"reason":"…","input":…}`.
struct RejectsWriter: Sendable {
  /// A refused line, and its text if that is known.
  struct Rejected {
    var error: LineError
    var text: [UInt8]?
  }

  private enum Form {
    case csv(header: [UInt8], reasonColumn: String, columnCount: Int)
    case jsonLines
  }

  private let form: Form
  private var hasBegun = false

  /// For JSON Lines.
  init() { form = .jsonLines }

  /// For CSV.
  ///
  /// - Parameter names: the header's, and those of fields that the file leaves out.
  init(header: [UInt8], columns: [String], fields: [String]) {
    let taken = Set(columns + fields)
    let names = ["reason"] + (2...(taken.count + 2)).map { "reason\($0)" }
    let free = names.first { !taken.contains($0) } ?? "reason"
    form = .csv(
      header: header.starts(with: byteOrderMark) ? Array(header.dropFirst(byteOrderMark.count)) : header,
      reasonColumn: free, columnCount: columns.count)
  }

  mutating func bytes(for rejected: [Rejected]) -> [UInt8] {
    guard !rejected.isEmpty else { return [] }
    var bytes: [UInt8] = []
    if !hasBegun, case .csv(let header, let column, _) = form { bytes += header + Array(",\(column)\r\n".utf8) }
    hasBegun = true
    for line in rejected { bytes += self.line(line) }
    return bytes
  }

  private func line(_ rejected: Rejected) -> [UInt8] {
    // What is not UTF-8 is made visible; the line has to be looked up in the file anyway.
    let text = rejected.text.map { String(decoding: $0, as: UTF8.self) }
    switch form {
    case .csv(_, _, let columns):
      // A line that is too long to be kept is a row of empty fields; its reason says where it stands.
      let row = text ?? String(repeating: ",", count: columns - 1)
      return Array("\(row),\(CSVText.quoted(rejected.error.description))\r\n".utf8)
    case .jsonLines:
      // What is JSON stays JSON, so that it can be taken out and mended; what is none becomes a string.
      let isJSON = rejected.text.map { (try? JSONParser.parse($0[...])) != nil } ?? false
      let input = isJSON ? text : text.map(JSONText.quoted)
      let reason = JSONText.quoted(rejected.error.reason)
      return Array("{\"line\":\(rejected.error.line),\"reason\":\(reason),\"input\":\(input ?? "null")}\n".utf8)
    }
  }
}
