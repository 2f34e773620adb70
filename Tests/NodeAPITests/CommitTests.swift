import JSON
import NodeAPI
import RecordStore
import Testing

/// Commits and a shop's operations: one effect for one key, all or nothing.
@Suite struct CommitTests {
  private static let visit = #"{"writes":[{"entity":"member","id":"7","fields":{"name":"Z","visits":{"add":1}}}]}"#

  private func visits(_ api: TestAPI) throws -> JSONValue? {
    try api.call("GET", "/v1/records/member/7").json["visits"]
  }

  @Test func theSameKeyHasOneEffectAndOneAnswer() throws {
    let api = try TestAPI()
    let first = try api.post("/v1/commits", Self.visit, key: "a")
    #expect(first.status == 200 && first.json["outcome"] == "committed")
    for _ in 0..<3 {
      let again = try api.post("/v1/commits", Self.visit, key: "a")
      #expect(again.bytes == first.bytes && again.headers == first.headers && again.status == first.status)
    }
    try api.restart()
    #expect(try api.post("/v1/commits", Self.visit, key: "a").bytes == first.bytes)
    #expect(try visits(api) == 1)
    let other = try api.post("/v1/commits", Self.visit + " ", key: "a")
    #expect(other.status == 422 && other.code == "idempotency-key-reused")
    #expect(try api.call("POST", "/v1/commits", body: Self.visit).code == "idempotency-key-missing")
    #expect(try api.post("/v1/commits", Self.visit, key: "").status == 400)
    let long = String(repeating: "k", count: StoreLimits.requestKeyBytes + 1)
    #expect(try api.post("/v1/commits", Self.visit, key: long).status == 400)
    #expect(try visits(api) == 1)
    #expect(try api.post("/v1/commits", Self.visit, key: "b").status == 200)
    #expect(try visits(api) == 2)
  }

