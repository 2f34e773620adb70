import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing
import Wire

/// One example of everything that travels, byte for byte, put together from RFC 8949 and the protocol's tables apart
/// from this code. A change here breaks every node in the field.
@Suite struct GoldenTests {
  private static let time = HybridTimestamp(rawValue: 111_411_200_000_000_005)

  private func expect(_ message: Message, _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation) throws
  {
    let hex = parts.joined()
    #expect(Hex.encode(message.encoded()) == hex, sourceLocation: sourceLocation)
    let bytes = try #require(Hex.decode(hex))
    #expect(try Message(decoding: bytes) == message, sourceLocation: sourceLocation)
  }

  private func expect(_ group: CommitGroup, _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation)
    throws
  {
    let hex = parts.joined()
    #expect(Hex.encode(BatchContents.encode([group])) == hex, sourceLocation: sourceLocation)
    let decoded = try BatchContents.decode(try #require(Hex.decode(hex)))
    #expect(try decoded.groups.map { try $0.get() } == [group], sourceLocation: sourceLocation)
  }

  /// Two lines of an order, in columns.
  @Test func columns() throws {
    let stamp = Stamp(time: Self.time, replica: ReplicaID(node: NodeNumber(3), incarnation: 7))
    let order: [UInt8] = [1, 0x8B, 0xCF, 0xE5, 0x68, 0, 0x70, 1, 0x80, 2, 3, 4, 5, 6, 7, 8]
    func line(_ number: UInt8, _ product: String) -> RecordState {
      var record = RecordState(entity: EntityTag(11), id: RecordID(order + [0, 0, 0, number]))
      record.vector = VersionVector(stamp)
      let values: [(UInt16, Value)] = [(1, .bytes(order)), (2, .integer(Int64(number))), (4, .text(product))]
      record.fields = values.map {
        FieldState(tag: FieldTag($0), content: .register([Sibling(stamp: stamp, value: $1)]))
      }
      return record
    }
    let group = CommitGroup(stamp: stamp, records: [line(1, "1082185"), line(2, "995242")])
    let parts = [
      "010307",  // One replica, node 3 and its incarnation.
      "01",  // One group:
      "0180a0abfef962",  // the milliseconds of its stamp, constant, 2 · 1,700,000,000,000;
      "010a",  // their counter, 5;
      "00",  // the place of its replica, 0.
      "01" + "0b",  // One shape, of entity 11:
      "02" + "0101" + "0100",  // tags in two runs: 1 and 2, then 4;
      "02" + "00" + "05",  // the id from two parts: field 0 as it is, field 1 as a number.
      "00",  // Each group is facts of the first shape,
      "0104",  // two of them.
      "01" + "00",  // One string, a UUID of version 7:
      "00",  // made in the stamp's millisecond,
      "70018002030405060708",  // and its other ten bytes.
      "60",  // The order: bytes by their places, all 0.
      "0702",  // The line: places above 1.
      "22" + "c98642" + "aadf3c",  // The product: decimals as varints.
    ]
    let hex = parts.joined()
    #expect(Hex.encode(try #require(ColumnContents.encode([group])).bytes) == hex)
    #expect(try ColumnContents.decode(try #require(Hex.decode(hex))).groups.map { try $0.get() } == [group])
  }

  @Test func hello() throws {
    try expect(
      .hello(
        Hello(
          oldestVersion: 1, newestVersion: 1, replica: ReplicaID(node: NodeNumber(3), incarnation: 0xDEAD_BEEF),
          credential: [1, 2, 3], epoch: Epoch(rawValue: .max), clock: WallTime(milliseconds: 1_700_000_000_000),
          peerEpoch: Epoch(rawValue: 500), cursors: LaneMap(urgent: 1, normal: 24, bulk: 70_000), window: 1 << 20,
          software: "store-node 1")),
      "8201",  // An array of two: message number 1 …
      "aa",  // … and a map of ten pairs:
      "0001",  // 0: oldest version, 1
      "0101",  // 1: newest version, 1
      "0282031adeadbeef",  // 2: replica, node 3 and its incarnation
      "0343010203",  // 3: credential, three bytes
      "041bffffffffffffffff",  // 4: epoch, 2^64 - 1
      "051b0000018bcfe56800",  // 5: clock, 1 700 000 000 000 ms
      "061901f4",  // 6: HQ's epoch, 500
      "07830118181a00011170",  // 7: cursors 1, 24, 70 000
      "081a00100000",  // 8: window, 2^20
      "096c73746f72652d6e6f64652031")  // 9: software, a text of twelve bytes
  }

  @Test func helloAtTheFirstContact() throws {
    try expect(
      .hello(
        Hello(
          oldestVersion: 1, newestVersion: 2, replica: ReplicaID(node: NodeNumber(3), incarnation: 4), credential: [],
          epoch: Epoch(rawValue: 5), clock: WallTime(milliseconds: 6), peerEpoch: nil,
          cursors: LaneMap(repeating: 0), window: 7, software: "")),
      "8201a9", "0001", "0102", "02820304", "0340", "0405", "0506",
      "0783000000",  // There is no key 6.
      "0807", "0960")
  }

  @Test func welcome() throws {
    try expect(
      .welcome(
        Welcome(
          version: 1, replica: ReplicaID(node: .hq, incarnation: 1), epoch: Epoch(rawValue: 500),
          clock: WallTime(milliseconds: -1), cursors: LaneMap(urgent: 0, normal: 256, bulk: 1 << 32), window: 1 << 20,
          software: "hq-node 1")),
      "8202", "a7",  // Message number 2, seven pairs:
      "0001",  // 0: version
      "01820001",  // 1: replica, node 0 and incarnation 1
      "021901f4",  // 2: epoch, 500
      "0320",  // 3: clock, -1 ms
      "0483001901001b0000000100000000",  // 4: cursors 0, 256, 2^32
      "051a00100000",  // 5: window
      "066968712d6e6f64652031")  // 6: software
  }

  @Test func sessionTokens() throws {
    try expect(
      .hello(
        Hello(
          oldestVersion: 1, newestVersion: 1, replica: ReplicaID(node: NodeNumber(3), incarnation: 4), credential: [],
          epoch: Epoch(rawValue: 5), clock: WallTime(milliseconds: 6), peerEpoch: nil,
          cursors: LaneMap(repeating: 0), window: 7, software: "", token: [0xAA, 0xBB])),
      "8201aa", "0001", "0101", "02820304", "0340", "0405", "0506", "0783000000", "0807", "0960",
      "0a42aabb")  // 10: token, two bytes
    try expect(
      .welcome(
        Welcome(
          version: 1, replica: ReplicaID(node: .hq, incarnation: 1), epoch: Epoch(rawValue: 5),
          clock: WallTime(milliseconds: 6), cursors: LaneMap(repeating: 0), window: 7, software: "",
          token: [0xAA, 0xBB])),
      "8202a8", "0001", "01820001", "0205", "0306", "0483000000", "0507", "0660",
      "0742aabb")  // 7: token
  }

  @Test func joining() throws {
    try expect(
      .enrol(
        Enrol(
          oldestVersion: 1, newestVersion: 1, node: NodeNumber(70_000), secret: [1, 2, 3], software: "store-node 1")
      ),
      "8209", "a5",  // Message number 9, five pairs:
      "0001", "0101",  // 0, 1: versions
      "021a00011170",  // 2: node 70 000
      "0343010203",  // 3: secret
      "046c73746f72652d6e6f64652031")  // 4: software
    try expect(
      .enrolled(Enrolled(version: 1, credential: [0xFE, 0xFF])),
      "820a", "a2",  // Message number 10, two pairs:
      "0001",  // 0: version
      "0142feff")  // 1: credential
  }

  @Test func refusal() throws {
    try expect(
      .refusal(Refusal(.busy, "später", retryAfter: 30_000)),
      "8203", "a3",  // Message number 3, three pairs:
      "006462757379",  // 0: code, “busy”
      "01677370c3a4746572",  // 1: message, seven bytes of UTF-8
      "02197530")  // 2: retry after 30 000 ms
  }

  @Test func batch() throws {
    try expect(
      .batch(
        Batch(
          lane: .bulk, after: 7, through: 9, incompleteUntil: 12, codec: 0, groupCount: 1, contentsBytes: 4,
          payload: [1, 2, 3, 4])),
      "8204", "a8",  // Message number 4, eight pairs:
      "0002", "0107", "0209",  // 0: lane; 1: after; 2: through
      "030c", "0400", "0501",  // 3: incomplete until; 4: codec; 5: groups
      "0604", "074401020304")  // 6: bytes of the contents; 7: payload
  }

  @Test func acknowledgement() throws {
    let exception = Acknowledgement.Exception(index: 0, outcome: .parked, code: "too-large", reason: "why")
    try expect(
      .acknowledgement(Acknowledgement(lane: .normal, through: 9, exceptions: [exception])),
      "8205", "a3",  // Message number 5, three pairs:
      "0001", "0109",  // 0: lane; 1: through
      "0281",  // 2: one exception:
      "84000169746f6f2d6c6172676563776879")  // group 0, outcome 1, code and reason
    try expect(.acknowledgement(Acknowledgement(lane: .urgent, through: 9)), "8205", "a2", "0000", "0109")
  }

  @Test func shortMessages() throws {
    try expect(.ping(23), "820617")
    try expect(.pong(24), "82071818")
    try expect(.caughtUp, "8208a0")
  }

  @Test func groupWithAFact() throws {
    let stamp = Stamp(time: Self.time, replica: ReplicaID(node: NodeNumber(1), incarnation: 9))
    let values: [(UInt16, Value)] = [(1, .integer(-2)), (2, .text("\u{E9}")), (300, .bytes([0xFF]))]
    let record = RecordState(
      entity: EntityTag(11), id: RecordID(key: "k1"), vector: VersionVector(stamp),
      fields: values.map {
        FieldState(tag: FieldTag($0), content: .register([Sibling(stamp: stamp, value: $1)]))
      })
    try expect(
      CommitGroup(stamp: stamp, records: [record]),
      "82",  // The replicas and the groups:
      "820109",  // one replica, node 1 and incarnation 9
      "81", "82",  // one group of two items:
      "821b018bcfe56800000500",  // its stamp, (1 700 000 000 000 << 16) + 5 by replica 0
      "81", "830b426b31",  // one record, a fact: entity 11, id “k1”,
      "a3",  // three fields:
      "0121", "0262c3a9", "19012c41ff")  // 1: -2; 2: “é”; 300: a byte
  }

  @Test func groupInTheGeneralForm() throws {
    let hq = ReplicaID(node: .hq, incarnation: 1)
    let store = ReplicaID(node: NodeNumber(7), incarnation: 2)
    func stamp(_ time: UInt64, _ replica: ReplicaID) -> Stamp {
      Stamp(time: HybridTimestamp(rawValue: time), replica: replica)
    }
    let (five, six) = (stamp(5, store), stamp(6, hq))
    var vector = VersionVector(five)
    vector.insert(six)
    let record = RecordState(
      entity: EntityTag(2), id: RecordID(key: "n"), vector: vector,
      fields: [
        FieldState(
          tag: FieldTag(1),
          content: .register([Sibling(stamp: five, value: .integer(10)), Sibling(stamp: six, value: .null)])),
        FieldState(tag: FieldTag(2), content: .set([Element(value: .text("a"), stamps: [five, six])])),
        FieldState(tag: FieldTag(3), content: .counter([Share(stamp: six, sum: -4)])),
        FieldState(
          tag: FieldTag(4),
          content: .map([MapEntry(key: "size", siblings: [Sibling(stamp: five, value: .integer(42))])])),
      ],
      deletions: [DeletionMark(stamp: six, saw: VersionVector(stamp(4, store)))])
    let eviction = Eviction(
      key: RecordKey(entity: EntityTag(2), id: RecordID(key: "m")), vector: VersionVector(six))
    try expect(
      CommitGroup(stamp: Stamp(time: Self.time, replica: store), records: [record], evictions: [eviction]),
      "82", "8400010702",  // Replica 0 is HQ's incarnation 1, replica 1 is node 7's 2.
      "81", "83",  // One group of three items:
      "821b018bcfe56800000501",  // its stamp;
      "81", "8502416e",  // one record of five items: entity 2, id “n”,
      "a4",  // four fields:
      "01820082", "828205010a", "82820600f6",  // 1, a register: 10 at 5 by replica 1, null at 6 by replica 0
      "0282018182616182820501820600",  // 2, a set: “a” with two stamps
      "038202818282060023",  // 3, a counter: -4 at 6 by replica 0
      "04820381826473697a658182820501182a",  // 4, a map: “size” is 42
      "8400060105",  // its vector: 6 of replica 0, 5 of replica 1;
      "8182820600820104",  // one deletion at 6 by replica 0, which had seen 4 of replica 1;
      "818302416d820006")  // and one eviction: entity 2, id “m”, vector
  }
}
