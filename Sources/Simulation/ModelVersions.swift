import RecordStore
import StoreModel

/// Which of a chain's programs a node runs: they differ in their models.
struct ModelVersion: Equatable {
  var isOlder: Bool
  /// Its rule lets more through.
  var isLenient: Bool

  var model: Model {
    switch (isOlder, isLenient) {
    case (false, false): .retail
    case (false, true): .lenient
    case (true, false): .older
    case (true, true): .olderAndLenient
    }
  }
}

extension Model {
  /// A model in which a task's day may be any number.
  static let lenient = Model(retail.entities.map(\.lenient))
  /// The model as it was before there were points, members' notes, cancelled tasks and voids.
  static let older = Model(retail.entities.compactMap(\.older))
  static let olderAndLenient = Model(older.entities.map(\.lenient))
}

extension EntitySchema {
  fileprivate var lenient: EntitySchema {
    var schema = self
    guard tag == StoreTask.tag else { return schema }
    for field in schema.fields.indices where schema.fields[field].type == .day { schema.fields[field].type = .integer }
    return schema
  }

  fileprivate var older: EntitySchema? {
    var schema = self
    switch tag {
    case PointsEntry.tag: return nil
    case Member.tag: schema.fields.removeAll { $0.tag == FieldTag(Member.Field.note.rawValue) }
    case StoreTask.tag: schema.drop("cancelled", of: FieldTag(StoreTask.Field.status.rawValue))
    case Order.tag: schema.drop(Order.Kind.void.rawValue, of: FieldTag(Order.Field.kind.rawValue))
    default: break
    }
    return schema
  }

  private mutating func drop(_ word: String, of tag: FieldTag) {
    for index in fields.indices where fields[index].tag == tag {
      if case .choice(let words) = fields[index].type { fields[index].type = .choice(words.filter { $0 != word }) }
      if case .progress(let words) = fields[index].rule { fields[index].rule = .progress(words.filter { $0 != word }) }
    }
  }
}

extension Workload.Step {
  /// What a program with this model would do instead; nil if it does not know of such things.
  func fitting(_ model: Model) -> Workload.Step? {
    var writes: [RecordWrite] = []
    for var write in draft.writes {
      guard let schema = model.entity(write.entity) else { continue }
      if case .write(let fields) = write.action {
        let known = fields.filter { schema.field($0.field) != nil }
        guard !known.isEmpty, known.allSatisfy({ schema.knowsWord(of: $0) }) else { return nil }
        write.action = .write(known)
      }
      writes.append(write)
    }
    return writes.isEmpty ? nil : Workload.Step(name, writes)
  }
}

extension EntitySchema {
  fileprivate func knowsWord(of write: FieldWrite) -> Bool {
    guard case .choice(let words)? = field(write.field)?.type, case .set(.text(let word)) = write.edit else {
      return true
    }
    return words.contains(word)
  }
}
