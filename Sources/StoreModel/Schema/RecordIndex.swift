/// Fields by whose values a node finds an entity's records without reading others. The id stands at the end, so that no
/// two records have one place and pages go on exactly where the last one ended.
package struct RecordIndex: Hashable, Sendable {
  package var fields: [FieldTag]
  /// Records without a value in the first field are left out, and cost nothing.
  package var isPartial: Bool

  package init(_ fields: [FieldTag], isPartial: Bool) {
    self.fields = fields
    self.isPartial = isPartial
  }
}

extension EntitySchema {
  /// Beside the ids themselves: one for each of `lookups` and each unique key, in this order.
  package var indexes: [RecordIndex] {
    lookups.map { RecordIndex($0, isPartial: true) } + unique.map { RecordIndex($0.fields, isPartial: false) }
  }
}