  @Test func oneRecordMayHaveAKeyToo() throws {
    let api = try TestAPI()
    for _ in 0..<3 {
      _ = try api.call(
        "PATCH", "/v1/records/member/7", body: #"{"visits":{"add":1}}"#, headers: ["Idempotency-Key": "k"])
    }
    #expect(try visits(api) == 1)
  }

  @Test func aCommitIsAllOrNothing() throws {
    let api = try TestAPI()
    let bad =
      #"{"writes":[{"entity":"member","id":"7","fields":{"name":"Z"}},{"entity":"product","id":"p","fields":{"brand":"B","name":"n"}}]}"#
    let answer = try api.post("/v1/commits", bad, key: "a")
    #expect(answer.code == "not-allowed" && answer.fields == ["writes[2].fields.brand"])
    #expect(try api.call("GET", "/v1/records/member/7").status == 404)
    // What had no effect does not stick.
    #expect(try api.post("/v1/commits", Self.visit, key: "a").status == 200)
    let versions = try api.post("/v1/commits", #"{"writes":[{"entity":"member","id":"7","fields":{},"ifMatch":"x"}]}"#)
    #expect(versions.status == 412 && versions.fields == ["writes[1].ifMatch"])
    let mixed = try api.post(
      "/v1/commits",
      #"{"writes":[{"entity":"member","id":"7","action":"delete","ifMatch":"*"},"#
        + #"{"entity":"member","id":"8","action":"put","fields":{"name":"N"},"ifNoneMatch":"*"}]}"#)
    #expect(mixed.json["outcome"] == "committed")
    guard case .array(let records)? = mixed.json["records"] else {
      Issue.record("expected records: \(mixed.text)")
      return
    }
    #expect(records.map { $0["outcome"] } == ["deleted", "created"])
    let version = try #require(records[1]["version"]?.text)
    #expect(try api.call("GET", "/v1/records/member/8").header("ETag") == "\"\(version)\"")
  }

  @Test(arguments: [
    (#"{"writes":[]}"#, "missing-field", "writes"), (#"{}"#, "missing-field", "writes"),
    (#"{"writes":[5]}"#, "invalid-value", "writes[1]"), (#"{"write":[]}"#, "unknown-field", "write"),
    (#"{"writes":[{"entity":"x","id":"1","fields":{}}]}"#, "invalid-value", "writes[1].entity"),
    (#"{"writes":[{"entity":"order","id":"1","fields":{}}]}"#, "invalid-value", "writes[1].id"),
    (#"{"writes":[{"entity":"member","id":"1"}]}"#, "invalid-value", "writes[1].fields"),
    (#"{"writes":[{"entity":"member","id":"1","fields":{"a":1}}]}"#, "unknown-field", "writes[1].fields.a"),
    (#"{"writes":[{"entity":"member","id":"1","fields":{},"other":1}]}"#, "unknown-field", "writes[1].other"),
    (#"{"writes":[{"entity":"member","id":"1","fields":{},"action":"x"}]}"#, "invalid-value", "writes[1].action"),
    (
      #"{"writes":[{"entity":"member","id":"1","fields":{}},{"entity":"member","id":"1","fields":{}}]}"#,
      "invalid-value", "writes[2].id"
    ),
  ])
  func aProblemSaysWhere(_ body: String, _ code: String, _ field: String) throws {
    let answer = try TestAPI().post("/v1/commits", body)
    #expect((answer.code, answer.fields) == (code, [field]), "\(answer.text)")
  }

  @Test func aCommitHasSoManyWritesAtTheMost() throws {
    let api = try TestAPI()
    func writes(_ count: Int) -> String {
      let items = (0..<count).map { #"{"entity":"member","id":"\#($0)","fields":{"name":"n"}}"# }
      return #"{"writes":[\#(items.joined(separator: ","))]}"#
    }
    #expect(try api.post("/v1/commits", writes(APILimits.commitWrites + 1)).code == "too-large")
    let most = try api.post("/v1/commits", writes(APILimits.commitWrites))
    #expect(most.status == 200 && most.bytes.count <= StoreLimits.requestAnswerBytes)
  }

  // MARK: Operations

  private func sale(_ receipt: String, cents: Int = 580) -> String {
    #"{"receipt":"\#(receipt)","soldAt":"2026-03-02T09:15:00Z","member":"100","lines":[{"product":"espresso","quantity":2,"salesCents":\#(cents)}],"payment":{"method":"card","amountCents":\#(cents)}}"#
  }

  @Test func aReceiptIsTakenOnce() throws {
    let api = try TestAPI()
    let taken = try api.post("/v1/operations/sell", sale("1001"), key: "a")
    #expect(taken.status == 200 && taken.json["outcome"] == "taken", "\(taken.text)")
    #expect(try api.post("/v1/operations/sell", sale("1001"), key: "a").bytes == taken.bytes)
    let known = try api.post("/v1/operations/sell", sale("1001"), key: "b")
    #expect(known.json["outcome"] == "known" && known.json["order"] == taken.json["order"])
    let other = try api.post("/v1/operations/sell", sale("1001", cents: 590), key: "c")
    #expect(other.status == 409 && other.code == "conflict")
    #expect(try api.post("/v1/operations/sell", sale("1001", cents: 590), key: "c").bytes == other.bytes)
    let order = try #require(taken.json["order"]?.text)
    let lines = try api.call("GET", "/v1/records/orderLine", ["order": order])
    #expect(lines.items.map { $0["salesAmount"] } == [580])
    #expect(
      try api.call("GET", "/v1/records/order", ["store": "1", "receipt": "1001"]).items.map { $0["id"]?.text } == [
        order
      ])
    #expect(try api.call("GET", "/v1/records/order", ["member": "100"]).items.count == 1)
    #expect(
      try api.call("GET", "/v1/records/order", ["store": "1", "businessDay": "2026-03-02"]).items.count == 1)
  }

  @Test func aReturnAndAVoidAreOperationsToo() throws {
    let api = try TestAPI()
    _ = try api.post("/v1/operations/sell", sale("1001"))
    _ = try api.post("/v1/operations/sell", sale("1002"))
    let back =
      #"{"receipt":"R1","soldAt":"2026-03-03T10:00:00Z","original":"1001","lines":[{"product":"espresso","quantity":-1,"salesCents":-290}]}"#
    #expect(try api.post("/v1/operations/return", back).json["outcome"] == "taken")
    let more = back.replacing("R1", with: "R2").replacing("-1,", with: "-2,")
    let tooMuch = try api.post("/v1/operations/return", more)
    #expect(tooMuch.status == 409 && tooMuch.code == "not-allowed" && tooMuch.fields == ["original"])
    let void = #"{"receipt":"V1","soldAt":"2026-03-03T10:06:00Z","original":"1002"}"#
    #expect(try api.post("/v1/operations/void", void).json["outcome"] == "taken")
    #expect(try api.post("/v1/operations/void", void).json["outcome"] == "known")
  }

  @Test(arguments: [
    (#"{"soldAt":"2026-03-02T09:15:00Z"}"#, "missing-field", "receipt"),
    (#"{"receipt":"1","soldAt":"yesterday","lines":[]}"#, "invalid-value", "soldAt"),
    (#"{"receipt":"1","soldAt":"2026-03-02T09:15:00Z","lines":[]}"#, "missing-field", "lines"),
    (#"{"kind":"void","receipt":"1"}"#, "invalid-value", "kind"),
    (
      #"{"receipt":"1","soldAt":"2026-03-02T09:15:00Z","lines":[{"product":"a","quantity":1,"salesCents":"5"}]}"#,
      "invalid-value", "lines[1].salesCents"
    ),
    (
      #"{"receipt":"","soldAt":"2026-03-02T09:15:00Z","lines":[{"product":"a","quantity":1,"salesCents":5}]}"#,
      "invalid-value", "receipt"
    ),
  ])
  func aReceiptThatIsWrongNamesTheField(_ body: String, _ code: String, _ field: String) throws {
    let answer = try TestAPI().post("/v1/operations/sell", body)
    #expect((answer.code, answer.fields) == (code, [field]), "\(answer.text)")
  }

  @Test func headquartersDoesNotSell() throws {
    let answer = try TestAPI(isHQ: true).post("/v1/operations/sell", sale("1"))
    #expect(answer.status == 404 && answer.code == "not-here")
    #expect(try TestAPI().call("POST", "/v1/operations/sell", body: sale("1")).code == "idempotency-key-missing")
  }
}
