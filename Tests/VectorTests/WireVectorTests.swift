import Base
import Causality
import Interchange
import JSON
import Merge
import RecordStore
import StoreModel
import Testing
import Wire

@Suite("Vectors: frames, messages, batch contents")
struct WireVectorTests {
  @Test(arguments: try Vectors.cases("messages.json"))
  func wellFormed(_ vector: Case) throws {
    let payload = try vector.bytes("payload")
    let expected = try message(Case(vector.need("message").object))
    #expect(try Message(decoding: payload) == expected)
    #expect(try (expected.encoded() == payload) == vector.flag("canonical"))
  }

  /// What a link in a certain state must refuse is checked against a running HQ by Protocol/client/endtoend.py.
  @Test(arguments: try Vectors.cases("malformed.json"))
  func malformed(_ vector: Case) throws {
    var decoder = FrameDecoder()
    decoder.append(try vector.bytes("bytes"))
    let level = try vector.text("level")
    do {
      let payload = try #require(try decoder.next())
      #expect(level != "frame")
      _ = try Message(decoding: payload)
      #expect(level == "session")
    } catch let error as FrameError {
      #expect(level == "frame", "\(error)")
    } catch let error as DecodeError {
      #expect(level == "message", "\(error)")
    }
  }

  @Test(arguments: try Vectors.cases("contents.json"))
  func contents(_ vector: Case) throws {
    let bytes = try vector.bytes("contents")
    guard let expected = vector["groups"] else {
      #expect(throws: DecodeError.self) { try BatchContents.decode(bytes) }
      return
    }
    let items = try expected.items
    let decoded = try BatchContents.decode(bytes)
    try #require(decoded.groups.count == items.count)
    for (found, item) in zip(decoded.groups, items) {
      if case .string = item {
        if case .success(let group) = found { Issue.record("found the group \(group)") }
      } else {
        #expect(try found.get() == group(item))
      }
    }
    if try vector.flag("canonical") {
      #expect(BatchContents.encode(try items.map(group)) == bytes)
    }
  }

  @Test(arguments: try Vectors.cases("columns.json"))
  func columns(_ vector: Case) throws {
    let bytes = try vector.bytes("columns")
    guard let expected = vector["groups"] else {
      #expect(throws: DecodeError.self) { try ColumnContents.decode(bytes) }
      return
    }
    let items = try expected.items
    let decoded = try ColumnContents.decode(bytes)
    try #require(decoded.groups.count == items.count)
    for (index, (found, item)) in zip(decoded.groups, items).enumerated() {
      let alone = try BatchContents.decode(decoded.single(index)).groups
      if case .string = item {
        if case .success(let group) = found { Issue.record("found the group \(group)") }
        if case .success(let group)? = alone.first { Issue.record("found the group \(group) alone") }
      } else {
        #expect(try found.get() == group(item))
        #expect(try alone.map { try $0.get() } == [group(item)])
      }
    }
    if try vector.flag("canonical") {
      #expect(ColumnContents.encode(try items.map(group))?.bytes == bytes)
    }
  }

