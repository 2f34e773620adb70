import Base
import Causality
import Foundation
import Merge
import RecordStore
import StoreModel
import Testing
import Wire

/// The example exchange of Protocol/SPEC.md, which was made apart from this code, is what this code reads and writes,
/// and a receiver answers it as the document says.
@Suite struct SpecExampleTests {
  /// A frame of the document: which message the heading calls it, and its bytes.
  private struct Example {
    var name: String
    var frame: [UInt8]
  }

  private static let store = ReplicaID(node: NodeNumber(3), incarnation: 0x5EED_0003)
  private static let hq = ReplicaID(node: .hq, incarnation: 0xA11C_E001)

  private func specification() throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let data = try #require(FileManager.default.contents(atPath: root.appending(path: "Protocol/SPEC.md").path))
    return String(decoding: data, as: UTF8.self)
  }

  private func examples() throws -> [Example] {
    var examples: [Example] = []
    var name = ""
    var hex: String?
    for line in try specification().split(separator: "\n", omittingEmptySubsequences: false) {
      if line == "```hex" {
        hex = ""
      } else if line == "```", let digits = hex {
        examples.append(Example(name: name, frame: try #require(Hex.decode(digits), "\(name)")))
        hex = nil
      } else if hex != nil {
        hex? += line.filter { $0 != " " }
      } else if line.hasPrefix("**"), let colon = line.firstIndex(of: ":") {
        name = String(line[line.index(after: colon)...].prefix { $0 != "." }.filter { $0.isLetter })
      }
    }
    return examples
  }

  private func messages() throws -> [Message] {
    var decoder = FrameDecoder()
    var messages: [Message] = []
    for example in try examples() {
      decoder.append(example.frame)
      messages.append(try Message(decoding: try #require(try decoder.next(), "\(example.name)")))
      #expect(try decoder.next() == nil)
    }
    return messages
  }

  private func batches() throws -> [Batch] {
    try messages().compactMap { if case .batch(let batch) = $0 { batch } else { nil } }
  }

  @Test func everyFrameIsTheMessageThatItsHeadingNamesAndIsWrittenTheSame() throws {
    let examples = try examples()
    #expect(examples.count == 15)
    for (example, message) in zip(examples, try messages()) {
      #expect(message.specifiedName == example.name)
      #expect(try FrameWriter.frame(message.encoded()) == example.frame, "\(example.name)")
    }
    #expect(Set(examples.map(\.name)).count == 10, "an example of every message")
  }

  @Test func everyBatchIsWrittenTheSame() throws {
    let batches = try batches()
    #expect(batches.count == 3)
    for batch in batches {
      let groups = try BatchContents.decode(batch.payload).groups.map { try $0.get() }
      #expect(UInt64(groups.count) == batch.groupCount)
      #expect(UInt64(batch.payload.count) == batch.contentsBytes)
      #expect(BatchContents.encode(groups) == batch.payload)
    }
  }

  @Test func theHandshakeSaysWhatTheTextSays() throws {
    let messages = try messages()
    guard case .hello(let hello) = messages[0], case .welcome(let welcome) = messages[1] else {
      Issue.record("expected hello and welcome first")
      return
    }
    #expect(hello.replica == Self.store)
    #expect(welcome.replica == Self.hq)
    #expect(hello.peerEpoch == welcome.epoch)
    #expect(hello.clock == WallTime(milliseconds: 1_772_442_900_000))
    #expect(hello.cursors == LaneMap(urgent: 1_200, normal: 1_190, bulk: 880))
  }

  /// The task of the example as HQ has it: made a day before, with a note of 40 seconds before.
  private static var task: RecordState {
    let id = RecordID(Hex.decode("019ca8adfa207a018000000000000a01") ?? [])
    var state = RecordState(entity: StoreTask.tag, id: id)
    func stamp(_ milliseconds: Int64) -> Stamp {
      Stamp(time: HybridTimestamp(wall: WallTime(milliseconds: milliseconds)), replica: hq)
    }
    func write(_ field: StoreTask.Field, _ value: Value) -> FieldWrite {
      FieldWrite(FieldTag(field.rawValue), .set(value))
    }
    state.write(
      [write(.title, .text("Count the milk")), write(.store, .integer(3)), write(.status, .text("open"))],
      stamp: stamp(1_772_356_500_000))
    state.write([write(.note, .text("Shelf 4 too"))], stamp: stamp(1_772_442_860_000))
    return state
  }

  /// Applies the batches of one side to a node that stands where the handshake says.
  private func results(
    of replica: ReplicaID, from peer: NodeNumber, cursors: LaneMap<Sequence64>, holding records: [RecordState] = [],
    batches: [Batch]
  ) throws -> [[GroupResult]] {
    let wall = WallTime(milliseconds: 1_772_442_900_000)
    let epoch = Epoch(rawValue: 1)
    let backend = MemoryBackend(model: .retail, identity: NodeIdentity(replica: replica, epoch: Epoch(rawValue: 2)))
    try backend.transaction { () throws(StoreError) in
      var node = backend.loadNode()
      node.clock = HybridClock(last: HybridTimestamp(wall: wall))
      backend.saveNode(node)
      for record in records { _ = backend.insert(record.key, .held(record), sequence: 1) }
      for lane in Lane.allCases {
        backend.setReceiveCursor(ReceiveCursor(epoch: epoch, through: cursors[lane]), peer: peer, lane: lane)
      }
    }
    let engine = try StoreEngine(backend)
    return try batches.map { batch in
      let decoded = try BatchContents.decode(batch.payload)
      let groups = decoded.groups.map { group -> IncomingGroup in
        switch group {
        case .success(let group): .decoded(group)
        case .failure(let error): .undecodable(reason: error.description)
        }
      }
      let incoming = IncomingBatch(
        peer: peer, lane: batch.lane, epoch: epoch, after: batch.after, through: batch.through,
        incompleteUntil: batch.incompleteUntil, groups: groups, payload: { decoded.single($0) })
      return try engine.apply(incoming, at: wall)
    }
  }

  @Test func theReceiversAnswerAsTheTextSays() throws {
    guard case .hello(let hello) = try messages()[0], case .welcome(let welcome) = try messages()[1] else { return }
    let batches = try batches()
    let atHQ = try results(
      of: Self.hq, from: NodeNumber(3), cursors: welcome.cursors, holding: [Self.task], batches: [batches[0]])
    let atStore = try results(
      of: Self.store, from: .hq, cursors: hello.cursors, batches: Array(batches.dropFirst()))
    var answers: [Acknowledgement] = []
    for (batch, results) in zip(batches, atHQ + atStore) {
      let exceptions = results.enumerated().compactMap { index, result -> Acknowledgement.Exception? in
        guard case .parked(let code, let reason) = result else { return nil }
        return Acknowledgement.Exception(index: UInt64(index), outcome: .parked, code: code, reason: reason)
      }
      answers.append(Acknowledgement(lane: batch.lane, through: batch.through, exceptions: exceptions))
    }
    let specified = try messages().compactMap { if case .acknowledgement(let answer) = $0 { answer } else { nil } }
    #expect(answers == specified)
  }

  @Test func theSpecificationNamesEveryCode() throws {
    let text = try specification()
    for code in Refusal.Code.allCases { #expect(text.contains("`\(code.rawValue)`"), "\(code.rawValue)") }
    for codec in Codec.allCases { #expect(text.contains("\(codec.rawValue) \(codec)"), "\(codec)") }
  }

  @Test func theSpecificationNamesEveryEntity() throws {
    let text = try specification()
    for entity in Model.retail.entities {
      #expect(text.contains("| \(entity.tag) | \(entity.name) |"), "\(entity.name)")
    }
  }
}

extension Message {
  fileprivate var specifiedName: String {
    switch self {
    case .hello: "hello"
    case .welcome: "welcome"
    case .refusal: "refusal"
    case .batch: "batch"
    case .acknowledgement: "acknowledgement"
    case .caughtUp: "caughtUp"
    case .ping: "ping"
    case .pong: "pong"
    case .enrol: "enrol"
    case .enrolled: "enrolled"
    case .endpoints: "endpoints"
    case .endpointsKept: "endpoints kept"
    case .verify: "verify"
    case .verified: "verified"
    case .keys: "keys"
    case .keysKept: "keys kept"
    }
  }
}
