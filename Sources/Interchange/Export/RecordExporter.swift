import Base
import JSON
import Retail
package import StoreModel

/// Writes records as a file that `RecordMapper` reads back: CSV or JSON Lines, a record a row or line.
///
/// It leaves out what a file cannot set: counters (unless asked for them) and bytes in custom fields. CSV has no empty
/// text and no null: a cell without contents says nothing about its field. JSON Lines has both.
package struct RecordExporter: Sendable {
  package enum Format: String, Sendable, CaseIterable {
    case csv
    case jsonl
  }

  /// Custom fields that the records have, which become columns: found by a first pass over them.
  package struct CustomColumns: Sendable {
    fileprivate var texts: Set<String> = []
    fileprivate var integers: Set<String> = []

    package init() {}

    package mutating func note(_ contents: [FieldTag: FieldContent]) {
      for case .customFields(let fields) in contents.values {
        for field in fields {
          switch field.value {
          case .text: texts.insert(field.key)
          case .integer: integers.insert(field.key)
          case .bytes, .null: break
          }
        }
      }
    }
  }

  private enum Column {
    case id
    case field(FieldSchema)
    case text(FieldSchema, key: String)
    case integer(FieldSchema, key: String)

    var name: String {
      switch self {
      case .id: RecordMapper.idColumn
      case .field(let field): field.name
      case .text(let field, let key): "\(field.name).\(key)"
      case .integer(let field, let key): "\(field.name)#\(key)"
      }
    }
  }

  private let entity: EntitySchema
  private let format: Format
  private let form: ValueForm
  private let guardsFormulas: Bool
  private let columns: [Column]
  private let custom: CustomColumns

  /// - Parameters:
  ///   - guardsFormulas: puts an apostrophe before a text that a spreadsheet would take for a formula. Such a file does
  ///     not import as it was.
  package init(
    _ entity: EntitySchema, _ format: Format, form: ValueForm, withCounters: Bool = false, guardsFormulas: Bool = false,
    custom: CustomColumns = CustomColumns()
  ) {
    self.entity = entity
    self.format = format
    self.form = form
    self.guardsFormulas = guardsFormulas
    self.custom = custom
    var columns: [Column] = [.id]
    for field in entity.fields {
      switch field.rule {
      case .counter: if withCounters { columns.append(.field(field)) }
      case .customFields where format == .csv:
        columns += custom.texts.sorted().map { .text(field, key: $0) }
        columns += custom.integers.sorted().map { .integer(field, key: $0) }
      default: columns.append(.field(field))
      }
    }
    self.columns = columns
  }

  /// What stands before the first record.
  package var header: String { format == .csv ? CSVText.row(columns.map(\.name)) : "" }

  package func text(
    of id: RecordID, _ contents: [FieldTag: FieldContent]
  ) throws(MappingError) -> String {
    let place = place(of: contents)
    switch format {
    case .csv:
      try checkCustom(contents)
      var cells: [String] = []
      cells.reserveCapacity(columns.count)
      for column in columns { cells.append(try cell(column, id, contents, place)) }
      return CSVText.row(cells)
    case .jsonl:
      var bytes: [UInt8] = []
      try append(id, to: &bytes, place) { _, tag in contents[tag] }
      return String(decoding: bytes, as: UTF8.self) + "\n"
    }
  }

  /// Writes the JSON object of a record, with amounts in minor units.
  /// - Parameter contents: of each field of the entity, in its order.
  package func append(_ id: RecordID, _ contents: [FieldContent], to bytes: inout [UInt8]) throws(MappingError) {
    try append(id, to: &bytes, place(of: [:])) { index, _ in index < contents.count ? contents[index] : nil }
  }

  /// The JSON of one plain value of a field.
  package func json(_ value: Value, of field: FieldSchema) throws(MappingError) -> String {
    var bytes: [UInt8] = []
    try append(value, field, place(of: [:]), to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The columns were found by an earlier look at the records, which may have changed since.
  private func checkCustom(_ contents: [FieldTag: FieldContent]) throws(MappingError) {
    var new = CustomColumns()
    new.note(contents)
    guard new.texts.isSubset(of: custom.texts), new.integers.isSubset(of: custom.integers) else {
      throw MappingError(nil, "it was given a custom field that none had when the export began; export again")
    }
  }

  private func place(of contents: [FieldTag: FieldContent]) -> RecordPlace {
    var store: UInt32?
    if let owner = entity.owner, case .value(.integer(let number))? = contents[owner] {
      store = UInt32(exactly: number)
    }
    var currency: String?
    if let field = entity.currencyField, case .value(.text(let code))? = contents[field.tag] { currency = code }
    return RecordPlace(form, store: store, currency: currency)
  }

  // MARK: CSV

  private func cell(
    _ column: Column, _ id: RecordID, _ contents: [FieldTag: FieldContent], _ place: RecordPlace
  ) throws(MappingError) -> String {
    switch column {
    case .id: return guarded(entity.identity.text(of: id))
    case .text(let field, let key):
      guard case .text(let text)? = custom(key, contents[field.tag]) else { return "" }
      return guarded(text)
    case .integer(let field, let key):
      guard case .integer(let number)? = custom(key, contents[field.tag]) else { return "" }
      return String(number)
    case .field(let field):
      switch contents[field.tag] {
      case .value(let value)?: return try cell(value, field, place)
      case .set(let values)?:
        var elements: [String] = []
        for value in values { elements.append(try written(value, field, place)) }
        return guarded(ElementList.join(elements))
      case .counter(let sum)?: return String(sum)
      case .customFields?, nil: return ""
      }
    }
  }

  private func cell(_ value: Value, _ field: FieldSchema, _ place: RecordPlace) throws(MappingError) -> String {
    let text = try written(value, field, place)
    // A number is none that could be a formula.
    if case .integer = value { return text }
    return guarded(text)
  }

  private func custom(_ key: String, _ content: FieldContent?) -> Value? {
    guard case .customFields(let fields)? = content else { return nil }
    return fields.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  private func guarded(_ text: String) -> String {
    guard guardsFormulas, let first = text.utf8.first, "=+-@\t\r\n".utf8.contains(first) else { return text }
    return "'" + text
  }

  // MARK: JSON

  private func append(
    _ id: RecordID, to bytes: inout [UInt8], _ place: RecordPlace, content: (Int, FieldTag) -> FieldContent?
  ) throws(MappingError) {
    bytes.append(UInt8(ascii: "{"))
    var index = -1
    for column in columns {
      switch column {
      case .id:
        append(name: column.name, to: &bytes)
        JSONText.append(.string(entity.identity.text(of: id)), to: &bytes)
      case .field(let field):
        // Columns are in the fields' order; some fields may have none.
        repeat { index += 1 } while index < entity.fields.count && entity.fields[index].tag != field.tag
        guard let content = content(index, field.tag), says(content) else { continue }
        append(name: column.name, to: &bytes)
        try append(content, field, place, to: &bytes)
      case .text, .integer: continue
      }
    }
    bytes.append(UInt8(ascii: "}"))
  }

  private func append(name: String, to bytes: inout [UInt8]) {
    if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
    JSONText.append(.string(name), to: &bytes)
    bytes.append(UInt8(ascii: ":"))
  }

  /// Whether there is anything to write: a field without contents is left out.
  private func says(_ content: FieldContent) -> Bool {
    switch content {
    case .value(let value): !value.isNull
    case .set(let values): !values.isEmpty
    case .counter: true
    case .customFields(let fields): fields.contains { Self.isWritten($0.value) }
    }
  }

  private static func isWritten(_ value: Value) -> Bool {
    switch value {
    case .text, .integer: true
    case .bytes, .null: false
    }
  }

  private func append(
    _ content: FieldContent, _ field: FieldSchema, _ place: RecordPlace, to bytes: inout [UInt8]
  ) throws(MappingError) {
    switch content {
    case .value(let value): try append(value, field, place, to: &bytes)
    case .set(let values):
      bytes.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        try append(value, field, place, to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .counter(let sum): bytes += String(sum).utf8
    case .customFields(let fields):
      bytes.append(UInt8(ascii: "{"))
      for field in fields where Self.isWritten(field.value) {
        append(name: field.key, to: &bytes)
        switch field.value {
        case .integer(let number): bytes += String(number).utf8
        case .text(let text): JSONText.append(.string(text), to: &bytes)
        case .bytes, .null: break
        }
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private func append(
    _ value: Value, _ field: FieldSchema, _ place: RecordPlace, to bytes: inout [UInt8]
  ) throws(MappingError) {
    let text = try written(value, field, place)
    switch field.type {
    case .integer, .quantity, .boolean: bytes += text.utf8
    // Decimals as text: many readers of JSON would make them floating point.
    case .money where form.money == .minor: bytes += text.utf8
    case .text, .money, .timestamp, .day, .choice, .reference, .identifier:
      JSONText.append(.string(text), to: &bytes)
    }
  }

  // MARK: Values

  /// The text that reading makes the same value of.
  private func written(_ value: Value, _ field: FieldSchema, _ place: RecordPlace) throws(MappingError) -> String {
    switch (field.type, value) {
    case (_, .null): return ""
    case (.money, .integer(let amount)) where form.money == .decimal:
      do throws(MappingError) {
        return DecimalAmount.text(of: amount, decimals: try place.moneyDecimals().decimals)
      } catch {
        throw MappingError(field.name, error.reason)
      }
    case (.boolean, .integer(let bit)): return bit == 0 ? "false" : "true"
    case (.timestamp, .integer(let milliseconds)): return timestamp(WallTime(milliseconds: milliseconds))
    case (.day, .integer(let number)): return day(number)
    case (.reference(_, let identity), let value), (.identifier(let identity), let value):
      return identity.id(from: value).map(identity.text) ?? ""
    case (_, .integer(let number)): return String(number)
    case (_, .text(let text)): return text
    case (_, .bytes(let bytes)): return Hex.encode(bytes)
    }
  }

  /// With the offset of the zone that was asked for, else in UTC.
  private func timestamp(_ time: WallTime) -> String {
    guard let calendar = form.calendar else { return RFC3339.format(time) }
    let seconds = calendar.offsetSeconds(at: time)
    // Local mean times of long ago had seconds, which no offset in text has.
    return seconds % 60 == 0 ? RFC3339.format(time, offsetMinutes: seconds / 60) : RFC3339.format(time)
  }

  private func day(_ number: Int64) -> String {
    let digits = String(repeating: "0", count: max(0, 8 - String(number).utf8.count)) + String(number)
    guard digits.utf8.count == 8, number > 0 else { return digits }
    let bytes = Array(digits.utf8)
    let hyphen = UInt8(ascii: "-")
    return String(decoding: bytes[..<4] + [hyphen] + bytes[4..<6] + [hyphen] + bytes[6...], as: UTF8.self)
  }
}
