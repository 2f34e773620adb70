package import Base

/// Points that a member got or gave, written once. The member's balance is the sum of these.
///
/// The shop where it happened and the member's home shop hold it.
package struct PointsEntry: Entity {
  package enum Reason: String, CaseIterable {
    case purchase, redemption, correction
  }

  /// What the points are for: an order's id, or one of its own for a correction.
  package var document: RecordID
  /// Counts the entries of one document from 1.
  package var line: UInt32
  package var member: RecordID
  /// Where it happened.
  package var store: RecordID
  /// The member's home shop at the time.
  package var homeStore: RecordID?
  /// Whole points; negative if they were spent or taken back.
  package var points: Int64
  package var reason: String
  package var earnedAt: WallTime

  package init(
    document: RecordID, line: UInt32, member: RecordID, store: RecordID, homeStore: RecordID? = nil, points: Int64,
    reason: String, earnedAt: WallTime
  ) {
    self.document = document
    self.line = line
    self.member = member
    self.store = store
    self.homeStore = homeStore
    self.points = points
    self.reason = reason
    self.earnedAt = earnedAt
  }
}

extension PointsEntry {
  package enum Field: UInt16, CaseIterable {
    case document = 1
    case line = 2
    case member = 3
    case store = 4
    case homeStore = 5
    case points = 6
    case reason = 7
    case earnedAt = 8
  }

  package static var tag: EntityTag { EntityTag(5) }
  package static var name: String { "pointsEntry" }
  package static var table: String { "points_entries" }
  package static let identity = Identity.composed([.uuid, .number])
  package static var identityFields: [Field] { [.document, .line] }
  package static var mutability: Mutability { .immutable }
  package static var scope: Scope<Field> { .stores([.store, .homeStore]) }
  package static var owner: Field? { .store }
  package static var isPurgeable: Bool { true }
  /// Where a member's points come from.
  package static var lookups: [[Field]] { [[.member]] }
  package static var balances: [BalanceDeclaration<Field>] {
    [BalanceDeclaration("points_balance", of: .points, by: [.member])]
  }

  package var id: RecordID { Self.identity.joining([document, RecordID(number: line)]) }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .document: .init("document", .identifier(.uuid), .latest, by: .owner, required: true)
    case .line: .init("line", .integer, .latest, by: .owner, required: true)
    case .member: .init("member", .reference(to: Member.self), .latest, by: .owner, required: true)
    case .store: .init("store", .reference(to: Store.self), .latest, by: .owner, required: true)
    case .homeStore: .init("homeStore", .reference(to: Store.self), .latest, by: .owner)
    case .points: .init("points", .integer, .latest, by: .owner, required: true)
    case .reason: .init("reason", .choice(Reason.allCases.map(\.rawValue)), .latest, by: .owner, required: true)
    case .earnedAt: .init("earnedAt", .timestamp, .latest, by: .owner, required: true)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .document: .value(Identity.uuid.value(of: document))
    case .line: .integer(Int64(line))
    case .member: .reference(member, to: Member.self)
    case .store: .reference(store, to: Store.self)
    case .homeStore: .reference(homeStore, to: Store.self)
    case .points: .integer(points)
    case .reason: .text(reason)
    case .earnedAt: .integer(earnedAt.milliseconds)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    document = try fields.reference(.document)
    line = try fields.number(.line)
    member = try fields.reference(.member)
    store = try fields.reference(.store)
    homeStore = try fields.optionalReference(.homeStore)
    points = try fields.integer(.points)
    reason = try fields.text(.reason)
    earnedAt = try fields.time(.earnedAt)
  }
}
