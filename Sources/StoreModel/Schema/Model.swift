/// The entities that a node knows. A parameter of every layer above, so that tests can run versions side by side.
package struct Model: Sendable {
  /// Ascending by tag.
  package let entities: [EntitySchema]
  private let indexByTag: [EntityTag: Int]
  private let indexByName: [String: Int]

  /// Declarations that contradict each other are a mistake in the model's source, so they trap.
  package init(_ entities: [EntitySchema]) {
    self.entities = entities.sorted { $0.tag < $1.tag }
    indexByTag = Dictionary(uniqueKeysWithValues: self.entities.enumerated().map { ($1.tag, $0) })
    indexByName = Dictionary(uniqueKeysWithValues: self.entities.enumerated().map { ($1.name, $0) })
    for entity in entities { Self.check(entity) }
  }

  package func entity(_ tag: EntityTag) -> EntitySchema? {
    indexByTag[tag].map { entities[$0] }
  }

  package func entity(named name: String) -> EntitySchema? {
    indexByName[name].map { entities[$0] }
  }

  private static func check(_ entity: EntitySchema) {
    let tags = entity.fields.map(\.tag)
    precondition(entity.tag.rawValue > 0 && Set(tags).count == tags.count, "\(entity.name): a tag is 0 or used twice")
    precondition(tags.allSatisfy { $0.rawValue > 0 }, "\(entity.name): field tags start at 1")
    precondition(
      Set(entity.fields.map(\.name)).count == tags.count, "\(entity.name): two fields have one name")
    precondition(!entity.fields.contains { $0.name == "id" }, "\(entity.name): “id” is the identity, not a field")
    if case .composed(let components) = entity.identity {
      precondition(components.count == entity.identityFields.count, "\(entity.name): identityFields do not fit")
    }
    for field in entity.fields where field.rule == .authority(.owner) || field.writers == .owner {
      precondition(entity.owner != nil, "\(entity.name).\(field.name) refers to an owner, and there is none")
      precondition(field.tag != entity.owner || field.rule != .authority(.owner), "\(entity.name): circular owner")
    }
    if entity.mutability == .immutable {
      let plain = entity.fields.allSatisfy { $0.rule != .set && $0.rule != .counter && $0.rule != .customFields }
      precondition(plain, "\(entity.name): an immutable entity has plain fields only")
    }
    if entity.isErasable {
      precondition(
        entity.mutability == .mutable && entity.deletion == .deleteWins && entity.balances.isEmpty
          && !entity.isPurgeable,
        "\(entity.name): what can be erased can be changed, is deleted for good and is no fact")
    }
    for balance in entity.balances {
      let keys = balance.keys.compactMap(entity.field)
      precondition(
        keys.count == balance.keys.count && keys.allSatisfy(\.isRequired), "\(entity.name): balance keys are required")
    }
  }
}
