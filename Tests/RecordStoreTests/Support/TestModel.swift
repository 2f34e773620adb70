import StoreModel

/// A model in which every rule, scope, lane and limit of the engine has a field, and nothing else.
enum Shop {
  static let price = EntityTag(1)
  static let note = EntityTag(2)
  static let entry = EntityTag(3)
  static let photo = EntityTag(4)
  static let member = EntityTag(5)
  static let secret = EntityTag(6)

  static let model = Model([priceSchema, noteSchema, entrySchema, photoSchema, memberSchema, secretSchema])

  /// As an older version knew it: without photos, and notes without a status.
  static let olderModel = Model([priceSchema, olderNoteSchema, entrySchema, memberSchema, secretSchema])
}

enum Price {
  static let amount = FieldTag(1)
}

enum Note {
  static let store = FieldTag(1)
  static let text = FieldTag(2)
  static let count = FieldTag(3)
  static let tags = FieldTag(4)
  static let custom = FieldTag(5)
  static let remark = FieldTag(6)
  static let status = FieldTag(7)
  static let fromHQ = FieldTag(8)
  static let fromOwner = FieldTag(9)
}

enum Entry {
  static let store = FieldTag(1)
  static let account = FieldTag(2)
  static let amount = FieldTag(3)
  static let memo = FieldTag(4)
}

enum Photo {
  static let title = FieldTag(1)
  /// The fields from 2 to 20 are texts too, to fill a record with.
  static let parts = (2...20).map { FieldTag($0) }
}

enum Member {
  static let phone = FieldTag(1)
  static let first = FieldTag(2)
  static let last = FieldTag(3)
}

extension Shop {
  private static var priceSchema: EntitySchema {
    EntitySchema(
      price, "price", lane: .urgent, [FieldSchema(1, "amount", .money, .latest, by: .hq, required: true)])
  }

  private static var noteSchema: EntitySchema {
    EntitySchema(
      note, "note", scope: .stores([Note.store]), owner: Note.store,
      [
        FieldSchema(1, "store", .reference(EntityTag(100), .number), .latest, required: true),
        FieldSchema(2, "text", .text, .latest),
        FieldSchema(3, "count", .integer, .counter),
        FieldSchema(4, "tags", .text, .set),
        FieldSchema(5, "custom", .text, .customFields),
        FieldSchema(6, "remark", .text, .manual),
        FieldSchema(7, "status", .choice(["open", "done"]), .progress(["open", "done"])),
        FieldSchema(8, "fromHQ", .text, .latest, by: .hq),
        FieldSchema(9, "fromOwner", .text, .latest, by: .owner),
      ])
  }

  private static var olderNoteSchema: EntitySchema {
    var schema = noteSchema
    schema.fields.removeAll { $0.tag == Note.status || $0.tag == Note.count || $0.tag == Note.tags }
    return schema
  }

  private static var entrySchema: EntitySchema {
    EntitySchema(
      entry, "entry", table: "entries", mutability: .immutable, scope: .stores([Entry.store]), owner: Entry.store,
      balances: [BalanceDeclaration("account_sum", of: Entry.amount, by: [Entry.store, Entry.account])],
      [
        FieldSchema(1, "store", .reference(EntityTag(100), .number), .latest, by: .owner, required: true),
        FieldSchema(2, "account", .text, .latest, by: .owner, required: true),
        FieldSchema(3, "amount", .integer, .latest, by: .owner, required: true),
        FieldSchema(4, "memo", .text, .latest, by: .owner),
      ])
  }

  private static var photoSchema: EntitySchema {
    EntitySchema(
      photo, "photo", lane: .bulk,
      (1...20).map { FieldSchema($0, "part\($0)", .text, .latest) })
  }

  private static var memberSchema: EntitySchema {
    EntitySchema(
      member, "member", deletion: .deleteWins,
      unique: [UniqueKey("phone", [Member.phone]), UniqueKey("full_name", [Member.first, Member.last])],
      [
        FieldSchema(1, "phone", .text, .latest),
        FieldSchema(2, "first", .text, .latest),
        FieldSchema(3, "last", .text, .latest),
      ])
  }

  private static var secretSchema: EntitySchema {
    EntitySchema(secret, "secret", scope: .hq, [FieldSchema(1, "text", .text, .latest)])
  }
}

extension FieldSchema {
  init(
    _ tag: UInt16, _ name: String, _ type: FieldType, _ rule: ConflictRule, by writers: Writers = .anyone,
    required: Bool = false
  ) {
    self.init(tag: FieldTag(tag), FieldDeclaration(name, type, rule, by: writers, required: required))
  }
}

extension EntitySchema {
  /// From the declarations alone, keyed by a text; no typed entity stands behind it.
  init(
    _ tag: EntityTag, _ name: String, table: String? = nil, mutability: Mutability = .mutable,
    deletion: DeletionPolicy = .editWins, lane: Lane = .normal, scope: Scope<FieldTag> = .everyone,
    owner: FieldTag? = nil, unique: [UniqueKey<FieldTag>] = [], balances: [BalanceDeclaration<FieldTag>] = [],
    _ fields: [FieldSchema]
  ) {
    self.init(Blank.self)
    self.tag = tag
    self.name = name
    self.table = table ?? name + "s"
    self.mutability = mutability
    self.deletion = deletion
    self.lane = lane
    self.scope = scope
    self.owner = owner
    self.unique = unique
    self.balances = balances
    self.fields = fields
  }
}

/// An entity without content, from which the schemas above are made.
private struct Blank: Entity {
  enum Field: UInt16, CaseIterable {
    case nothing = 1
  }

  static var tag: EntityTag { EntityTag(1) }
  static var name: String { "blank" }
  static var table: String { "blanks" }
  static var identity: Identity { .key }
  static var scope: Scope<Field> { .everyone }
  static func declaration(of field: Field) -> FieldDeclaration { .init("nothing", .text, .latest, by: .anyone) }

  var id: RecordID { RecordID(key: "blank") }
  init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {}
  func content(of field: Field) -> FieldContent { .null }
}
