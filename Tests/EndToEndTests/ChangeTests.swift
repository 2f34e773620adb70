import Foundation
import Glibc
import JSON
import Testing

/// Following a real node: asking, waiting, streaming, and being posted to.
@Suite(.serialized) struct ChangeTests {
  private func chain() throws -> Chain {
    let chain = try Chain()
    chain.hqOptions = ["--http", "127.0.0.1:0"]
    try chain.startHQ()
    return chain
  }

  private func add(_ names: [String], to chain: Chain) throws {
    let rows = names.map { "\($0),\($0) 250 g,each" }
    let file = try chain.scratch.file("products.\(names[0]).csv", ["id,name,unit"] + rows)
    try chain.expectDone(chain.syncctl(chain.hq, "import", file, "--entity", "product"))
  }

  private func ids(_ page: JSONValue) -> [String] {
    guard case .array(let items)? = page["items"] else { return [] }
    return items.compactMap { $0["id"]?.text }
  }

  @Test func whatChangedComesInOrderAndACursorOutlivesARestart() throws {
    let chain = try chain()
    try add(["tea", "milk"], to: chain)
    let first = try chain.hq.http("GET", "/v1/changes?entity=product&limit=1").json
    #expect(ids(first) == ["tea"])
    #expect(first["more"] == true)
    guard case .array(let items)? = first["items"], let item = items.first else { return }
    #expect(item["change"] == "put" && item["entity"] == "product")
    #expect(item["fields"]?["name"] == "tea 250 g")
    let next = try #require(first["next"]?.text)
    try chain.hq.stop()
    try chain.startHQ()
    let second = try chain.hq.http("GET", "/v1/changes?entity=product&after=\(next)").json
    #expect(ids(second) == ["milk"])
    #expect(second["more"] == false)
    #expect(try chain.hq.http("GET", "/v1/changes?after=nonsense").status == 400)
    #expect(try chain.hq.http("GET", "/v1/changes?entity=nonsense").status == 400)
    #expect(try chain.hq.http("GET", "/v1/changes?consumer=Not%20One").status == 400)
  }

  @Test func aNamedConsumerGoesOnWhereItWasAndIsShown() throws {
    let chain = try chain()
    try add(["tea", "milk", "rice"], to: chain)
    let path = "/v1/changes?entity=product&limit=1&consumer=webshop"
    let next = try #require(chain.hq.http("GET", path).json["next"]?.text)
    #expect(try ids(chain.hq.http("GET", path).json) == ["tea"], "it has not acknowledged any")
    #expect(try ids(chain.hq.http("GET", path + "&after=\(next)").json) == ["milk"])
    try chain.hq.stop()
    try chain.startHQ()
    #expect(try ids(chain.hq.http("GET", path).json) == ["milk"])
    let listed = try chain.syncctl(chain.hq, "consumers", "list")
    #expect(listed.output.contains("webshop"), "\(listed.output)")
    try chain.expectDone(chain.syncctl(chain.hq, "consumers", "forget", "webshop"))
    #expect(try ids(chain.hq.http("GET", path).json) == ["tea"])
  }

  @Test func afterARestoreACursorIsGone() throws {
    let chain = try chain()
    try add(["tea"], to: chain)
    let backup = "\(chain.scratch.path)/backup.db"
    try chain.expectDone(chain.syncctl(chain.hq, "backup", backup))
    try add(["milk"], to: chain)
    let next = try #require(chain.hq.http("GET", "/v1/changes").json["next"]?.text)
    try chain.hq.stop()
    try chain.expectDone(chain.syncctl(chain.hq, "restore", backup, "--replace"))
    try chain.startHQ()
    let gone = try chain.hq.http("GET", "/v1/changes?after=\(next)")
    #expect(gone.status == 410)
    #expect(try gone.json["code"] == "cursor-gone")
    let start = try #require(gone.json["start"]?.text)
    #expect(try ids(chain.hq.http("GET", start + "&entity=product").json) == ["tea"])
  }

  @Test func whoWaitsHearsOfACommitAtOnce() throws {
    let chain = try chain()
    let now = try #require(chain.hq.http("GET", "/v1/changes").json["next"]?.text)
    let waiting = try HTTPConnection(port: chain.hq.httpPort)
    try waiting.send(request("/v1/changes?wait=50&entity=product&after=\(now)", chain.hq))
    let stream = try HTTPConnection(port: chain.hq.httpPort)
    try stream.send(request("/v1/changes?entity=product&after=\(now)", chain.hq, accept: "text/event-stream"))
    var text = ""
    while !text.contains("retry: 2000\n\n") { text += String(decoding: try #require(stream.read()), as: UTF8.self) }
    #expect(text.contains("text/event-stream"))
    try add(["tea"], to: chain)
    #expect(try ids(waiting.answer().json) == ["tea"])
    while !text.contains("\"id\":\"tea\"") { text += String(decoding: try #require(stream.read()), as: UTF8.self) }
    #expect(text.contains("event: change\ndata: {\"entity\":\"product\""))
    let id = try #require(text.components(separatedBy: "id: ").last?.prefix { $0 != "\n" })
    try add(["milk"], to: chain)
    // A stream that broke goes on behind the last event that came.
    let again = try HTTPConnection(port: chain.hq.httpPort)
    try again.send(
      request("/v1/changes?entity=product", chain.hq, accept: "text/event-stream", more: "Last-Event-ID: \(id)\r\n"))
    var rest = ""
    while !rest.contains("\"id\":\"milk\"") { rest += String(decoding: try #require(again.read()), as: UTF8.self) }
    #expect(!rest.contains("\"id\":\"tea\""))
    // A daemon that ends ends its streams, and whoever waits has an answer.
    let last = try HTTPConnection(port: chain.hq.httpPort)
    try last.send(request("/v1/changes?wait=50&after=\(id)&entity=member", chain.hq))
    try chain.hq.stop()
    while again.read() != nil {}
  }

  private func request(_ path: String, _ node: Node, accept: String = "*/*", more: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAccept: \(accept)\r\n\(more)"
      + "Authorization: Bearer \(node.localToken)\r\n\r\n"
  }
}
