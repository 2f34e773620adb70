package import StoreModel

/// What each column of a CSV file is, found once from its header.
package struct CSVColumns: Sendable {
  enum Column: Sendable {
    case id
    case field(FieldSchema)
    case set(FieldSchema)
    case custom(FieldSchema, key: String)
    /// The same for whole numbers: a chain's own fields have no declared type, and `42` may be either.
    case customInteger(FieldSchema, key: String)
    /// Only part of the source's key, or of no use at all.
    case key
  }

  let columns: [Column]
  /// Where the mapper's key columns are, in its order.
  let keyIndexes: [Int]
  /// Where a row says which store and which currency it is of, and its id.
  let storeIndex: Int?
  let currencyIndex: Int?
  let idIndex: Int?
}

extension RecordMapper {
  /// Checks a header before anything is imported.
  package func columns(of header: [String]) throws(MappingError) -> CSVColumns {
    if header.count == 1, header[0].utf8.contains(where: { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: "\t") }) {
      throw MappingError(nil, "found one column, \(quoted(header[0])); separate columns by commas")
    }
    try names.check(areIn: header)
    var columns: [CSVColumns.Column] = []
    var names: Set<String> = []
    let header = header.map { self.names.ignores($0) && !keyColumns.contains($0) ? nil : self.names.field(of: $0) }
    for name in header {
      guard let name else {
        columns.append(.key)
        continue
      }
      guard names.insert(name).inserted else {
        throw MappingError(nil, "found two columns \(quoted(name)), expected one")
      }
      columns.append(try column(named: name))
    }
    func index(_ name: String?) -> Int? { name.flatMap { header.firstIndex(of: $0) } }
    let missing = keyColumns.filter { !names.contains($0) }
    guard missing.isEmpty else {
      throw MappingError(nil, "found no column “\(missing.joined(separator: "”, “"))”, which is to be part of the key")
    }
    try checkIdentity(names)
    return CSVColumns(
      columns: columns, keyIndexes: keyColumns.compactMap(index), storeIndex: index(storeField),
      currencyIndex: index(currencyField), idIndex: index(Self.idColumn))
  }

  private func column(named name: String) throws(MappingError) -> CSVColumns.Column {
    if name == Self.idColumn { return .id }
    if let field = entity.field(named: name) {
      switch field.rule {
      case .counter: throw counterRefusal(field)
      case .customFields:
        throw MappingError(name, "in CSV every custom field has a column of its own, named \(name).KEY")
      case .set: return .set(field)
      default: return .field(field)
      }
    }
    if let field = entity.fields.first(where: { $0.rule == .customFields }), name.hasPrefix("\(field.name).") {
      let key = String(name.dropFirst(field.name.count + 1))
      try checkCustomKey(key, of: field)
      return .custom(field, key: key)
    }
    if let field = entity.fields.first(where: { $0.rule == .customFields }), name.hasPrefix("\(field.name)#") {
      let key = String(name.dropFirst(field.name.count + 1))
      try checkCustomKey(key, of: field)
      return .customInteger(field, key: key)
    }
    guard keyColumns.contains(name) else { throw unknown(name) }
    return .key
  }

  private func checkIdentity(_ names: Set<String>) throws(MappingError) {
    guard !names.contains(Self.idColumn) else { return }
    switch entity.identity {
    case .key, .number:
      throw MappingError(nil, "found no column “id”, expected one with \(entity.identity.expectation)")
    case .uuid:
      guard keyColumns.isEmpty else { return }
      throw MappingError(
        nil,
        "found no column “id”; expected one with a UUID or the source's own key, "
          + "or key columns that together tell the rows apart")
    case .composed:
      let missing = entity.identityFields.compactMap { entity.field($0)?.name }.filter { !names.contains($0) }
      guard missing.isEmpty else {
        throw MappingError(nil, "found neither “id” nor “\(missing.joined(separator: "”, “"))”, which identify a row")
      }
    }
  }

  /// - Parameter cells: as many as the header had, which the reader has seen to.
  package func write(_ cells: [String], _ columns: CSVColumns) throws(MappingError) -> RecordWrite {
    try map(cells, columns).write
  }

  package func map(_ cells: [String], _ columns: CSVColumns) throws(MappingError) -> MappedRecord {
    func cell(_ index: Int?) -> String? { index.flatMap { cells[$0].isEmpty ? nil : cells[$0] } }
    var place = place(store: cell(columns.storeIndex), id: cell(columns.idIndex), currency: cell(columns.currencyIndex))
    var id: String?
    var writes: [FieldWrite] = []
    writes.reserveCapacity(cells.count)
    for (cell, column) in zip(cells, columns.columns) where !cell.isEmpty {
      switch column {
      case .id:
        id = cell
      case .field(let field):
        writes.append(FieldWrite(field.tag, .set(try field.value(ofCell: cell, at: &place))))
      case .set(let field):
        writes.append(FieldWrite(field.tag, try elements(self.elements(of: cell, field, at: &place), of: field)))
      case .custom(let field, let key):
        writes.append(FieldWrite(field.tag, .put(key: key, try field.value(ofCell: cell, at: &place))))
      case .customInteger(let field, let key):
        guard let number = Int64(cell), String(number) == cell else {
          throw MappingError("\(field.name)#\(key)", "found something else, expected a whole number in digits")
        }
        writes.append(FieldWrite(field.tag, .put(key: key, .integer(number))))
      case .key:
        break
      }
    }
    let keys = columns.keyIndexes.map { cells[$0] }
    return MappedRecord(write: try write(id: id, keys: keys, writes), note: place.note)
  }

  private func elements(
    of cell: String, _ field: FieldSchema, at place: inout RecordPlace
  ) throws(MappingError) -> [Value] {
    var values: [Value] = []
    for element in ElementList.split(cell) { values.append(try field.value(ofCell: element, at: &place)) }
    return values
  }
}
