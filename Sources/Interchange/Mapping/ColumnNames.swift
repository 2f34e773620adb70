package import StoreModel

/// What a file's columns, or the members of its JSON objects, are called here, for files that come from elsewhere.
package struct ColumnNames: Sendable {
  /// Fields by the file's own names for them.
  private(set) var renamed: [String: String] = [:]
  private(set) var ignored: Set<String> = []

  package init() {}

  var isPlain: Bool { renamed.isEmpty && ignored.isEmpty }

  func ignores(_ name: String) -> Bool { ignored.contains(name) }
  func field(of name: String) -> String { renamed[name] ?? name }

  /// Adds pairs such as `Artikelnr=id,Bezeichnung=name`. A pair with a comma in it stands in quotation marks, as in CSV.
  package mutating func rename(_ list: String) throws(MappingError) {
    for pair in try Self.items(list) {
      // A field's name has no “=”; a column's may.
      guard let equals = pair.utf8.lastIndex(of: UInt8(ascii: "=")), equals > pair.startIndex,
        pair.utf8.index(after: equals) < pair.endIndex
      else { throw MappingError(nil, "found \(quoted(pair)) in --map, expected COLUMN=FIELD") }
      let column = String(pair[..<equals])
      guard renamed.updateValue(String(pair[pair.utf8.index(after: equals)...]), forKey: column) == nil else {
        throw MappingError(nil, "--map names the column \(quoted(column)) twice")
      }
    }
  }

  package mutating func ignore(_ list: String) throws(MappingError) {
    ignored.formUnion(try Self.items(list))
  }

  private static func items(_ list: String) throws(MappingError) -> [String] {
    var reader = CSVReader()
    var rows: [CSVReader.Row] = []
    reader.read(list.utf8, into: &rows)
    reader.finish(into: &rows)
    guard rows.count == 1, case .success(let items) = rows[0].content, !items.contains("") else {
      throw MappingError(nil, "found \(quoted(list)), expected names with commas between them")
    }
    return items
  }

  func check() throws(MappingError) {
    if let both = renamed.keys.filter(ignored.contains).min() {
      throw MappingError(nil, "--map and --ignore both name \(quoted(both)); expected one of them")
    }
    let fields = renamed.values.sorted()
    if let twice = zip(fields, fields.dropFirst()).first(where: { $0 == $1 })?.0 {
      throw MappingError(nil, "--map gives two columns to \(quoted(twice)), expected one")
    }
  }

  /// Every name that was given is one of the file's: else it is misspelt, and its column would be missed.
  func check(areIn header: [String]) throws(MappingError) {
    guard let missing = (Array(renamed.keys) + ignored).filter({ !header.contains($0) }).min() else { return }
    let columns = header.prefix(InterchangeLimits.quotedColumns).map(quoted).joined(separator: ", ")
    throw MappingError(
      nil,
      "found no column \(quoted(missing)), which --map or --ignore names; the file's columns are: \(columns)"
        + (header.count > InterchangeLimits.quotedColumns ? " and more" : ""))
  }
}

/// A row as a write, and what a person should know about it that is no reason to refuse it.
package struct MappedRecord: Sendable {
  package var write: RecordWrite
  package var note: String?
}
