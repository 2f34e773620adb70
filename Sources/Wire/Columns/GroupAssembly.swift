import Causality
import Merge
import StoreModel

/// Puts groups together from facts that came in columns and from what came as CBOR behind them.
struct GroupAssembly {
  let replicas: [ReplicaID]
  let stamps: [Stamp]
  var shapes: [ShapeRows]
  var others: CBORReader

  /// - Throws: if what came as CBOR is none, or is not all there is.
  mutating func assemble(
    _ signatures: [[Int]], _ signatureOfGroup: [Int64], _ counts: [Int64]
  ) throws(DecodeError) -> BatchContents.Decoded {
    let decoder = GroupDecoder(replicas: replicas)
    var groups: [Result<CommitGroup, DecodeError>] = []
    groups.reserveCapacity(stamps.count)
    var unreadable: [Int: [UInt8]] = [:]
    var next = 0
    for (index, stamp) in stamps.enumerated() {
      let vector = VersionVector(stamp)
      var parts = Parts(group: CommitGroup(stamp: stamp, records: []))
      for mark in signatures[Int(signatureOfGroup[index])] {
        let count = Int(counts[next])
        next += 1
        if mark >= RunMark.firstShape {
          let shape = mark - RunMark.firstShape
          parts.group.records.reserveCapacity(parts.group.records.count + count)
          for _ in 0..<count {
            parts.group.records.append(shapes[shape].nextRecord(group: index, stamp: stamp, vector: vector))
          }
        } else {
          for _ in 0..<count {
            let item = try others.rawItem()
            if mark == RunMark.records { parts.addRecord(item, decoder) } else { parts.addEviction(item, decoder) }
          }
        }
      }
      if let error = parts.error {
        groups.append(.failure(error))
        unreadable[index] = parts.contents(replicas)
      } else {
        groups.append(.success(parts.group))
      }
    }
    try others.expectEnd()
    return BatchContents.Decoded(groups: groups, unreadable: unreadable)
  }

  /// A group, and those of its items that came as CBOR, in case that one of them cannot be read.
  private struct Parts {
    var group: CommitGroup
    /// By their places among the records; what stands there in the group means nothing if it cannot be read.
    private var records: [Int: [UInt8]] = [:]
    private var evictions: [[UInt8]] = []
    private(set) var error: DecodeError?

    init(group: CommitGroup) {
      self.group = group
    }

    mutating func addRecord(_ item: [UInt8], _ decoder: GroupDecoder) {
      records[group.records.count] = item
      do throws(DecodeError) {
        group.records.append(try decoder.decodeRecord(item, groupStamp: group.stamp))
      } catch {
        self.error = self.error ?? error
        group.records.append(RecordState(entity: EntityTag(0), id: RecordID([])))
      }
    }

    mutating func addEviction(_ item: [UInt8], _ decoder: GroupDecoder) {
      evictions.append(item)
      do throws(DecodeError) {
        group.evictions.append(try decoder.decodeEviction(item))
      } catch {
        self.error = self.error ?? error
      }
    }

    /// Batch contents as rows with this group alone: what is kept of a group that cannot be read.
    func contents(_ replicas: [ReplicaID]) -> [UInt8] {
      let encoder = GroupEncoder(replicas: replicas)
      var writer = CBORWriter(reserving: 256)
      writer.append(arrayCount: 2)
      encoder.appendReplicas(to: &writer)
      writer.append(arrayCount: 1)
      writer.append(arrayCount: evictions.isEmpty ? 2 : 3)
      encoder.append(group.stamp, to: &writer)
      writer.append(arrayCount: group.records.count)
      for (place, record) in group.records.enumerated() {
        if let item = records[place] { writer.append(rawItem: item) } else { encoder.appendFact(record, to: &writer) }
      }
      if !evictions.isEmpty {
        writer.append(arrayCount: evictions.count)
        for item in evictions { writer.append(rawItem: item) }
      }
      return writer.bytes
    }
  }
}
