/// An entity's declarations in the form that storage, merge and sync work with: by tag, without generics.
package struct EntitySchema: Hashable, Sendable {
  package var tag: EntityTag
  package var name: String
  package var table: String
  package var identity: Identity
  package var identityFields: [FieldTag]
  package var mutability: Mutability
  package var deletion: DeletionPolicy
  package var lane: Lane
  package var scope: Scope<FieldTag>
  package var owner: FieldTag?
  package var unique: [UniqueKey<FieldTag>]
  package var lookups: [[FieldTag]]
  package var balances: [BalanceDeclaration<FieldTag>]
  package var isPurgeable: Bool
  package var isErasable: Bool
  /// Ascending by tag.
  package var fields: [FieldSchema]

  package init<E: Entity>(_ entity: E.Type) {
    func tag(_ field: E.Field) -> FieldTag { FieldTag(field.rawValue) }
    self.tag = entity.tag
    name = entity.name
    table = entity.table
    identity = entity.identity
    identityFields = entity.identityFields.map(tag)
    mutability = entity.mutability
    deletion = entity.deletion
    lane = entity.lane
    scope =
      switch entity.scope {
      case .everyone: .everyone
      case .hq: .hq
      case .stores(let fields): .stores(fields.map(tag))
      }
    owner = entity.owner.map(tag)
    unique = entity.unique.map { UniqueKey($0.name, $0.fields.map(tag)) }
    lookups = entity.lookups.map { $0.map(tag) }
    balances = entity.balances.map { BalanceDeclaration($0.name, of: tag($0.sum), by: $0.keys.map(tag)) }
    isPurgeable = entity.isPurgeable
    isErasable = entity.isErasable
    fields = entity.Field.allCases.map { FieldSchema(tag: tag($0), entity.declaration(of: $0)) }
      .sorted { $0.tag < $1.tag }
  }

  package func field(_ tag: FieldTag) -> FieldSchema? {
    // Tags are few and mostly without gaps: the field is at its own place or a little before it.
    var index = min(Int(tag.rawValue), fields.count) - 1
    while index >= 0, fields[index].tag > tag { index -= 1 }
    return index >= 0 && fields[index].tag == tag ? fields[index] : nil
  }

  package var hasCounters: Bool { fields.contains { $0.rule == .counter } }

  package func field(named name: String) -> FieldSchema? {
    fields.first { $0.name == name }
  }
}

/// One field of an `EntitySchema`.
package struct FieldSchema: Hashable, Sendable {
  package var tag: FieldTag
  package var name: String
  /// The SQL column: the name in snake case.
  package var column: String
  package var type: FieldType
  package var rule: ConflictRule
  package var writers: Writers
  package var isRequired: Bool

  package init(tag: FieldTag, _ declaration: FieldDeclaration) {
    self.tag = tag
    name = declaration.name
    column = snakeCase(declaration.name)
    type = declaration.type
    rule = declaration.rule
    writers = declaration.writers
    isRequired = declaration.isRequired
  }
}

/// `homeStore` → `home_store`.
package func snakeCase(_ camelCase: String) -> String {
  camelCase.map { $0.isUppercase ? "_" + $0.lowercased() : String($0) }.joined()
}
