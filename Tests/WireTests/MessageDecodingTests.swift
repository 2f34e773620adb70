import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing
import Wire

/// What decoding passes over, and what it refuses by name.
@Suite struct MessageDecodingTests {
  private func error(_ body: () throws -> Void) -> DecodeError? {
    do {
      try body()
      return nil
    } catch {
      return error as? DecodeError
    }
  }

  private func message(_ hex: String) throws -> Message { try Message(decoding: try #require(Hex.decode(hex))) }

  /// The encoded message with the pairs of its map changed.
  private func changed(_ message: Message, _ change: (inout [CBORValue.Pair]) -> Void) throws -> [UInt8] {
    guard case .array(var items) = try CBORValue(decoding: message.encoded()), case .map(var pairs) = items[1] else {
      Issue.record("expected an array with a map")
      return []
    }
    change(&pairs)
    items[1] = .map(pairs)
    return CBORValue.array(items).encoded()
  }

  private static let withMaps: [Message] = [
    .hello(
      Hello(
        replica: ReplicaID(node: NodeNumber(3), incarnation: 4), credential: [1], epoch: Epoch(rawValue: 5),
        clock: WallTime(milliseconds: 6), peerEpoch: Epoch(rawValue: 7), cursors: LaneMap(repeating: 8), window: 9,
        software: "x", token: [2])),
    .welcome(
      Welcome(
        version: 1, replica: ReplicaID(node: .hq, incarnation: 4), epoch: Epoch(rawValue: 5),
        clock: WallTime(milliseconds: 6), cursors: LaneMap(repeating: 8), window: 9, software: "x",
        token: [2])),
    .refusal(Refusal(.busy, "x")),
    .batch(
      Batch(
        lane: .normal, after: 1, through: 2, incompleteUntil: 0, codec: 0, groupCount: 0, contentsBytes: 0,
        payload: [])),
    .acknowledgement(
      Acknowledgement(
        lane: .normal, through: 2,
        exceptions: [Acknowledgement.Exception(index: 0, outcome: .refused, code: "c", reason: "r")])),
    .caughtUp,
    .enrol(Enrol(node: NodeNumber(3), secret: [1], software: "x")),
    .enrolled(Enrolled(version: 1, credential: [1])),
  ]

  @Test(arguments: withMaps) func unknownKeysArePassedOver(_ message: Message) throws {
    let bytes = try changed(message) { pairs in
      pairs.append(CBORValue.Pair(.unsigned(40), .array([.text("from a later version"), .null])))
      pairs.append(CBORValue.Pair(.unsigned(1_000), .map([])))
    }
    #expect(try Message(decoding: bytes) == message)
  }

  @Test(arguments: withMaps) func aMissingKeyIsNamed(_ message: Message) throws {
    var pairCount = 0
    _ = try changed(message) { pairCount = $0.count }
    for index in 0..<pairCount {
      let bytes = try changed(message) { $0.remove(at: index) }
      let isOptional: Bool
      switch message {
      case .hello: isOptional = index == 6 || index == 10
      case .welcome: isOptional = index == 7
      case .acknowledgement: isOptional = index == 2
      default: isOptional = false
      }
      let error = error { _ = try Message(decoding: bytes) }
      #expect(error?.reason == (isOptional ? nil : .missingKey(UInt64(index))))
    }
  }

  /// An error in a message says in which of its fields.
  @Test(arguments: withMaps) func aValueOfTheWrongKindIsNamedByItsKey(_ message: Message) throws {
    var pairCount = 0
    _ = try changed(message) { pairCount = $0.count }
    for index in 0..<pairCount {
      let bytes = try changed(message) { $0[index].value = .boolean(true) }
      let error = error { _ = try Message(decoding: bytes) }
      guard case .wrongKind = error?.reason else {
        Issue.record("expected a wrong kind, found \(String(describing: error))")
        continue
      }
      #expect(error?.field == "key \(index)", "\(String(describing: error))")
    }
  }

  @Test func keysOutOfOrderOrTwiceAreRefused() {
    #expect(error { _ = try message("8203a301617802006000617a") } != nil)
    #expect(error { _ = try message("8203a3016178006161" + "0200") }?.reason == .unsortedKeys)
    #expect(error { _ = try message("8203a3006161006161" + "0200") }?.reason == .duplicateKey)
  }

  @Test(
    arguments: [
      ("820f00", "a message number from 1 to 16"), ("820000", "a message number from 1 to 16"),
      ("8101", "an array of 2 items"), ("8205a200030109", "a lane from 0 to 2"),
      ("8205a30000010902818400036163", "an outcome, 1 or 2"), ("8205a3000001090281830001", "an array of 4 items"),
      ("8202a70001018200f6", nil),
    ] as [(String, String?)]) func whatIsNoMessageIsRefused(_ hex: String, _ expected: String?)
  {
    let found = error { _ = try message(hex) }
    #expect(found != nil)
    guard let expected, case .invalidValue(let text) = found?.reason else { return }
    #expect(text == expected)
  }

  @Test func numbersAreHeldToTheirWidth() {
    // A node number and an incarnation of 33 bits.
    let start = "8202a700010182"
    let rest = "0200" + "0300" + "0483000000" + "0500" + "0660"
    #expect(error { _ = try message(start + "0001" + rest) } == nil)
    for replica in ["1b000000010000000000", "001b0000000100000000"] {
      #expect(
        error { _ = try message(start + replica + rest) }?.reason == .invalidValue(expected: "a number of 32 bits"))
    }
  }

  @Test func limitsAreCheckedBeforeAnythingIsRead() {
    let credential = [UInt8](repeating: 0, count: WireLimits.maximumCredentialBytes + 1)
    let hello = Message.hello(
      Hello(
        replica: ReplicaID(node: NodeNumber(3), incarnation: 4), credential: credential, epoch: Epoch(rawValue: 5),
        clock: WallTime(milliseconds: 6), peerEpoch: nil, cursors: LaneMap(repeating: 8), window: 9, software: "x"))
    #expect(
      error { _ = try Message(decoding: hello.encoded()) }?.reason
        == .overLimit(found: UInt64(credential.count), limit: WireLimits.maximumCredentialBytes))
    let long = String(repeating: "x", count: WireLimits.maximumTextBytes + 1)
    #expect(
      error { _ = try Message(decoding: Message.refusal(Refusal(.busy, long)).encoded()) }?.reason
        == .overLimit(found: UInt64(long.utf8.count), limit: WireLimits.maximumTextBytes))
    let many = (0...WireLimits.maximumMessageFields).map { CBORValue.Pair(.unsigned(UInt64($0)), .null) }
    let bytes = CBORValue.array([.unsigned(8), .map(many)]).encoded()
    #expect(
      error { _ = try Message(decoding: bytes) }?.reason
        == .overLimit(found: UInt64(many.count), limit: WireLimits.maximumMessageFields))
  }
}

