/// A coupon code within a campaign. One code may be in several campaigns.
package struct Coupon: Entity {
  package var campaign: RecordID
  /// What the till scans: a natural key, with the limits of one.
  package var code: String
  package var description: String?

  package init(
    campaign: RecordID, code: String, description: String? = nil
  ) {
    self.campaign = campaign
    self.code = code
    self.description = description
  }
}

extension Coupon {
  package enum Field: UInt16, CaseIterable {
    case campaign = 1
    case code = 2
    case description = 3
  }

  package static var tag: EntityTag { EntityTag(7) }
  package static var name: String { "coupon" }
  package static var table: String { "coupons" }
  package static let identity = Identity.composed([.key, .key])
  package static var identityFields: [Field] { [.campaign, .code] }
  package static var scope: Scope<Field> { .everyone }
  /// A till scans a code, and has no campaign.
  package static var lookups: [[Field]] { [[.code]] }

  package var id: RecordID { Self.identity.joining([campaign, RecordID(key: code)]) }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .campaign: .init("campaign", .reference(to: Campaign.self), .latest, by: .hq, required: true)
    case .code: .init("code", .text, .latest, by: .hq, required: true)
    case .description: .init("description", .text, .latest, by: .hq)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .campaign: .reference(campaign, to: Campaign.self)
    case .code: .text(code)
    case .description: .text(description)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    campaign = try fields.reference(.campaign)
    code = try fields.text(.code)
    description = try fields.optionalText(.description)
  }
}
