import Base
import Causality
import Interchange
import Merge
import RecordStore
import StoreModel
import Testing
import Wire

/// Whole exchanges, played with the Swift code as one of the two sides.
@Suite("Vectors: transcripts")
struct TranscriptVectorTests {
  @Test(arguments: try Vectors.cases("transcripts.json"))
  func exchange(_ vector: Case) throws {
    let steps = try vector.need("steps").items.map { Case(try $0.object) }
    for side in try vector.need("plays").items {
      let player = try TranscriptPlayer(as: try side.text, in: vector)
      for (number, step) in steps.enumerated() {
        try play(step, player, "\(try side.text), step \(number)")
      }
      #expect(player.sent.isEmpty, "\(player.side) has sent more than stands there")
    }
  }

  private func play(_ step: Case, _ player: TranscriptPlayer, _ place: String) throws {
    if step["do"] != nil {
      try player.perform(step)
    } else if let sender = try step["from"]?.text {
      let frame = try step.bytes("frame")
      guard sender == player.side else {
        return try player.receive(Array(frame.prefix(Int(step["arrives"]?.number ?? Int64(frame.count)))))
      }
      let expected = try Message(decoding: Array(frame.dropFirst(4)))
      #expect(try FrameWriter.frame(expected.encoded()) == frame, "\(place)")
      let found = try #require(player.sent.first, "\(place): nothing was sent, expected \(expected)")
      player.sent.removeFirst()
      #expect(found.withoutTexts == expected.withoutTexts, "\(place)")
    } else if try step.text("state") == player.side {
      try check(step, player, place)
    }
  }

  private func check(_ step: Case, _ player: TranscriptPlayer, _ place: String) throws {
    let records = try step.need("records").items.map { item in
      let record = Case(try item.object)
      let key = try key(record)
      return try state(record.need("state"), entity: key.entity, id: key.id)
    }
    #expect(try player.heldRecords() == records, "\(place)")
    for item in try step.need("stubs").items {
      let stub = Case(try item.object)
      let body = try player.backend.find(key(stub))?.body
      #expect(try body == .stub(VectorTests.vector(stub.need("vector"))), "\(place)")
    }
    #expect(try player.engine.parkedGroups().map(\.code) == step.need("parked").items.map { try $0.text }, "\(place)")
    let cursors = try player.engine.knownLog(of: player.peer).cursors
    #expect(try Lane.allCases.map { Int64(cursors[$0]) } == step.need("cursors").items.map { try $0.number })
  }
}

extension Message {
  /// Without what is for people.
  fileprivate var withoutTexts: Message {
    switch self {
    case .hello(var hello):
      hello.software = ""
      return .hello(hello)
    case .welcome(var welcome):
      welcome.software = ""
      return .welcome(welcome)
    case .enrol(var enrol):
      enrol.software = ""
      return .enrol(enrol)
    case .refusal(let refusal):
      return .refusal(Refusal(code: refusal.code, message: "", retryAfter: refusal.retryAfter))
    case .acknowledgement(var acknowledgement):
      for index in acknowledgement.exceptions.indices { acknowledgement.exceptions[index].reason = "" }
      return .acknowledgement(acknowledgement)
    case .batch, .caughtUp, .ping, .pong, .enrolled, .endpoints, .endpointsKept, .verify, .verified, .keys, .keysKept:
      return self
    }
  }
}
