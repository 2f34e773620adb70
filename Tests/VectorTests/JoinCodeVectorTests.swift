import Causality
import Interchange
import NodeRuntime
import Testing
import Transport

@Suite("Vectors: join codes")
struct JoinCodeVectorTests {
  @Test(arguments: try Vectors.cases("join-codes.json"))
  func code(_ vector: Case) throws {
    let text = try vector.text("text")
    guard vector["error"] == nil else {
      #expect(throws: JoinCodeError.self) { try JoinCode(parsing: text) }
      return
    }
    let expected = JoinCode(
      node: NodeNumber(UInt32(try vector.need("node").number)), pin: try vector.bytes("pin"),
      secret: try vector.bytes("secret"),
      endpoints: try vector.need("endpoints").items.map { try #require(Endpoint(parsing: try $0.text)) })
    #expect(try JoinCode(parsing: text) == expected)
    #expect(try (expected.text == text) == vector.flag("canonical"))
  }
}
