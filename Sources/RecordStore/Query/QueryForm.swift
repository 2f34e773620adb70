package import StoreModel

/// One way in which an entity's records can be asked for: what must equal something, and what the answer is sorted by,
/// which may be bounded as well.
package struct QueryForm: Hashable, Sendable {
  package var equal: [RecordQuery.Subject]
  package var sort: RecordQuery.Subject

  /// As a person writes it, such as “store, businessDay[…]”.
  package func text(_ schema: EntitySchema) -> String {
    let equal = equal.map(schema.name)
    let sort = schema.name(of: sort)
    return equal.isEmpty ? "\(sort)[…]" : "\(equal.joined(separator: ", ")) (\(sort)[…])"
  }
}

extension EntitySchema {
  /// All that `RecordQueryPlan` takes. Where several forms equate the same, the first is taken unless the sort tells.
  package var queryForms: [QueryForm] {
    var forms = [QueryForm(equal: [], sort: .id)]
    for count in identityFields.indices {
      let equal = identityFields.prefix(count).map { RecordQuery.Subject.field($0) }
      forms.append(QueryForm(equal: equal, sort: .field(identityFields[count])))
      if count > 0 { forms.append(QueryForm(equal: equal, sort: .id)) }
    }
    for index in indexes {
      let fields = index.fields.map { RecordQuery.Subject.field($0) }
      guard let last = fields.last else { continue }
      forms.append(QueryForm(equal: fields, sort: .id))
      forms.append(QueryForm(equal: fields.dropLast(), sort: last))
    }
    return forms
  }

  package func name(of subject: RecordQuery.Subject) -> String {
    switch subject {
    case .id: "id"
    case .field(let tag): field(tag)?.name ?? "\(tag)"
    }
  }
}
