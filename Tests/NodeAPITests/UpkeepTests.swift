import JSON
import Testing

/// Erasing, keys and purging over HTTP: the control service's own tests say what they do; these, that HTTP reaches them.
@Suite struct UpkeepTests {
  @Test func aMemberIsErasedAndTheProofIsShown() throws {
    let hq = try TestAPI(isHQ: true)
    #expect(try hq.call("PUT", "/v1/records/member/100", body: #"{"name": "Anna"}"#).status == 200)
    let erased = try hq.post("/v1/erasures", #"{"entity": "member", "id": "100", "reason": "asked on Monday"}"#)
    #expect(erased.status == 200, "\(erased.text)")
    #expect(erased.json["id"] == "100" && erased.json["reason"] == "asked on Monday")
    #expect(erased.json["isComplete"] == true, "there are no stores")
    #expect(try hq.call("GET", "/v1/records/member/100").status == 404)
    let list = try hq.call("GET", "/v1/erasures")
    guard case .array(let all)? = list.json["erasures"] else { throw Missing() }
    #expect(all.count == 1 && list.json["schema"] == nil)
    #expect(try hq.call("GET", "/v1/erasures/member/100").json["id"] == "100")
    #expect(try hq.call("GET", "/v1/erasures/member/101").code == "not-found")
    #expect(try hq.call("PUT", "/v1/records/member/100", body: #"{"name": "Bo"}"#).code == "conflict")
    #expect(try hq.post("/v1/erasures/member/100/lift", "{}").json["liftedAt"] != nil)
    #expect(try hq.call("PUT", "/v1/records/member/100", body: #"{"name": "Bo"}"#).status == 200)
    let voucher = try hq.post("/v1/erasures/member/100/vouch", #"{"number": 7, "reason": "the PC is scrap"}"#)
    #expect(voucher.code == "not-found", "there is no such store")
  }

  @Test func whatCannotBeErasedIsSaid() throws {
    let hq = try TestAPI(isHQ: true)
    #expect(try hq.post("/v1/erasures", #"{"entity": "member", "id": "100", "reason": "x"}"#).code == "not-found")
    #expect(try hq.post("/v1/erasures", #"{"entity": "product", "id": "p1", "reason": "x"}"#).code == "bad-request")
    let lacking = try hq.post("/v1/erasures", #"{"entity": "member", "id": "100"}"#)
    #expect(lacking.code == "missing-field" && lacking.fields == ["reason"])
    let wrong = try hq.post("/v1/erasures", #"{"entity": "member", "id": 1, "reason": "x"}"#)
    #expect(wrong.code == "invalid-value" && wrong.fields == ["id"])
    let other = try hq.post("/v1/erasures", #"{"entity": "member", "id": "100", "reason": "x", "why": "y"}"#)
    #expect(other.code == "unknown-field" && other.fields == ["why"])
    let store = try TestAPI()
    #expect(try store.call("GET", "/v1/erasures").code == "not-allowed", "HQ erases, for all its stores")
  }

  @Test func keysChangeInTheirOrder() throws {
    let hq = try TestAPI(isHQ: true)
    let before = try hq.call("GET", "/v1/keys")
    #expect(before.status == 200 && before.json["next"] == nil)
    #expect(try hq.post("/v1/keys/switch", "{}").code == "not-allowed", "there is no next key")
    let next = try #require(try hq.post("/v1/keys/rotate", "{}").json["next"]?.text)
    let switched = try hq.post("/v1/keys/switch", #"{"force": false}"#)
    #expect(switched.json["current"]?.text == next && switched.json["old"] == before.json["current"])
    #expect(try hq.post("/v1/keys/drop", "{}").json["old"] == nil)
    #expect(try hq.post("/v1/keys/drop", #"{"force": 1}"#).fields == ["force"])
    #expect(try hq.call("POST", "/v1/stores/7/rotate").code == "not-found")
    #expect(try TestAPI().call("GET", "/v1/keys").code == "not-allowed")
  }

  @Test func oldFactsGoInTurns() throws {
    let store = try TestAPI()
    let turn = try store.post("/v1/purge", #"{"olderThanDays": 400, "isDryRun": true}"#)
    #expect(turn.status == 200, "\(turn.text)")
    #expect(turn.json["isDryRun"] == true && turn.json["dropped"] == .array([]) && turn.json["next"] == nil)
    #expect(try store.post("/v1/purge", #"{"olderThanDays": 1}"#).code == "bad-request", "too young")
    #expect(try store.post("/v1/purge", #"{"olderThanDays": 400, "next": "xyz"}"#).fields == ["next"])
    #expect(try TestAPI(isHQ: true).post("/v1/purge", #"{"olderThanDays": 400}"#).code == "not-allowed")
  }

  private struct Missing: Error {}
}
