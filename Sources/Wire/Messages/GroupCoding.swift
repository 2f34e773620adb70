import Causality
package import Merge
import StoreModel

// Byte layout: Protocol/SPEC.md, "Batch contents"; Protocol/storesync.cddl, `batch-contents`.

/// The contents of a batch: the replicas that its stamps name, then the groups. The same form keeps a parked group.
package enum BatchContents {
  package static func encode(_ groups: [CommitGroup]) -> [UInt8] {
    let encoder = GroupEncoder(groups)
    var writer = CBORWriter(reserving: 1_024)
    writer.append(arrayCount: 2)
    encoder.appendReplicas(to: &writer)
    writer.append(arrayCount: groups.count)
    for group in groups { encoder.append(group, to: &writer) }
    return writer.bytes
  }

  /// What a received batch holds: each group as it came, and decoded if it can be.
  package struct Decoded: Sendable {
    package enum Group: Sendable {
      case whole(CommitGroup)
      /// Nothing but facts, still in columns.
      case facts(FactGroup)
      case unreadable(DecodeError)
    }

    package var received: [Group]
    private let source: Source

    /// All as records.
    package var groups: [Result<CommitGroup, DecodeError>] {
      received.map { group in
        switch group {
        case .whole(let group): .success(group)
        case .facts(let facts): .success(facts.group)
        case .unreadable(let error): .failure(error)
        }
      }
    }

    private enum Source {
      case rows(replicas: [UInt8], groups: [[UInt8]])
      /// Groups that cannot be read, by their places, each as contents of its own.
      case columns(unreadable: [Int: [UInt8]])
    }

    fileprivate init(groups: [Group], replicas: [UInt8], raw: [[UInt8]]) {
      received = groups
      source = .rows(replicas: replicas, groups: raw)
    }

    /// Of contents in columns.
    init(groups: [Group], unreadable: [Int: [UInt8]]) {
      received = groups
      source = .columns(unreadable: unreadable)
    }

    /// Batch contents with one group alone: byte for byte as it came, if it came as rows.
    package func single(_ index: Int) -> [UInt8] {
      switch source {
      case .rows(let replicas, let groups):
        var writer = CBORWriter(reserving: replicas.count + groups[index].count + 4)
        writer.append(arrayCount: 2)
        writer.append(rawItem: replicas)
        writer.append(arrayCount: 1)
        writer.append(rawItem: groups[index])
        return writer.bytes
      case .columns(let unreadable):
        switch received[index] {
        case .whole(let group): return BatchContents.encode([group])
        case .facts(let facts): return BatchContents.encode([facts.group])
        case .unreadable: return unreadable[index] ?? []
        }
      }
    }
  }

  /// - Throws: if the bytes are not well-formed batch contents. A group that is well-formed CBOR but not a group that
  ///   this version understands is an error of that group alone.
  package static func decode(_ bytes: [UInt8]) throws(DecodeError) -> Decoded {
    var reader = CBORReader(bytes)
    guard try reader.readArrayCount(limit: 2) == 2 else { throw reader.invalid("batch contents: two items") }
    let replicaBytes = try reader.rawItem()
    var replicaReader = CBORReader(replicaBytes)
    let decoder = GroupDecoder(replicas: try GroupDecoder.readReplicas(&replicaReader))
    let count = try reader.readArrayCount(limit: WireLimits.maximumBatchGroups)
    var groups: [Decoded.Group] = []
    var raw: [[UInt8]] = []
    for _ in 0..<count {
      let item = try reader.rawItem()
      raw.append(item)
      do throws(DecodeError) {
        groups.append(.whole(try decoder.decode(item)))
      } catch {
        groups.append(.unreadable(error))
      }
    }
    try reader.expectEnd()
    return Decoded(groups: groups, replicas: replicaBytes, raw: raw)
  }
}

/// Writes groups whose stamps name replicas by their place in one ascending table.
struct GroupEncoder {
  let replicas: [ReplicaID]

  init(_ groups: [CommitGroup]) {
    var named = NamedReplicas()
    for group in groups {
      named.insert(group.stamp.replica)
      for record in group.records {
        for entry in record.vector.entries { named.insert(entry.replica) }
        record.forEachStamp { named.insert($0.replica) }
        for mark in record.deletions {
          named.insert(mark.stamp.replica)
          for entry in mark.saw.entries { named.insert(entry.replica) }
        }
      }
      for eviction in group.evictions { for entry in eviction.vector.entries { named.insert(entry.replica) } }
    }
    self.init(replicas: named.all.sorted())
  }

  /// - Parameter replicas: ascending, all that the groups name.
  init(replicas: [ReplicaID]) {
    self.replicas = replicas
  }

  /// Of few replicas, as most batches have, this is found sooner than by a hash.
  func place(of replica: ReplicaID) -> Int {
    var (low, high) = (0, replicas.count)
    while low < high {
      let middle = (low + high) / 2
      if replicas[middle] < replica { low = middle + 1 } else { high = middle }
    }
    return low < replicas.count && replicas[low] == replica ? low : 0
  }

