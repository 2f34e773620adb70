import Testing

@testable import Transport

@Suite struct EndpointTests {
  @Test(arguments: [
    ("hq.example:7400", "hq.example", 7400), ("192.0.2.7:1", "192.0.2.7", 1), ("[::1]:7400", "::1", 7400),
    ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535), ("localhost:0", "localhost", 0),
  ])
  func wellFormedTextIsReadAndWrittenBack(text: String, host: String, port: UInt16) {
    #expect(Endpoint(parsing: text) == Endpoint(host: host, port: port))
    #expect(Endpoint(parsing: text)?.description == text)
  }

  @Test(arguments: [
    "", ":", "hq", "hq:", ":7400", "hq:65536", "hq:-1", "hq:+1", "hq: 1", "hq:1x", "::1:7400", "[::1]", "[::1:7400",
    "[]:1",
    "[hq]:1", "a b:1", "http://hq:1", "hq:000001", "me@hq:1", "h\u{e9}:1",
  ])
  func anythingElseIsRefused(text: String) {
    #expect(Endpoint(parsing: text) == nil)
  }

  @Test func aSocketPathHasALimit() throws {
    _ = try SocketAddress(unixPath: String(repeating: "a", count: Limits.unixPath - 1))
    for path in ["", "a\0b", String(repeating: "a", count: Limits.unixPath)] {
      let error = #expect(throws: TransportError.self) { try SocketAddress(unixPath: path) }
      #expect(error?.code == .invalidAddress)
    }
  }
}
