import Causality
import Interchange
import JSON
import Merge
import StoreModel

// The notation of states in the vectors: Protocol/vectors/README.md.

func replica(_ text: some StringProtocol) throws -> ReplicaID {
  let parts = text.split(separator: ".")
  guard parts.count == 2, let node = UInt32(parts[0]), let incarnation = UInt32(parts[1]) else {
    throw VectorError("found the replica “\(text)”, expected node.incarnation")
  }
  return ReplicaID(node: NodeNumber(node), incarnation: incarnation)
}

func stamp(_ text: String) throws -> Stamp {
  let parts = text.split(separator: "@")
  guard parts.count == 2, let time = UInt64(parts[0]) else {
    throw VectorError("found the stamp “\(text)”, expected time@node.incarnation")
  }
  return Stamp(time: HybridTimestamp(rawValue: time), replica: try replica(parts[1]))
}

func vector(_ value: JSONValue) throws -> VersionVector {
  var vector = VersionVector()
  for member in try value.object.members {
    vector.insert(Stamp(time: try time(member.value), replica: try replica(member.name)))
  }
  return vector
}

private func time(_ value: JSONValue) throws -> HybridTimestamp {
  HybridTimestamp(rawValue: UInt64(try value.number))
}

func fieldValue(_ value: JSONValue) throws -> Value {
  switch value {
  case .null: .null
  case .integer(let number): .integer(number)
  case .string(let text): .text(text)
  case .object(let object): .bytes(try (object["bytes"] ?? .null).hex)
  case .bool, .number, .array: throw VectorError("found \(value.kindName), expected a value")
  }
}

private func siblings(_ value: JSONValue) throws -> [Sibling] {
  try value.object.members
    .map { Sibling(stamp: try stamp($0.name), value: try fieldValue($0.value)) }
    .sorted { $0.stamp < $1.stamp }
}

func content(_ value: JSONValue) throws -> FieldState.Content {
  guard let kind = try value.object.members.first else { throw VectorError("found a field without contents") }
  switch kind.name {
  case "register":
    return .register(Siblings(try siblings(kind.value)))
  case "set":
    return .set(
      try kind.value.items.map {
        let pair = try $0.items
        return Element(value: try fieldValue(pair[0]), stamps: try pair[1].items.map { try stamp($0.text) })
      })
  case "counter":
    return .counter(
      try kind.value.object.members.map {
        let share = try $0.value.items
        return Share(stamp: Stamp(time: try time(share[0]), replica: try replica($0.name)), sum: try share[1].number)
      }.sorted { $0.stamp.replica < $1.stamp.replica })
  case "map":
    return .map(
      try kind.value.object.members.map { MapEntry(key: $0.name, siblings: try siblings($0.value)) }
        .sorted { OrderedText($0.key) < OrderedText($1.key) })
  default:
    throw VectorError("found the field kind “\(kind.name)”")
  }
}

func state(_ value: JSONValue, entity: EntityTag = EntityTag(1), id: RecordID = RecordID([1])) throws -> RecordState {
  let object = try value.object
  let fields = try (object["fields"] ?? .null).object.members.map {
    guard let tag = UInt16($0.name) else { throw VectorError("found the tag “\($0.name)”") }
    return FieldState(tag: FieldTag(tag), content: try content($0.value))
  }
  let marks = try (object["marks"] ?? .null).object.members.map {
    DeletionMark(stamp: try stamp($0.name), saw: try vector($0.value))
  }
  return RecordState(
    entity: entity, id: id, vector: try vector(object["vector"] ?? .null),
    fields: fields.sorted { $0.tag < $1.tag }, deletions: marks.sorted { $0.stamp < $1.stamp })
}

func group(_ value: JSONValue) throws -> CommitGroup {
  let object = Case(try value.object)
  return CommitGroup(
    stamp: try stamp(object.text("stamp")),
    records: try object.need("records").items.map {
      let record = Case(try $0.object)
      let key = try key(record)
      return try state(record.need("state"), entity: key.entity, id: key.id)
    },
    evictions: try object.need("evictions").items.map {
      let eviction = Case(try $0.object)
      return Eviction(key: try key(eviction), vector: try vector(eviction.need("vector")))
    })
}

func key(_ object: Case) throws -> RecordKey {
  RecordKey(entity: EntityTag(UInt16(try object.need("entity").number)), id: RecordID(try object.bytes("id")))
}
