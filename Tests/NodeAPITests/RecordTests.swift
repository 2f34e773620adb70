import JSON
import NodeAPI
import RecordStore
import Testing

/// Reading and writing one record, and what a client may rely on.
@Suite struct RecordTests {
  private static let zoe =
    #"{"name":"Zoë","phone":"+49301","homeStore":1,"tags":["vegan","regular"],"customFields":{"shoe":42,"colour":"red"},"#
    + #""level":"gold","birthday":"1990-02-28","visits":{"add":2}}"#

  @Test func whatWasWrittenIsReadBack() throws {
    let api = try TestAPI()
    let written = try api.call("PUT", "/v1/records/member/100", body: Self.zoe)
    #expect(written.status == 200 && written.json["outcome"] == "created")
    let read = try api.call("GET", "/v1/records/member/100")
    #expect(
      read.text
        == #"{"id":"100","name":"Zoë","phone":"+49301","homeStore":"1","tags":["regular","vegan"],"#
        + #""customFields":{"colour":"red","shoe":42},"level":"gold","birthday":"1990-02-28","visits":2}"#)
    #expect(try read.header("ETag") == "\"\(#require(written.json["version"]?.text))\"")
    // What was read may be written as it is, and is nothing new.
    let again = try api.call("PUT", "/v1/records/member/100", body: read.text)
    #expect(again.json["outcome"] == "unchanged" && again.json["version"] == written.json["version"])
  }

