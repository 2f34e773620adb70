import StoreModel

/// Whether ids are put together from fields, as the model says: they then need no column.
enum CompositionCheck {
  /// The parts of the ids; empty if they are not exactly what the fields give.
  static func parts(of shape: FactShape, _ model: Model) -> [IDPart] {
    guard let schema = model.entity(shape.entity), case .composed(let components) = schema.identity else { return [] }
    var parts: [IDPart] = []
    for (component, tag) in zip(components, schema.identityFields) {
      guard let field = shape.fields.firstIndex(where: { $0.tag == tag }) else { return [] }
      let isLast = parts.count + 1 == components.count
      let form: IDPart.Form =
        switch component {
        case .uuid: .plain
        case .number: .number
        case .key: isLast ? .plain : .separated
        }
      guard (form == .number) == (shape.fields[field].kind == .integer) else { return [] }
      parts.append(IDPart(field: field, form: form))
    }
    return shape.ids.indices.allSatisfy { isComposed(shape, $0, parts) } ? parts : []
  }

  private static func isComposed(_ shape: FactShape, _ row: Int, _ parts: [IDPart]) -> Bool {
    let id = shape.ids[row]
    var offset = 0
    func take(_ bytes: some Sequence<UInt8>) -> Bool {
      for byte in bytes {
        guard offset < id.count, id[offset] == byte else { return false }
        offset += 1
      }
      return true
    }
    for part in parts {
      switch shape.fields[part.field].kind {
      case .none: return false
      case .bytes: guard take(shape.fields[part.field].bytes[row]) else { return false }
      case .text: guard take(shape.fields[part.field].texts[row].utf8) else { return false }
      case .integer:
        guard let number = UInt32(exactly: shape.fields[part.field].integers[row]) else { return false }
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
          guard take(CollectionOfOne(UInt8(truncatingIfNeeded: number >> shift))) else { return false }
        }
      }
      guard part.form != .separated || take(CollectionOfOne(Identity.separator)) else { return false }
    }
    return offset == id.count
  }
}
