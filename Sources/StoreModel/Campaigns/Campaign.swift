/// A promotion of the chain, from its first to its last day.
package struct Campaign: Entity {
  package var id: RecordID
  package var name: String
  /// The chain's own word, such as `Type A`.
  package var kind: String?
  /// A day, yyyymmdd, in each shop's own time zone.
  package var startDay: Int64?
  /// The last day that counts, yyyymmdd.
  package var endDay: Int64?

  package init(
    id: RecordID, name: String, kind: String? = nil, startDay: Int64? = nil, endDay: Int64? = nil
  ) {
    self.id = id
    self.name = name
    self.kind = kind
    self.startDay = startDay
    self.endDay = endDay
  }
}

extension Campaign {
  package enum Field: UInt16, CaseIterable {
    case name = 1
    case kind = 2
    case startDay = 3
    case endDay = 4
  }

  package static var tag: EntityTag { EntityTag(6) }
  package static var name: String { "campaign" }
  package static var table: String { "campaigns" }
  package static var identity: Identity { .key }
  package static var scope: Scope<Field> { .everyone }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .name: .init("name", .text, .latest, by: .hq, required: true)
    case .kind: .init("kind", .text, .latest, by: .hq)
    case .startDay: .init("startDay", .day, .latest, by: .hq)
    case .endDay: .init("endDay", .day, .latest, by: .hq)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .name: .text(name)
    case .kind: .text(kind)
    case .startDay: .integer(startDay)
    case .endDay: .integer(endDay)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    self.id = id
    name = try fields.text(.name)
    kind = try fields.optionalText(.kind)
    startDay = try fields.optionalInteger(.startDay)
    endDay = try fields.optionalInteger(.endDay)
  }
}