  @Test func putIsWholeAndPatchIsNot() throws {
    let api = try TestAPI()
    _ = try api.call("PUT", "/v1/records/member/100", body: Self.zoe)
    let patch = #"{"name":"Zoe","tags":["new"],"customFields":{"shoe":null,"hat":1},"level":null}"#
    #expect(try api.call("PATCH", "/v1/records/member/100", body: patch).json["outcome"] == "changed")
    #expect(
      try api.call("GET", "/v1/records/member/100").text
        == #"{"id":"100","name":"Zoe","phone":"+49301","homeStore":"1","tags":["new"],"#
        + #""customFields":{"colour":"red","hat":1},"birthday":"1990-02-28","visits":2}"#)
    let put = #"{"name":"Zoe","customFields":{"hat":1},"visits":{"add":1}}"#
    #expect(try api.call("PUT", "/v1/records/member/100", body: put).status == 200)
    #expect(
      try api.call("GET", "/v1/records/member/100").text
        == #"{"id":"100","name":"Zoe","customFields":{"hat":1},"visits":3}"#)
    _ = try api.call("PATCH", "/v1/records/member/100", body: #"{"customFields":null}"#)
    #expect(try api.call("GET", "/v1/records/member/100").text == #"{"id":"100","name":"Zoe","visits":3}"#)
  }

  @Test func aWriterThatAsksForItOverwritesNothing() throws {
    let api = try TestAPI()
    let path = "/v1/records/member/100"
    func put(_ name: String, _ headers: KeyValuePairs<String, String>) throws -> TestAPI.Answer {
      try api.call("PUT", path, body: #"{"name":"\#(name)"}"#, headers: headers)
    }
    #expect(try put("a", ["If-Match": "*"]).code == "precondition-failed")
    #expect(try put("a", ["If-None-Match": "*"]).json["outcome"] == "created")
    #expect(try put("b", ["If-None-Match": "*"]).status == 412)
    let etag = try #require(try api.call("GET", path).header("ETag"))
    #expect(try put("b", ["If-Match": etag]).json["outcome"] == "changed")
    #expect(try put("c", ["If-Match": etag]).status == 412)
    #expect(try put("c", ["If-Match": "W/\(etag)"]).status == 412)
    #expect(try put("c", ["If-Match": "nonsense"]).status == 400)
    #expect(try put("c", ["If-Match": etag, "If-None-Match": "*"]).status == 400)
    let now = try #require(try api.call("GET", path).header("ETag"))
    #expect(try put("c", ["If-Match": "\"other\", \(now)"]).status == 200)
    #expect(try api.call("GET", path).json["name"] == "c")
    #expect(try api.call("DELETE", path, headers: ["If-Match": etag]).status == 412)
    #expect(try api.call("GET", path).status == 200)
  }

  @Test func aClientThatHasItIsNotSentItAgain() throws {
    let api = try TestAPI()
    _ = try api.call("PUT", "/v1/records/member/100", body: Self.zoe)
    let etag = try #require(try api.call("GET", "/v1/records/member/100").header("ETag"))
    let same = try api.call("GET", "/v1/records/member/100", headers: ["If-None-Match": "\"x\", W/\(etag)"])
    #expect(same.status == 304 && same.bytes.isEmpty && same.header("ETag") == etag)
    #expect(try api.call("GET", "/v1/records/member/100", headers: ["If-None-Match": "\"x\""]).status == 200)
  }

  @Test func whatIsNotThereIsNotFound() throws {
    let api = try TestAPI()
    _ = try api.call("PUT", "/v1/records/member/100", body: Self.zoe)
    #expect(try api.call("DELETE", "/v1/records/member/100").json["outcome"] == "deleted")
    let deleted = try api.call("GET", "/v1/records/member/100")
    #expect(deleted.code == "not-found" && deleted.json["detail"]?.text?.contains("deleted") == true)
    #expect(try api.call("DELETE", "/v1/records/member/100").json["outcome"] == "unchanged")
    #expect(try api.call("DELETE", "/v1/records/member/101").json["outcome"] == "unchanged")
    #expect(try api.call("GET", "/v1/records/member/101").status == 404)
    #expect(try api.call("GET", "/v1/records/customer/1").code == "unknown-entity")
    #expect(try api.call("GET", "/v1/records/order/7").code == "invalid-parameter")
    #expect(try api.call("PUT", "/v1/records/member/100", body: Self.zoe).json["outcome"] == "created")
    #expect(try api.call("GET", "/v1/records/member/100").json["visits"] == 2)
  }

  @Test(arguments: [
    (#"{"nickname":"x"}"#, 422, "unknown-field", "nickname"),
    (#"{"birthday":"28.2.1990"}"#, 422, "invalid-value", "birthday"),
    (#"{"level":"platinum"}"#, 422, "invalid-value", "level"), (#"{"name":5}"#, 422, "invalid-value", "name"),
    (#"{"tags":"x"}"#, 422, "invalid-value", "tags"), (#"{"visits":7}"#, 422, "invalid-value", "visits"),
    (#"{"visits":{"set":1}}"#, 422, "invalid-value", "visits"), (#"{"id":"9"}"#, 422, "invalid-value", "id"),
    (#"{"homeStore":"x"}"#, 422, "invalid-value", "homeStore"),
  ])
  func aProblemNamesTheField(_ body: String, _ status: Int, _ code: String, _ field: String) throws {
    let api = try TestAPI()
    let answer = try api.call("PUT", "/v1/records/member/100", body: body)
    #expect((answer.status, answer.code, answer.fields) == (status, code, [field]))
    #expect(answer.header("Content-Type") == "application/problem+json")
    #expect(try api.call("GET", "/v1/records/member/100").status == 404)
  }

  @Test func onlyHeadquartersWritesWhatIsItsOwn() throws {
    let api = try TestAPI()
    let answer = try api.call("PATCH", "/v1/records/product/1", body: #"{"name":"Tea","brand":"B"}"#)
    #expect(answer.status == 409 && answer.code == "not-allowed" && answer.fields == ["brand"])
    #expect(try api.call("PATCH", "/v1/records/product/1", body: #"{"brand":"B"}"#).code == "missing-field")
    let hq = try TestAPI(isHQ: true)
    #expect(try hq.call("PATCH", "/v1/records/product/1", body: #"{"name":"Tea","brand":"B"}"#).status == 200)
  }

  @Test func theFieldsOfAComposedIdNeedNotBeSaidTwice() throws {
    let api = try TestAPI(isHQ: true)
    #expect(try api.call("PUT", "/v1/records/listing/1%2Fa%252Fb", body: #"{"price":290}"#).status == 200)
    #expect(
      try api.call("GET", "/v1/records/listing/1%2Fa%252Fb").text
        == #"{"id":"1/a%2Fb","store":"1","product":"a/b","price":290}"#)
    let other = try api.call("PUT", "/v1/records/listing/1%2Fa", body: #"{"store":"2","price":290}"#)
    #expect(other.status == 422)
  }

  /// A fact is never overwritten.
  @Test func otherContentsOfAFactAreAConflictCase() throws {
    let api = try TestAPI()
    let path = "/v1/records/stockMovement/018fc2b6-4c10-7aaa-8000-0123456789ab%2F1"
    func movement(_ quantity: Int) -> String {
      #"{"store":1,"place":"shelf","product":"p","quantity":\#(quantity),"reason":"count","movedAt":"2026-03-02T09:00:00Z"}"#
    }
    #expect(try api.call("PUT", path, body: movement(5)).json["outcome"] == "created")
    #expect(try api.call("PUT", path, body: movement(5)).json["outcome"] == "unchanged")
    let other = try api.call("PUT", path, body: movement(6))
    #expect(other.status == 409 && other.code == "conflict")
    #expect(try api.call("GET", path).json["quantity"] == 5)
    #expect(try api.call("GET", "/v1/conflicts", ["entity": "stockMovement"]).items.count == 1)
    #expect(
      try api.call("PUT", path, body: movement(6)).json["outcome"] == "unchanged", "it is there, beside the first")
    let deleted = try api.call("DELETE", path)
    #expect(deleted.status == 409 && deleted.code == "conflict")
    let part = try api.call("PATCH", path, body: #"{"quantity":6}"#)
    #expect(part.code == "missing-field" && part.fields == ["store"])
  }

  @Test func balancesAreReadByTheirKeys() throws {
    let api = try TestAPI()
    for (number, product) in ["a", "b", "c", "d"].enumerated() {
      let path = "/v1/records/stockMovement/018fc2b6-4c10-7aaa-8000-0123456789ab%2F\(number + 1)"
      let body =
        #"{"store":1,"place":"shelf","product":"\#(product)","quantity":\#(number - 1),"reason":"count","movedAt":"2026-03-02T09:00:00Z"}"#
      #expect(try api.call("PUT", path, body: body).status == 200)
    }
    let path = "/v1/balances/stock_on_hand"
    let first = try api.call("GET", path, ["store": "1", "limit": "3"])
    #expect(first.items.map { $0["balance"] } == [-1, 0, 1])
    #expect(first.items.first == ["store": "1", "place": "shelf", "product": "a", "balance": -1])
    let next = try #require(first.json["next"]?.text)
    let second = try api.call("GET", path, ["store": "1", "limit": "3", "after": next])
    #expect(second.items.map { $0["product"] } == ["d"] && second.json["next"] == .null)
    let one = try api.call("GET", path, ["store": "1", "place": "shelf", "product": "d"])
    #expect(one.items.map { $0["balance"] } == [2])
    #expect(try api.call("GET", path, ["store": "9", "place": "x", "product": "d"]).items.map { $0["balance"] } == [0])
    #expect(try api.call("GET", path, ["place": "shelf"]).code == "unknown-filter")
    #expect(try api.call("GET", path, ["store": "x"]).code == "invalid-parameter")
    #expect(try api.call("GET", path, ["store": "2", "after": next]).fields == ["after"])
    #expect(try api.call("GET", "/v1/balances/points_balance", ["member": "7"]).items.map { $0["balance"] } == [0])
    #expect(try api.call("GET", "/v1/balances/nothing").status == 404)
  }
}
