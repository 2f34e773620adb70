import JSON
import NodeAPI
import StoreModel
import Testing

/// Questions for records, as they stand behind the question mark.
@Suite struct QueryTests {
  /// HQ with some members and listings.
  private func hq() throws -> TestAPI {
    let api = try TestAPI(isHQ: true)
    let members = (1...9).map { number in
      #"{"entity":"member","id":"\#(number)","fields":{"name":"M","phone":"+4930\#(9 - number)"}}"#
    }
    let listings = ["1/a", "1/b", "2/a"].map { id in
      #"{"entity":"listing","id":"\#(id)","action":"put","fields":{"price":1}}"#
    }
    let answer = try api.post("/v1/commits", #"{"writes":[\#((members + listings).joined(separator: ","))]}"#)
    #expect(answer.status == 200, "\(answer.text)")
    return api
  }

  private func ids(_ api: TestAPI, _ path: String, _ query: KeyValuePairs<String, String>) throws -> [String] {
    let answer = try api.call("GET", path, query)
    #expect(answer.status == 200, "\(answer.text)")
    return answer.items.compactMap { $0["id"]?.text }
  }

  @Test func recordsAreFoundByTheirIndexes() throws {
    let api = try hq()
    #expect(try ids(api, "/v1/records/member", ["phone": "+49303"]) == ["6"])
    #expect(try ids(api, "/v1/records/member", ["phone": "+49309"]) == [])
    #expect(try ids(api, "/v1/records/member", ["sort": "phone", "limit": "3"]) == ["9", "8", "7"])
    #expect(
      try ids(api, "/v1/records/member", ["phone[gte]": "+49303", "phone[lt]": "+49306", "sort": "-phone"])
        == ["4", "5", "6"])
    #expect(try ids(api, "/v1/records/member", ["id[gt]": "7"]) == ["8", "9"])
    #expect(try ids(api, "/v1/records/listing", ["store": "1"]) == ["1/a", "1/b"])
    #expect(try ids(api, "/v1/records/listing", ["store": "1", "product[gt]": "a"]) == ["1/b"])
    #expect(try ids(api, "/v1/records/listing", ["sort": "-id"]) == ["2/a", "1/b", "1/a"])
  }

  @Test func aPageGoesOnWhereTheLastOneEnded() throws {
    let api = try hq()
    var found: [String] = []
    var after: String?
    repeat {
      let answer = try api.call(
        "GET", "/v1/records/member",
        after.map { ["sort": "-id", "limit": "4", "after": $0] } ?? ["sort": "-id", "limit": "4"])
      found += answer.items.compactMap { $0["id"]?.text }
      after = answer.json["next"]?.text
    } while after != nil
    #expect(found == (1...9).reversed().map(String.init))
  }

  @Test func whatIsNotServedIsAProblemThatListsWhatIs() throws {
    let api = try hq()
    for query in [
      ["name": "M"], ["sort": "name"], ["colour": "red"], ["phone[like]": "x"], ["tags": "x"], ["visits": "1"],
    ]
      as [KeyValuePairs<String, String>]
    {
      let answer = try api.call("GET", "/v1/records/member", query)
      #expect(answer.status == 400 && answer.code == "unknown-filter", "\(query)")
      #expect(answer.json["allowed"] == .array(["id[…]", "phone (id[…])", "phone[…]", "card (id[…])", "card[…]"]))
    }
    for (name, value) in [
      ("limit", "0"), ("limit", "1001"), ("after", "zz"), ("after", "00"), ("id", ""),
    ] {
      let answer = try api.call("GET", "/v1/records/member", [name: value])
      #expect(answer.code == "invalid-parameter" && answer.fields == [name], "\(name)=\(value)")
    }
    let twice = try api.call("GET", "/v1/records/member", ["phone": "1", "phone": "2"])
    #expect(twice.code == "invalid-parameter")
    let next = try #require(try api.call("GET", "/v1/records/member", ["limit": "1"]).json["next"]?.text)
    #expect(try api.call("GET", "/v1/records/listing", ["after": next]).fields == ["after"])
    #expect(try api.call("GET", "/v1/records/member", ["after": next, "sort": "-id"]).fields == ["after"])
    #expect(try api.call("GET", "/v1/records/member", ["after": next, "id[gt]": "5"]).fields == ["after"])
  }
}
