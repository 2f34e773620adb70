import Base
import Causality
import Merge
import StoreModel
import Testing
import Wire

/// What few bytes may not become, and what therefore travels as rows.
@Suite struct ColumnLimitTests {
  private let stamp = Stamp(
    time: HybridTimestamp(rawValue: 1_700_000_000_000 << 16), replica: ReplicaID(node: NodeNumber(3), incarnation: 7))

  /// A fact with so many fields that are all the same.
  private func fact(_ id: Int, _ value: Value, fields: Int = 1) -> RecordState {
    var record = RecordState(entity: EntityTag(300), id: RecordID(key: "\(id)"))
    record.vector = VersionVector(stamp)
    record.fields = (1...fields).map {
      FieldState(tag: FieldTag(UInt16($0)), content: .register([Sibling(stamp: stamp, value: value)]))
    }
    return record
  }

  private func contents(_ records: [RecordState]) -> ColumnContents? {
    ColumnContents.encode([CommitGroup(stamp: stamp, records: records)])
  }

  /// Contents as rows are bounded by their bytes; a column that repeats itself is bounded by what it would be.
  @Test func whatRepeatsItselfIsCountedEachTime() throws {
    let text = Value.text(String(repeating: "x", count: 100_000))
    let few = try #require(contents((0..<100).map { fact($0, text) }))
    #expect(few.bytes.count < 101_000)
    #expect(try ColumnContents.decode(few.bytes).groups[0].get().records.count == 100)
    #expect(contents((0..<160).map { fact($0, text) }) == nil)
    #expect(contents((0..<2_000).map { fact($0, .integer(0), fields: 1_000) }) == nil)
  }

  @Test func aGroupThatIsTooLargeGoesAsRows() {
    #expect(contents((0...ModelLimits.groupRecordCount).map { fact($0, .integer(1)) }) == nil)
    let groups = [CommitGroup](repeating: CommitGroup(stamp: stamp, records: []), count: 100_001)
    #expect(ColumnContents.encode(groups) == nil)
  }

  @Test func aFactBeyondALimitIsParkedAsItIsInRows() throws {
    let long = fact(1, .text(String(repeating: "x", count: ModelLimits.recordBytes + 1)))
    var nameless = fact(2, .integer(1))
    nameless.id = RecordID([])
    for record in [long, nameless] {
      let columns = try #require(contents([fact(3, .integer(1)), record]))
      let decoded = try ColumnContents.decode(columns.bytes)
      #expect(throws: DecodeError.self) { try decoded.groups[0].get() }
      let kept = try BatchContents.decode(decoded.single(0))
      #expect(throws: DecodeError.self) { try kept.groups[0].get() }
      let group = CommitGroup(stamp: stamp, records: [fact(3, .integer(1)), record])
      #expect(decoded.single(0) == BatchContents.encode([group]))
    }
  }

  /// One record that cannot be read is an error of its group alone.
  @Test func aBadRecordLeavesTheOtherGroups() throws {
    var bad = fact(1, .integer(1))
    bad.id = RecordID([])
    let groups = [
      CommitGroup(stamp: stamp, records: [fact(1, .integer(1))]), CommitGroup(stamp: stamp, records: [bad]),
      CommitGroup(stamp: stamp, records: [fact(2, .integer(1)), fact(3, .text("A"))]),
    ]
    let decoded = try ColumnContents.decode(try #require(ColumnContents.encode(groups)).bytes)
    #expect(try decoded.groups[0].get() == groups[0])
    #expect(throws: DecodeError.self) { try decoded.groups[1].get() }
    #expect(try decoded.groups[2].get() == groups[2])
  }

  /// Each record has other fields than the rest: as many shapes as records, and three columns each.
  @Test(.timeLimit(.minutes(1))) func nothingInCommon() throws {
    let records = (0..<2_000).map { place in
      var record = fact(place, .integer(Int64(place) << 40 + Int64(place)), fields: 2)
      record.fields[1].tag = FieldTag(UInt16(place + 2))
      return record
    }
    let columns = try #require(contents(records))
    #expect(try ColumnContents.decode(columns.bytes).groups[0].get().records == records)
    #expect(columns.bytes.count < 2 * BatchContents.encode([CommitGroup(stamp: stamp, records: records)]).count)
  }

  /// Counts from a few bytes: each is refused before it becomes memory.
  @Test(
    arguments: [
      // 100,000 groups of one run of one shape; each run has 10,000 records.
      "01030701" + "a08d06" + "0180af9bdd9567" + "00" + "00" + "01020000" + "00" + "00" + "01a09c01" + "00" + "20",
      // A shape of 1,024 fields, and 10,000 records.
      "010307010180af9bdd95670000" + "01020100ff0700" + "00" + "01a09c01" + "00" + "20"
        + String(repeating: "00", count: 1_024),
      // A table of a million empty strings.
      "010307010180af9bdd95670000" + "0102000000" + "0102" + "c0843d" + "0102" + "60",
      // 65,536 replicas that are not there.
      "808004",
    ]) func largeCounts(_ hex: String) throws
  {
    let bytes = try #require(Hex.decode(hex))
    #expect(throws: DecodeError.self) { try ColumnContents.decode(bytes) }
  }
}