/// Groups that are well-formed CBOR and no groups: each is refused by name, and the others are not.
@Suite struct GroupDecodingTests {
  /// The error of the one group, in contents with the replicas (1, 1) and (2, 1).
  private func error(ofGroup hex: String) throws -> DecodeError? {
    let bytes = try #require(Hex.decode("82" + "8401010201" + "81" + hex))
    do {
      _ = try BatchContents.decode(bytes).groups[0].get()
      return nil
    } catch {
      return error
    }
  }

  /// A group with one record of this general content: fields, vector, deletions.
  private func record(_ fields: String, vector: String = "820005", deletions: String = "80") -> String {
    "82" + "820900" + "81" + "85" + "02" + "416e" + fields + vector + deletions
  }

  @Test(
    arguments: [
      // Registers: two siblings of one stamp, and two in descending order.
      ("a10182008282820500018282050002", "siblings in ascending order"),
      ("a10182008282820600018282050002", "siblings in ascending order"),
      // Sets: elements descending, stamps descending, an element without stamps.
      ("a1018201828261628182050082616181820500", "elements in ascending order"),
      ("a10182018182616182820600820500", "stamps in ascending order"),
      ("a10182018182616180", "an element with a stamp"),
      // Counters: two shares of one replica.
      ("a10182028282820500018282060001", "shares in ascending order of replicas"),
      // Maps: keys descending, a key without a value.
      ("a101820382826162818282050001826161818282050001", "entries in ascending order of keys"),
      ("a10182038182616180", "an entry with a value"),
      // Fields without anything, of an unknown kind, with a value of a kind that values have not.
      ("a101820080", "a field with something in it"),
      ("a101820480", "a field kind from 0 to 3"),
      ("a1018200818282050080", "null, a whole number, text or bytes"),
      ("a11a000100008200818282050001", "a field tag of 16 bits"),
      // Stamps: at zero, of a replica that is not in the table.
      ("a1018200818282000001", "a time above zero"),
      ("a1018200818282050201", "a place in the table of replicas"),
    ] as [(String, String)]) func fields(_ hex: String, _ expected: String) throws
  {
    #expect(try error(ofGroup: record(hex))?.reason == .invalidValue(expected: expected))
  }