  private func message(_ fields: Case) throws -> Message {
    switch try fields.text("type") {
    case "hello":
      return .hello(
        Hello(
          oldestVersion: try number(fields, "oldestVersion"), newestVersion: try number(fields, "newestVersion"),
          replica: try replica(fields), credential: try fields.bytes("credential"),
          epoch: Epoch(rawValue: try number(fields, "epoch")), clock: try clock(fields),
          peerEpoch: fields["peerEpoch"] == nil ? nil : Epoch(rawValue: try number(fields, "peerEpoch")),
          cursors: try cursors(fields), window: try number(fields, "window"), software: try fields.text("software"),
          token: try fields["token"]?.hex,
          endpointsVersion: fields["endpointsVersion"] == nil ? nil : try number(fields, "endpointsVersion"),
          ancestors: try ancestors(fields, "ancestors"), peerAncestors: try ancestors(fields, "peerAncestors") ?? [],
          answersVerify: fields["answersVerify"] == .bool(true),
          codecs: fields["codecs"] == nil ? nil : try number(fields, "codecs")))
    case "welcome":
      return .welcome(
        Welcome(
          version: try number(fields, "version"), replica: try replica(fields),
          epoch: Epoch(rawValue: try number(fields, "epoch")), clock: try clock(fields), cursors: try cursors(fields),
          window: try number(fields, "window"), software: try fields.text("software"), token: try fields["token"]?.hex,
          endpoints: try fields["endpoints"].map { value in
            EndpointList(
              version: UInt64(try value.items[0].number), endpoints: try value.items[1].items.map { try $0.text })
          },
          ancestors: try ancestors(fields, "ancestors"), resumption: try optionalCursors(fields, "resumption"),
          brought: try brought(fields), codecs: fields["codecs"] == nil ? nil : try number(fields, "codecs")))
    case "refusal":
      return .refusal(
        Refusal(
          code: try fields.text("code"), message: try fields.text("message"),
          retryAfter: try number(fields, "retryAfter"),
          coverage: try optionalCursors(fields, "cursors").map {
            LogCoverage(cursors: $0, brought: try brought(fields))
          }))
    case "batch":
      return .batch(
        Batch(
          lane: try lane(fields), after: try sequence(fields, "after"), through: try sequence(fields, "through"),
          incompleteUntil: try sequence(fields, "incompleteUntil"),
          awaited: try optionalCursors(fields, "awaited") ?? LaneMap(repeating: 0), brought: try brought(fields),
          codec: try number(fields, "codec"),
          groupCount: try number(fields, "groups"), contentsBytes: try number(fields, "contentsBytes"),
          payload: try fields.bytes("payload")))
    case "acknowledgement":
      return .acknowledgement(
        Acknowledgement(
          lane: try lane(fields), through: try sequence(fields, "through"),
          exceptions: try fields.need("exceptions").items.map(exception)))
    case "enrol":
      return .enrol(
        Enrol(
          oldestVersion: try number(fields, "oldestVersion"), newestVersion: try number(fields, "newestVersion"),
          node: NodeNumber(UInt32(try number(fields, "node"))), secret: try fields.bytes("secret"),
          software: try fields.text("software")))
    case "enrolled":
      return .enrolled(
        Enrolled(version: try number(fields, "version"), credential: try fields.bytes("credential")))
    case "endpoints":
      return .endpoints(
        EndpointList(
          version: try number(fields, "version"), endpoints: try fields.need("endpoints").items.map { try $0.text }))
    case "keys":
      return .keys(
        KeyNews(
          number: try number(fields, "number"), pins: try (fields["pins"]?.items ?? []).map { try $0.hex },
          renews: fields["renews"] == .bool(true), isTaken: fields["isTaken"] == .bool(true)))
    case "keysKept":
      return .keysKept(
        KeyReceipt(number: try number(fields, "number"), credential: try fields["credential"]?.hex))
    case "endpointsKept": return .endpointsKept(try number(fields, "version"))
    case "verify": return .verify(try fields.question())
    case "verified": return .verified(try fields.answer())
    case "ping": return .ping(try number(fields, "number"))
    case "pong": return .pong(try number(fields, "number"))
    case "caughtUp": return .caughtUp
    case let other: throw VectorError("found the message “\(other)”")
    }
  }

  private func number(_ fields: Case, _ name: String) throws -> UInt64 { UInt64(try fields.need(name).number) }
  private func sequence(_ fields: Case, _ name: String) throws -> Sequence64 {
    Sequence64(try number(fields, name))
  }
  private func ancestors(_ fields: Case, _ name: String) throws -> [Lineage.Ancestor]? {
    guard let numbers = try fields[name]?.items.map({ UInt64(try $0.number) }) else { return nil }
    return stride(from: 0, to: numbers.count, by: 2).map {
      Lineage.Ancestor(epoch: Epoch(rawValue: numbers[$0]), end: numbers[$0 + 1])
    }
  }

  private func optionalCursors(_ fields: Case, _ name: String) throws -> LaneMap<Sequence64>? {
    guard let numbers = try fields[name]?.items.map({ UInt64(try $0.number) }), numbers.count == 3 else { return nil }
    return LaneMap(urgent: numbers[0], normal: numbers[1], bulk: numbers[2])
  }

  private func brought(_ fields: Case) throws -> LaneMap<[Sequence64]> {
    guard let lists = try fields["brought"]?.items.map({ try $0.items.map { UInt64(try $0.number) } }) else {
      return LaneMap(repeating: [])
    }
    return LaneMap(urgent: lists[0], normal: lists[1], bulk: lists[2])
  }

  private func clock(_ fields: Case) throws -> WallTime { WallTime(milliseconds: try fields.need("clock").number) }

  private func replica(_ fields: Case) throws -> ReplicaID {
    let parts = try fields.need("replica").items.map { UInt32(try $0.number) }
    return ReplicaID(node: NodeNumber(parts[0]), incarnation: parts[1])
  }

  private func cursors(_ fields: Case) throws -> LaneMap<Sequence64> {
    let parts = try fields.need("cursors").items.map { Sequence64(UInt64(try $0.number)) }
    return LaneMap(urgent: parts[0], normal: parts[1], bulk: parts[2])
  }

  private func lane(_ fields: Case) throws -> Lane {
    try #require(Lane(rawValue: UInt8(try fields.need("lane").number)))
  }

  private func exception(_ value: JSONValue) throws -> Acknowledgement.Exception {
    let items = try value.items
    return Acknowledgement.Exception(
      index: UInt64(try items[0].number),
      outcome: try #require(Acknowledgement.Exception.Outcome(rawValue: UInt64(try items[1].number))),
      code: try items[2].text, reason: try items[3].text)
  }
}
