/// Work for the people of a shop. (`Task` is Swift's own word.)
package struct StoreTask: Entity {
  /// In the order of progress. What was done was done, even if somebody called it off at the same time.
  package static var statuses: [String] { ["open", "claimed", "cancelled", "done"] }

  package var id: RecordID
  package var title: String
  package var store: RecordID
  package var status: String
  /// Who took it on. Between two who did so at once, the first.
  package var claimedBy: String?
  package var assignedBy: String?
  /// The business day that it should be done by, yyyymmdd.
  package var dueDay: Int64?
  /// Two notes written at once are two different things: a person picks.
  package var note: String?

  package init(
    id: RecordID, title: String, store: RecordID, status: String, claimedBy: String? = nil, assignedBy: String? = nil,
    dueDay: Int64? = nil, note: String? = nil
  ) {
    self.id = id
    self.title = title
    self.store = store
    self.status = status
    self.claimedBy = claimedBy
    self.assignedBy = assignedBy
    self.dueDay = dueDay
    self.note = note
  }
}

extension StoreTask {
  package enum Field: UInt16, CaseIterable {
    case title = 1
    case store = 2
    case status = 3
    case claimedBy = 4
    case assignedBy = 5
    case dueDay = 6
    case note = 7
  }

  package static var tag: EntityTag { EntityTag(14) }
  package static var name: String { "task" }
  package static var table: String { "tasks" }
  package static var identity: Identity { .uuid }
  package static var scope: Scope<Field> { .stores([.store]) }
  package static var owner: Field? { .store }
  /// What is open in a shop, among all that was ever done.
  package static var lookups: [[Field]] { [[.store, .status]] }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .title: .init("title", .text, .latest, by: .anyone, required: true)
    case .store: .init("store", .reference(to: Store.self), .latest, by: .anyone, required: true)
    case .status: .init("status", .choice(statuses), .progress(statuses), by: .anyone, required: true)
    case .claimedBy: .init("claimedBy", .text, .first, by: .anyone)
    case .assignedBy: .init("assignedBy", .text, .latest, by: .anyone)
    case .dueDay: .init("dueDay", .day, .latest, by: .anyone)
    case .note: .init("note", .text, .manual, by: .anyone)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .title: .text(title)
    case .store: .reference(store, to: Store.self)
    case .status: .text(status)
    case .claimedBy: .text(claimedBy)
    case .assignedBy: .text(assignedBy)
    case .dueDay: .integer(dueDay)
    case .note: .text(note)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    self.id = id
    title = try fields.text(.title)
    store = try fields.reference(.store)
    status = try fields.text(.status)
    claimedBy = try fields.optionalText(.claimedBy)
    assignedBy = try fields.optionalText(.assignedBy)
    dueDay = try fields.optionalInteger(.dueDay)
    note = try fields.optionalText(.note)
  }
}