  @Test func theRestOfARecord() throws {
    let vector = "a vector in ascending order of replicas, without zeros"
    #expect(try error(ofGroup: record("a0")) == nil)
    #expect(try error(ofGroup: record("a0", vector: "8401050005"))?.reason == .invalidValue(expected: vector))
    #expect(try error(ofGroup: record("a0", vector: "8400050005"))?.reason == .invalidValue(expected: vector))
    #expect(try error(ofGroup: record("a0", vector: "820000"))?.reason == .invalidValue(expected: vector))
    #expect(
      try error(ofGroup: record("a0", vector: "8100"))?.reason
        == .invalidValue(expected: "pairs of replica and time"))
    #expect(
      try error(ofGroup: record("a0", deletions: "82828205008082820500" + "80"))?.reason
        == .invalidValue(expected: "marks in ascending order"))
    #expect(
      try error(ofGroup: "82" + "820900" + "81" + "83" + "02416e" + "a101f6")?.reason
        == .invalidValue(expected: "a value that is not null"))
    #expect(
      try error(ofGroup: "82" + "820900" + "81" + "84" + "02416ea080")?.reason
        == .invalidValue(expected: "a record of three or five items"))
    #expect(
      try error(ofGroup: "81" + "820900")?.reason == .invalidValue(expected: "a group of two or three items"))
    #expect(
      try error(ofGroup: "82" + "820900" + "81" + "83" + "1a00010000416e" + "a0")?.reason
        == .invalidValue(expected: "a number of 16 bits"))
  }

  /// What has a shorter form has no other: no evictions are none at all.
  @Test func anEmptyListOfEvictionsIsRefused() throws {
    #expect(try error(ofGroup: "83" + "820900" + "80" + "80")?.reason == .invalidValue(expected: "an eviction"))
  }

  @Test func unsortedFieldsAreRefused() throws {
    let one = "82008182820500" + "01"
    #expect(try error(ofGroup: record("a2" + "02" + one + "01" + one))?.reason == .unsortedKeys)
    #expect(try error(ofGroup: record("a2" + "01" + one + "01" + one))?.reason == .duplicateKey)
  }

  @Test(
    arguments: [
      ("8180", nil), ("82808000", nil), ("82810180", "pairs of node and incarnation"),
      ("82840201010180", "replicas in ascending order"), ("82840101010180", "replicas in ascending order"),
      ("82821b00000001000000000180", "a number of 32 bits"),
    ] as [(String, String?)]) func contentsThatCannotBeReadAtAll(_ hex: String, _ expected: String?) throws
  {
    let bytes = try #require(Hex.decode(hex))
    do {
      _ = try BatchContents.decode(bytes)
      Issue.record("expected an error")
    } catch {
      if let expected { #expect(error.reason == .invalidValue(expected: expected)) }
    }
  }

  @Test func noContentsAreEmptyContents() throws {
    #expect(Hex.encode(BatchContents.encode([])) == "828080")
    #expect(try BatchContents.decode([0x82, 0x80, 0x80]).groups.isEmpty)
  }

  /// What lies beyond it is refused before anything is made of it.
  @Test func aLogWentOnFromSoManyAtTheMost() throws {
    func welcome(_ count: Int) -> Message {
      .welcome(
        Welcome(
          version: 1, replica: ReplicaID(node: .hq, incarnation: 4), epoch: Epoch(rawValue: 5),
          clock: WallTime(milliseconds: 6), cursors: LaneMap(repeating: 8), window: 9, software: "x",
          ancestors: (0..<count).map { Lineage.Ancestor(epoch: Epoch(rawValue: UInt64($0)), end: 1) }))
    }
    let most = WireLimits.maximumAncestors
    #expect(StoreLimits.toldAncestorCount <= most, "or a node could not say what it names")
    let message = welcome(most)
    #expect(try Message(decoding: message.encoded()) == message)
    #expect(throws: DecodeError.self) { try Message(decoding: welcome(most + 1).encoded()) }
  }
}
