import Base
import StoreModel

extension RecordMapper {
  /// The write of a row, with the id that the row gives or that derives from it.
  ///
  /// - Parameters:
  ///   - id: the text in `id`, if the row has one.
  ///   - keys: the texts in the key columns, in their order; an absent one is empty.
  func write(id: String?, keys: [String], _ writes: [FieldWrite]) throws(MappingError) -> RecordWrite {
    // In the order of the fields, whatever the order of the columns.
    let sorted = writes.enumerated().sorted { ($0.element.field, $0.offset) < ($1.element.field, $1.offset) }
      .map(\.element)
    try checkComplete(sorted)
    let id =
      switch entity.identity {
      case .uuid: try derivedID(id, keys, sorted)
      case .composed: try composedID(id, sorted)
      case .key, .number: try givenID(id)
      }
    return RecordWrite(entity: entity.tag, id: id, .write(sorted))
  }

  /// A record that never changes is written whole or not at all. One that may change may be there already.
  private func checkComplete(_ writes: [FieldWrite]) throws(MappingError) {
    guard entity.mutability == .immutable else { return }
    for field in entity.fields where field.isRequired && plainValue(of: field.tag, in: writes) == nil {
      throw MappingError(field.name, "found none, expected \(field.type.expectation)", code: .missing)
    }
  }

  private func givenID(_ text: String?) throws(MappingError) -> RecordID {
    guard let text else {
      throw MappingError(Self.idColumn, "found none, expected \(entity.identity.expectation)", code: .missing)
    }
    guard let id = try? entity.identity.parse(text) else {
      throw MappingError(Self.idColumn, "found something else, expected \(entity.identity.expectation)")
    }
    return id
  }

  private func composedID(_ text: String?, _ writes: [FieldWrite]) throws(MappingError) -> RecordID {
    guard case .composed(let components) = entity.identity else { return try givenID(text) }
    var parts: [RecordID] = []
    for (tag, component) in zip(entity.identityFields, components) {
      guard let value = plainValue(of: tag, in: writes) else { continue }
      guard let part = component.identity.id(from: value) else {
        throw MappingError(name(of: tag), "found something else, expected \(component.identity.expectation)")
      }
      parts.append(part)
    }
    let given = try text.map { _ throws(MappingError) in try givenID(text) }
    guard parts.count == components.count else {
      if let given, parts.isEmpty { return given }
      let names = entity.identityFields.map(name).joined(separator: ", ")
      throw MappingError(nil, "a \(entity.name) is known by \(names); found \(parts.count) of them, expected all")
    }
    let composed = entity.identity.joining(parts)
    guard given == nil || given == composed else {
      let names = entity.identityFields.map(name).joined(separator: " and ")
      throw MappingError(Self.idColumn, "it names another record than \(names) do; leave it out, or make them agree")
    }
    return composed
  }

  private func derivedID(_ text: String?, _ keys: [String], _ writes: [FieldWrite]) throws(MappingError) -> RecordID {
    if let text {
      if let id = try? entity.identity.parse(text) { return id }
      return RecordID(importedAt: businessTime(of: writes), source: entity.name, key: text)
    }
    guard keys.contains(where: { !$0.isEmpty }) else {
      throw MappingError(
        Self.idColumn,
        "found none; expected a UUID or the source's own key, or key columns that tell the rows apart")
    }
    let key = keys.map(escaped).joined(separator: "/")
    return RecordID(importedAt: businessTime(of: writes), source: "\(entity.name):keys", key: key)
  }

  /// Of the first field that is a time or a day. A record that may change keeps its id when its times change, so it
  /// has none of them in its id.
  private func businessTime(of writes: [FieldWrite]) -> WallTime {
    guard entity.mutability == .immutable else { return WallTime(milliseconds: 0) }
    for field in entity.fields {
      guard case .integer(let number)? = plainValue(of: field.tag, in: writes) else { continue }
      switch field.type {
      case .timestamp:
        return WallTime(milliseconds: number)
      case .day:
        guard let day = CivilDay(number: number) else { continue }
        return WallTime(milliseconds: Int64(day.daysSince1970) * 86_400_000)
      case .text, .integer, .boolean, .money, .quantity, .choice, .reference, .identifier:
        continue
      }
    }
    return WallTime(milliseconds: 0)
  }

  private func plainValue(of tag: FieldTag, in writes: [FieldWrite]) -> Value? {
    for write in writes where write.field == tag {
      if case .set(let value) = write.edit, !value.isNull { return value }
    }
    return nil
  }

  private func name(of tag: FieldTag) -> String { entity.field(tag)?.name ?? "\(tag)" }

  /// So that keys of several parts never run into each other.
  private func escaped(_ part: String) -> String {
    String(
      decoding: part.utf8.flatMap { byte -> [UInt8] in
        switch byte {
        case UInt8(ascii: "%"): Array("%25".utf8)
        case UInt8(ascii: "/"): Array("%2F".utf8)
        default: [byte]
        }
      }, as: UTF8.self)
  }
}
