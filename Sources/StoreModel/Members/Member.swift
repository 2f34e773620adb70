/// A customer in the loyalty programme, by member number. Every shop holds every member: a member may walk in anywhere.
///
/// Points are not here: a balance is the sum of its `PointsEntry` records. Deleting wins, because people have a right to be
/// forgotten.
package struct Member: Entity {
  package static var levels: [String] { ["bronze", "silver", "gold"] }

  package var id: RecordID
  package var name: String?
  /// In international form, such as `+14155550123`.
  package var phone: String?
  /// The number on the card.
  package var card: String?
  /// The shop that looks after this member and holds all of the member's points entries.
  package var homeStore: RecordID?
  package var tags: [Value]
  /// What a chain keeps beyond this model, by a name of its own.
  package var customFields: [CustomField]
  /// Concurrent promotions never take a level away.
  package var level: String?
  /// A day, yyyymmdd.
  package var birthday: Int64?
  /// Free text about the member. Two shops that write at once have written two different things: a person picks.
  package var note: String?
  /// How often the member has come, counted at every shop.
  package var visits: Int64

  package init(
    id: RecordID, name: String? = nil, phone: String? = nil, card: String? = nil, homeStore: RecordID? = nil,
    tags: [Value] = [], customFields: [CustomField] = [], level: String? = nil, birthday: Int64? = nil,
    note: String? = nil, visits: Int64 = 0
  ) {
    self.id = id
    self.name = name
    self.phone = phone
    self.card = card
    self.homeStore = homeStore
    self.tags = tags
    self.customFields = customFields
    self.level = level
    self.birthday = birthday
    self.note = note
    self.visits = visits
  }
}

extension Member {
  package enum Field: UInt16, CaseIterable {
    case name = 1
    case phone = 2
    case card = 3
    case homeStore = 4
    case tags = 5
    case customFields = 6
    case level = 7
    case birthday = 8
    case note = 9
    case visits = 10
  }

  package static var tag: EntityTag { EntityTag(4) }
  package static var name: String { "member" }
  package static var table: String { "members" }
  package static var identity: Identity { .key }
  package static var deletion: DeletionPolicy { .deleteWins }
  package static var isErasable: Bool { true }
  package static var scope: Scope<Field> { .everyone }
  package static var unique: [UniqueKey<Field>] {
    [UniqueKey("member_phone", [.phone]), UniqueKey("member_card", [.card])]
  }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .name: .init("name", .text, .latest, by: .anyone)
    case .phone: .init("phone", .text, .latest, by: .anyone)
    case .card: .init("card", .text, .latest, by: .anyone)
    case .homeStore: .init("homeStore", .reference(to: Store.self), .latest, by: .anyone)
    case .tags: .init("tags", .text, .set, by: .anyone)
    case .customFields: .init("customFields", .text, .customFields, by: .anyone)
    case .level: .init("level", .choice(levels), .progress(levels), by: .anyone)
    case .birthday: .init("birthday", .day, .latest, by: .anyone)
    case .note: .init("note", .text, .manual, by: .anyone)
    case .visits: .init("visits", .integer, .counter, by: .anyone)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .name: .text(name)
    case .phone: .text(phone)
    case .card: .text(card)
    case .homeStore: .reference(homeStore, to: Store.self)
    case .tags: .set(tags)
    case .customFields: .customFields(customFields)
    case .level: .text(level)
    case .birthday: .integer(birthday)
    case .note: .text(note)
    case .visits: .counter(visits)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    self.id = id
    name = try fields.optionalText(.name)
    phone = try fields.optionalText(.phone)
    card = try fields.optionalText(.card)
    homeStore = try fields.optionalReference(.homeStore)
    tags = try fields.set(.tags)
    customFields = try fields.customFields(.customFields)
    level = try fields.optionalText(.level)
    birthday = try fields.optionalInteger(.birthday)
    note = try fields.optionalText(.note)
    visits = try fields.counter(.visits)
  }
}
