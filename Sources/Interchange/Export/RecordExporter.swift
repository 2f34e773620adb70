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
    case .jsonl: return try object(of: id, contents) + "\n"
    }
  }

  /// The JSON object of a record.
  package func object(of id: RecordID, _ contents: [FieldTag: FieldContent]) throws(MappingError) -> String {
    let place = place(of: contents)
    var members: [String] = []
    for column in columns {
      guard let value = try json(column, id, contents, place) else { continue }
      members.append("\(JSONText.quoted(column.name)):\(value)")
    }
    return "{\(members.joined(separator: ","))}"
  }

  /// The JSON of one plain value of a field.
  package func json(_ value: Value, of field: FieldSchema) throws(MappingError) -> String {
    try json(value, field, place(of: [:]))
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

  private func json(
    _ column: Column, _ id: RecordID, _ contents: [FieldTag: FieldContent], _ place: RecordPlace
  ) throws(MappingError) -> String? {
    guard case .field(let field) = column else { return JSONText.quoted(entity.identity.text(of: id)) }
    switch contents[field.tag] {
    case .value(.null)?, nil: return nil
    case .value(let value)?: return try json(value, field, place)
    case .set(let values)?:
      guard !values.isEmpty else { return nil }
      var elements: [String] = []
      for value in values { elements.append(try json(value, field, place)) }
      return "[\(elements.joined(separator: ","))]"
    case .counter(let sum)?: return String(sum)
    case .customFields(let fields)?:
      let members: [String] = fields.compactMap { field in
        switch field.value {
        case .text(let text): "\(JSONText.quoted(field.key)):\(JSONText.quoted(text))"
        case .integer(let number): "\(JSONText.quoted(field.key)):\(number)"
        case .bytes, .null: nil
        }
      }
      return members.isEmpty ? nil : "{\(members.joined(separator: ","))}"
    }
  }

  private func json(_ value: Value, _ field: FieldSchema, _ place: RecordPlace) throws(MappingError) -> String {
    let text = try written(value, field, place)
    switch field.type {
    case .integer, .quantity, .boolean: return text
    // Decimals as text: many readers of JSON would make them floating point.
    case .money where form.money == .minor: return text
    case .text, .money, .timestamp, .day, .choice, .reference, .identifier: return JSONText.quoted(text)
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
    return "\(digits.prefix(4))-\(digits.dropFirst(4).prefix(2))-\(digits.suffix(2))"
  }
}
