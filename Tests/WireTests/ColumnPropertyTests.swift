import Base
import Causality
import Merge
import StoreModel
import Testing
import Wire

@Suite struct ColumnPropertyTests {
  private var random = SeededGenerator(seed: TestSeed.value)

  init() {
    print("ColumnPropertyTests: SEED=\(TestSeed.value)")
  }

  private func groups(of bytes: [UInt8]) throws -> [CommitGroup] {
    try ColumnContents.decode(bytes).groups.map { try $0.get() }
  }

  @Test mutating func anyGroupsRoundTrip() throws {
    for _ in 0..<100 {
      let groups = random.groups() + random.factGroups() + random.groups()
      let contents = try #require(ColumnContents.encode(groups))
      #expect(try self.groups(of: contents.bytes) == groups)
      #expect(ColumnContents.encode(groups) == contents, "the same groups are the same bytes")
      #expect(contents.cuts == contents.cuts.sorted() && contents.cuts.allSatisfy { $0 <= contents.bytes.count })
      let decoded = try ColumnContents.decode(contents.bytes)
      for (index, group) in groups.enumerated() {
        #expect(decoded.single(index) == BatchContents.encode([group]), "what is parked is in rows")
      }
    }
  }

  @Test mutating func factsRoundTripInEveryLayout() throws {
    for round in 0..<40 {
      var groups: [CommitGroup] = []
      for _ in 0..<(round % 3 == 0 ? 60 : 3) { groups += random.factGroups() }
      let contents = try #require(ColumnContents.encode(groups))
      #expect(try self.groups(of: contents.bytes) == groups)
    }
  }

  @Test mutating func everyStrictPrefixIsRefused() throws {
    for _ in 0..<15 {
      let bytes = try #require(ColumnContents.encode(random.factGroups() + random.groups())).bytes
      for count in 0..<bytes.count {
        #expect(throws: DecodeError.self) { try ColumnContents.decode(Array(bytes[..<count])) }
      }
      #expect(throws: DecodeError.self) { try ColumnContents.decode(bytes + [0]) }
    }
  }

  @Test mutating func changedContentsAreRefusedOrGroups() throws {
    for _ in 0..<20 {
      let bytes = try #require(ColumnContents.encode(random.factGroups() + random.groups())).bytes
      for index in bytes.indices.prefix(150) {
        var changed = bytes
        changed[index] ^= UInt8.random(in: 1...255, using: &random)
        guard let decoded = try? ColumnContents.decode(changed) else { continue }
        let groups = decoded.groups.compactMap { try? $0.get() }
        let again = try ColumnContents.decode(try #require(ColumnContents.encode(groups)).bytes)
        #expect(try again.groups.map { try $0.get() } == groups)
        for index in decoded.groups.indices {
          #expect((try? BatchContents.decode(decoded.single(index)))?.groups.count == 1)
        }
      }
    }
  }

  /// A basket that is sold twice takes a few bytes more than once: nothing is told twice.
  @Test mutating func repetitionIsCheap() throws {
    let stamp = Stamp(time: HybridTimestamp(rawValue: 1_700_000_000_000 << 16), replica: random.replica())
    let records = (0..<100).map { place in
      var record = RecordState(entity: EntityTag(11), id: RecordID([0] + Array("\(place)".utf8)))
      record.vector = VersionVector(stamp)
      record.fields = [
        FieldState(
          tag: FieldTag(1), content: .register([Sibling(stamp: stamp, value: .bytes([UInt8](repeating: 7, count: 16)))])
        ),
        FieldState(
          tag: FieldTag(4), content: .register([Sibling(stamp: stamp, value: .text("1082185"))])),
      ]
      return record
    }
    let contents = try #require(ColumnContents.encode([CommitGroup(stamp: stamp, records: records)]))
    #expect(contents.bytes.count < 400)
    #expect(try groups(of: contents.bytes)[0].records == records)
  }
}

extension SeededGenerator {
  /// Groups of facts that look alike, as a shop makes them, with odd ones among them.
  mutating func factGroups() -> [CommitGroup] {
    let shapes = (0..<magnitude(3) + 1).map { _ in factShape() }
    var time = UInt64(1_700_000_000_000 + magnitude(1 << 20)) << 16
    let replica = replica()
    return (0..<magnitude(4) + 1).map { _ in
      time += UInt64(magnitude(5_000_000)) + 1
      let stamp = Stamp(time: HybridTimestamp(rawValue: time), replica: replica)
      var records: [RecordState] = []
      let document = (0..<16).map { _ in UInt8.random(in: 0...255, using: &self) }
      for shape in shapes {
        for line in 0..<magnitude(12) { records.append(fact(shape, stamp, document, line: line)) }
      }
      return CommitGroup(stamp: stamp, records: records)
    }
  }

  private mutating func magnitude(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  private struct Shape {
    var entity: UInt16
    var fields: [(tag: UInt16, form: Int)]
  }

  private mutating func factShape() -> Shape {
    var tag: UInt16 = 0
    var fields: [(tag: UInt16, form: Int)] = []
    for _ in 0..<magnitude(9) {
      tag += UInt16(magnitude(4) == 0 ? magnitude(300) : 0) + 1
      fields.append((tag, magnitude(9)))
    }
    // Some with the tags of entities whose ids are put together.
    return Shape(entity: UInt16(magnitude(16)), fields: fields)
  }

  private mutating func fact(_ shape: Shape, _ stamp: Stamp, _ document: [UInt8], line: Int) -> RecordState {
    let ids: [[UInt8]] = [
      document + [0, 0, 0, UInt8(line)], Array("\(magnitude(1_000_000))".utf8), [UInt8(magnitude(256))] + document,
    ]
    var record = RecordState(entity: EntityTag(shape.entity), id: RecordID(ids[shape.fields.count % 3]))
    record.vector = VersionVector(stamp)
    for (tag, form) in shape.fields {
      let value: Value =
        switch form {
        case 0: .integer(Int64(line))
        case 1: .integer(Int64(magnitude(4) == 0 ? magnitude(1_000) : 0))
        case 2: .integer(magnitude(10) == 0 ? .min : Int64.random(in: .min ... .max, using: &self))
        case 3: .text("\(magnitude(9_000_000))")
        case 4: .text(["", "card", "0", "01", "-0", "é", "9223372036854775807"][magnitude(7)])
        case 5: .bytes(document)
        case 6: .bytes((0..<magnitude(20)).map { UInt8($0) })
        case 7: .integer(Int64(stamp.time.rawValue >> 16) - Int64(magnitude(1_000)))
        default: magnitude(20) == 0 ? .text("odd") : .integer(330)
        }
      record.fields.append(FieldState(tag: FieldTag(tag), content: .register([Sibling(stamp: stamp, value: value)])))
    }
    return record
  }
}
