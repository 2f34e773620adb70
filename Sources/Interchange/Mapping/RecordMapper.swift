package import StoreModel

/// Makes writes of an entity from the rows of a file, whose columns or members are named like the entity's fields.
///
/// What a row does not name stays as it is: an empty CSV cell, an absent JSON member. JSON's null takes a value away.
/// `id` is the record's id in its text form; an entity whose id is composed of fields needs no `id`, and if both are
/// there they must agree.
///
/// For an entity with UUIDs, an `id` that is none is the source's own key, and the record's id derives from it; so does
/// it from the columns named in `keyColumns`, for files that know no id. Either way, importing again finds the same
/// records.
package struct RecordMapper: Sendable {
  package let entity: EntitySchema
  /// Together they tell the rows of the file apart. They need not be fields.
  let keyColumns: [String]
  let names: ColumnNames
  let form: ValueForm

  package init(
    _ entity: EntitySchema, keyColumns: [String] = [], names: ColumnNames = ColumnNames(), form: ValueForm = ValueForm()
  ) throws(MappingError) {
    guard keyColumns.isEmpty || entity.identity == .uuid else {
      throw MappingError(nil, "\(entity.name) has ids of its own, so key columns have no use; name the column id")
    }
    self.entity = entity
    self.keyColumns = keyColumns
    self.names = names
    self.form = form
    try names.check()
    for (_, field) in names.renamed.sorted(by: { $0.key < $1.key }) { try checkTarget(field) }
  }

  private func checkTarget(_ name: String) throws(MappingError) {
    let custom = entity.fields.first { $0.rule == .customFields }?.name
    let isCustom = custom.map { name.hasPrefix("\($0).") || name.hasPrefix("\($0)#") } ?? false
    guard isCustom || knownColumns.contains(name) else { throw unknown(name) }
  }

  static let idColumn = "id"

  /// The names that a file may use, for messages.
  var knownColumns: [String] {
    var names = [Self.idColumn]
    for field in entity.fields {
      switch field.rule {
      case .counter: break
      case .customFields: names += ["\(field.name).KEY", "\(field.name)#KEY"]
      default: names.append(field.name)
      }
    }
    return names + keyColumns.filter { !names.contains($0) }
  }

  func unknown(_ column: String) -> MappingError {
    MappingError(
      nil, "\(entity.name) has no field \(quoted(column)); known are: \(knownColumns.joined(separator: ", "))",
      code: .unknown)
  }

  /// The place of a row, from the texts of its store, its id and its currency.
  func place(store: String?, id: String?, currency: String?) -> RecordPlace {
    RecordPlace(form, store: storeNumber(store, id), currency: currency)
  }

  private func storeNumber(_ store: String?, _ id: String?) -> UInt32? {
    if let store, !store.isEmpty { return UInt32(store) }
    // The store may be part of the id.
    guard let owner = entity.owner, let index = entity.identityFields.firstIndex(of: owner), let id else { return nil }
    let parts = id.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return index < parts.count ? UInt32(String(decoding: parts[index], as: UTF8.self)) : nil
  }

  /// The field in which a record carries its own currency.
  var currencyField: String? { entity.currencyField?.name }

  /// The field that says which store a record is of.
  var storeField: String? { entity.owner.flatMap(entity.field)?.name }

  func counterRefusal(_ field: FieldSchema) -> MappingError {
    MappingError(
      field.name,
      "a counter, which grows by what happens in the shops; a file can't set it: leave it out, or --ignore it")
  }

  /// One element of a `set` field only once: writing it twice would say nothing more.
  func elements(_ values: [Value], of field: FieldSchema) throws(MappingError) -> FieldEdit {
    guard values.count <= ModelLimits.collectionCount else {
      throw MappingError(
        field.name, "found \(values.count) elements, expected at most \(ModelLimits.collectionCount)")
    }
    var seen: Set<Value> = []
    let distinct = values.filter { seen.insert($0).inserted }
    return .replaceElements(distinct)
  }

  func checkCustomKey(_ key: String, of field: FieldSchema) throws(MappingError) {
    let isPlain = key.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    guard (1...ModelLimits.keyBytes).contains(key.utf8.count), isPlain else {
      throw MappingError(
        field.name,
        "found a key of \(key.utf8.count) bytes\(isPlain ? "" : " with control characters"), "
          + "expected 1 to \(ModelLimits.keyBytes) bytes without control characters")
    }
  }

  func checkRequired(_ value: Value, of field: FieldSchema) throws(MappingError) {
    guard field.isRequired, value.isNull else { return }
    throw MappingError(field.name, "every \(entity.name) needs a value, which null would take away", code: .missing)
  }

  /// A plain value as a question names it, in the form that a file has.
  package func value(ofText text: String, of field: FieldSchema) throws(MappingError) -> Value {
    var place = RecordPlace(form, store: nil, currency: nil)
    return try field.value(ofCell: text, at: &place)
  }
}
