import StoreModel

extension EntitySchema {
  /// The field in which a record carries the currency of its amounts; without one they are in the store's.
  var currencyField: FieldSchema? {
    fields.first { $0.name == "currency" && $0.type == .text && fields.contains { $0.type == .money } }
  }

  package var hasMoney: Bool { fields.contains { $0.type == .money } }
}
