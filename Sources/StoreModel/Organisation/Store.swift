/// A shop of the chain. Its id is the number of its node, so it names the shop in stamps and scopes as well.
package struct Store: Entity {
  package var id: RecordID
  package var name: String
  /// The chain's own code for the shop, as it stands on receipts and in imported files.
  package var code: String
  /// An IANA name such as `America/New_York`: business days are counted in it.
  package var timeZone: String
  /// ISO 4217, such as `USD`: amounts of this shop are in its minor units.
  package var currency: String
  package var region: String?

  package init(
    id: RecordID, name: String, code: String, timeZone: String, currency: String, region: String? = nil
  ) {
    self.id = id
    self.name = name
    self.code = code
    self.timeZone = timeZone
    self.currency = currency
    self.region = region
  }
}

extension Store {
  package enum Field: UInt16, CaseIterable {
    case name = 1
    case code = 2
    case timeZone = 3
    case currency = 4
    case region = 5
  }

  package static var tag: EntityTag { EntityTag(1) }
  package static var name: String { "store" }
  package static var table: String { "stores" }
  package static var identity: Identity { .number }
  package static var lane: Lane { .urgent }
  package static var scope: Scope<Field> { .everyone }
  package static var unique: [UniqueKey<Field>] { [UniqueKey("store_code", [.code])] }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .name: .init("name", .text, .latest, by: .hq, required: true)
    case .code: .init("code", .text, .latest, by: .hq, required: true)
    case .timeZone: .init("timeZone", .text, .latest, by: .hq, required: true)
    case .currency: .init("currency", .text, .latest, by: .hq, required: true)
    case .region: .init("region", .text, .latest, by: .hq)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .name: .text(name)
    case .code: .text(code)
    case .timeZone: .text(timeZone)
    case .currency: .text(currency)
    case .region: .text(region)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    self.id = id
    name = try fields.text(.name)
    code = try fields.text(.code)
    timeZone = try fields.text(.timeZone)
    currency = try fields.text(.currency)
    region = try fields.optionalText(.region)
  }
}