  func appendReplicas(to writer: inout CBORWriter) {
    writer.append(arrayCount: replicas.count * 2)
    for replica in replicas {
      writer.append(unsigned: UInt64(replica.node.rawValue))
      writer.append(unsigned: UInt64(replica.incarnation))
    }
  }

  func append(_ group: CommitGroup, to writer: inout CBORWriter) {
    writer.append(arrayCount: group.evictions.isEmpty ? 2 : 3)
    append(group.stamp, to: &writer)
    writer.append(arrayCount: group.records.count)
    for record in group.records { append(record, of: group.stamp, to: &writer) }
    guard !group.evictions.isEmpty else { return }
    writer.append(arrayCount: group.evictions.count)
    for eviction in group.evictions { append(eviction, to: &writer) }
  }

  func append(_ eviction: Eviction, to writer: inout CBORWriter) {
    writer.append(arrayCount: 3)
    writer.append(unsigned: UInt64(eviction.key.entity.rawValue))
    writer.append(bytes: eviction.key.id.bytes)
    append(eviction.vector, to: &writer)
  }

  func append(_ record: RecordState, of groupStamp: Stamp, to writer: inout CBORWriter) {
    if record.onlyStamp == groupStamp {
      appendFact(record, to: &writer)
    } else {
      appendGeneral(record, to: &writer)
    }
  }

  /// A record that only the group's own commit has written: values alone.
  func appendFact(_ record: RecordState, to writer: inout CBORWriter) {
    writer.append(arrayCount: 3)
    appendKeyAndFieldCount(record, to: &writer)
    for field in record.fields {
      writer.append(unsigned: UInt64(field.tag.rawValue))
      append(field.content.siblings?[0].value ?? .null, to: &writer)
    }
  }

  private func appendKeyAndFieldCount(_ record: RecordState, to writer: inout CBORWriter) {
    writer.append(unsigned: UInt64(record.entity.rawValue))
    writer.append(bytes: record.id.bytes)
    writer.append(mapCount: record.fields.count)
  }

  private func appendGeneral(_ record: RecordState, to writer: inout CBORWriter) {
    writer.append(arrayCount: 5)
    appendKeyAndFieldCount(record, to: &writer)
    for field in record.fields {
      writer.append(unsigned: UInt64(field.tag.rawValue))
      append(field.content, to: &writer)
    }
    append(record.vector, to: &writer)
    writer.append(arrayCount: record.deletions.count)
    for mark in record.deletions {
      writer.append(arrayCount: 2)
      append(mark.stamp, to: &writer)
      append(mark.saw, to: &writer)
    }
  }

  private func append(_ content: FieldState.Content, to writer: inout CBORWriter) {
    writer.append(arrayCount: 2)
    switch content {
    case .register(let siblings):
      writer.append(unsigned: 0)
      append(siblings, to: &writer)
    case .set(let elements):
      writer.append(unsigned: 1)
      writer.append(arrayCount: elements.count)
      for element in elements {
        writer.append(arrayCount: 2)
        append(element.value, to: &writer)
        writer.append(arrayCount: element.stamps.count)
        for stamp in element.stamps { append(stamp, to: &writer) }
      }
    case .counter(let shares):
      writer.append(unsigned: 2)
      writer.append(arrayCount: shares.count)
      for share in shares {
        writer.append(arrayCount: 2)
        append(share.stamp, to: &writer)
        writer.append(integer: share.sum)
      }
    case .map(let entries):
      writer.append(unsigned: 3)
      writer.append(arrayCount: entries.count)
      for entry in entries {
        writer.append(arrayCount: 2)
        writer.append(text: entry.key)
        append(entry.siblings, to: &writer)
      }
    }
  }

  private func append(_ siblings: some Collection<Sibling>, to writer: inout CBORWriter) {
    writer.append(arrayCount: siblings.count)
    for sibling in siblings {
      writer.append(arrayCount: 2)
      append(sibling.stamp, to: &writer)
      append(sibling.value, to: &writer)
    }
  }

  func append(_ stamp: Stamp, to writer: inout CBORWriter) {
    writer.append(arrayCount: 2)
    writer.append(unsigned: stamp.time.rawValue)
    writer.append(unsigned: UInt64(place(of: stamp.replica)))
  }

  private func append(_ vector: VersionVector, to writer: inout CBORWriter) {
    writer.append(arrayCount: vector.entries.count * 2)
    for entry in vector.entries {
      writer.append(unsigned: UInt64(place(of: entry.replica)))
      writer.append(unsigned: entry.time.rawValue)
    }
  }

  private func append(_ value: Value, to writer: inout CBORWriter) {
    switch value {
    case .null: writer.appendNull()
    case .integer(let number): writer.append(integer: number)
    case .text(let text): writer.append(text: text)
    case .bytes(let bytes): writer.append(bytes: bytes)
    }
  }
}

/// The replicas that groups name. The stamps of a record mostly name the same one again and again.
private struct NamedReplicas {
  private(set) var all: Set<ReplicaID> = []
  private var last: ReplicaID?

  mutating func insert(_ replica: ReplicaID) {
    guard replica != last else { return }
    last = replica
    all.insert(replica)
  }
}
