import Causality
import Merge
import StoreModel

/// Puts groups together from facts that came in columns and from what came as CBOR behind them.
struct GroupAssembly {
  let replicas: [ReplicaID]
  let stamps: [Stamp]
  let shapes: [FactColumns]
  var others: CBORReader
  /// Of each shape, the first row that no group has yet.
  private var nextRows: [Int]

  init(replicas: [ReplicaID], stamps: [Stamp], shapes: [FactColumns], others: CBORReader) {
    self.replicas = replicas
    self.stamps = stamps
    self.shapes = shapes
    self.others = others
    nextRows = [Int](repeating: 0, count: shapes.count)
  }

  /// - Throws: if what came as CBOR is none, or is not all there is.
  mutating func assemble(
    _ signatures: [[Int]], _ signatureOfGroup: [Int64], _ counts: [Int64]
  ) throws(DecodeError) -> BatchContents.Decoded {
    let decoder = GroupDecoder(replicas: replicas)
    let areFacts = signatures.map { marks in !marks.isEmpty && marks.allSatisfy { $0 >= RunMark.firstShape } }
    var groups: [BatchContents.Decoded.Group] = []
    groups.reserveCapacity(stamps.count)
    var unreadable: [Int: [UInt8]] = [:]
    var next = 0
    for (index, stamp) in stamps.enumerated() {
      let signature = Int(signatureOfGroup[index])
      let marks = signatures[signature]
      let runCounts = counts[next..<next + marks.count]
      next += marks.count
      if areFacts[signature] {
        groups.append(.facts(FactGroup(stamp: stamp, runs: zip(marks, runCounts).map { takeRun($0, Int($1)) })))
        continue
      }
      let parts = try readParts(stamp, marks, runCounts, decoder)
      if let error = parts.error {
        groups.append(.unreadable(error))
        unreadable[index] = parts.contents(replicas)
      } else {
        groups.append(.whole(parts.group))
      }
    }
    try others.expectEnd()
    return BatchContents.Decoded(groups: groups, unreadable: unreadable)
  }

  private mutating func takeRun(_ mark: Int, _ count: Int) -> FactGroup.Run {
    let shape = mark - RunMark.firstShape
    let start = nextRows[shape]
    nextRows[shape] = start + count
    return FactGroup.Run(shapes[shape], start..<start + count)
  }

  private mutating func readParts(
    _ stamp: Stamp, _ marks: [Int], _ counts: ArraySlice<Int64>, _ decoder: GroupDecoder
  ) throws(DecodeError) -> Parts {
    var parts = Parts(group: CommitGroup(stamp: stamp, records: []))
    for (mark, count) in zip(marks, counts) {
      if mark >= RunMark.firstShape {
        let run = takeRun(mark, Int(count))
        parts.group.records += run.columns.records(run.rows, stamp: stamp)
        continue
      }
      for _ in 0..<count {
        let item = try others.rawItem()
        if mark == RunMark.records { parts.addRecord(item, decoder) } else { parts.addEviction(item, decoder) }
      }
    }
    return parts
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
