package import StoreModel
package import Wire

// Commits as control messages. Both ends are of one version: `syncctl` and the daemons are installed together.

extension Value {
  var controlValue: CBORValue {
    switch self {
    case .null: .null
    case .integer(let number): .integer(number)
    case .text(let text): .text(text)
    case .bytes(let bytes): .bytes(bytes)
    }
  }

  init?(_ control: CBORValue) {
    switch control {
    case .null: self = .null
    case .unsigned, .negative:
      guard let number = control.integerValue else { return nil }
      self = .integer(number)
    case .text(let text): self = .text(text)
    case .bytes(let bytes): self = .bytes(bytes)
    case .array, .map, .boolean: return nil
    }
  }
}

extension FieldContent {
  /// What a record shows for a field, for `export`.
  var controlValue: CBORValue {
    switch self {
    case .value(let value): .array([.unsigned(0), value.controlValue])
    case .set(let values): .array([.unsigned(1), .array(values.map(\.controlValue))])
    case .counter(let sum): .array([.unsigned(2), .integer(sum)])
    case .customFields(let fields):
      .array([.unsigned(3), .array(fields.map { .array([.text($0.key), $0.value.controlValue]) })])
    }
  }

  package init?(_ control: CBORValue) {
    guard let items = control.arrayValue, items.count == 2 else { return nil }
    switch items[0].integerValue {
    case 0:
      guard let value = Value(items[1]) else { return nil }
      self = .value(value)
    case 1:
      guard let values = items[1].arrayValue?.compactMap(Value.init) else { return nil }
      self = .set(values)
    case 2:
      guard let sum = items[1].integerValue else { return nil }
      self = .counter(sum)
    case 3:
      guard let pairs = items[1].arrayValue else { return nil }
      self = .customFields(
        pairs.compactMap { pair in
          guard let parts = pair.arrayValue, parts.count == 2, let key = parts[0].textValue, let value = Value(parts[1])
          else { return nil }
          return CustomField(key: key, value: value)
        })
    default: return nil
    }
  }
}

extension FieldWrite {
  fileprivate var controlValue: CBORValue {
    let tag = CBORValue.unsigned(UInt64(field.rawValue))
    switch edit {
    case .set(let value): return .array([tag, .unsigned(0), value.controlValue])
    case .addElements(let values): return .array([tag, .unsigned(1), .array(values.map(\.controlValue))])
    case .removeElements(let values): return .array([tag, .unsigned(2), .array(values.map(\.controlValue))])
    case .replaceElements(let values): return .array([tag, .unsigned(5), .array(values.map(\.controlValue))])
    case .add(let difference): return .array([tag, .unsigned(3), .integer(difference)])
    case .put(let key, let value): return .array([tag, .unsigned(4), .text(key), value.controlValue])
    }
  }

  fileprivate init?(_ control: CBORValue) {
    guard let items = control.arrayValue, items.count >= 3, let tag = items[0].integerValue,
      let field = UInt16(exactly: tag)
    else { return nil }
    func values() -> [Value]? {
      guard let list = items[2].arrayValue else { return nil }
      let values = list.compactMap(Value.init)
      return values.count == list.count ? values : nil
    }
    let edit: FieldEdit?
    switch items[1].integerValue {
    case 0: edit = Value(items[2]).map(FieldEdit.set)
    case 1: edit = values().map(FieldEdit.addElements)
    case 2: edit = values().map(FieldEdit.removeElements)
    case 5: edit = values().map(FieldEdit.replaceElements)
    case 3: edit = items[2].integerValue.map(FieldEdit.add)
    case 4:
      guard items.count == 4, let key = items[2].textValue, let value = Value(items[3]) else { return nil }
      edit = .put(key: key, value)
    default: edit = nil
    }
    guard let edit else { return nil }
    self.init(FieldTag(field), edit)
  }
}

extension CommitDraft {
  package var controlValue: CBORValue {
    .array(
      writes.map { write in
        let action: CBORValue =
          switch write.action {
          case .delete: .null
          case .write(let fields): .array(fields.map(\.controlValue))
          }
        return .array([.unsigned(UInt64(write.entity.rawValue)), .bytes(write.id.bytes), action])
      })
  }

  package init?(_ control: CBORValue) {
    guard let items = control.arrayValue else { return nil }
    var writes: [RecordWrite] = []
    for item in items {
      guard let parts = item.arrayValue, parts.count == 3, let tag = parts[0].integerValue,
        let entity = UInt16(exactly: tag), let id = parts[1].bytesValue
      else { return nil }
      let action: RecordWrite.Action
      if let fields = parts[2].arrayValue {
        let decoded = fields.compactMap(FieldWrite.init)
        guard decoded.count == fields.count else { return nil }
        action = .write(decoded)
      } else {
        action = .delete
      }
      writes.append(RecordWrite(entity: EntityTag(entity), id: RecordID(id), action))
    }
    self.init(writes)
  }
}
