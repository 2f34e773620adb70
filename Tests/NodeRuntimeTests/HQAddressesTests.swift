import Testing
import Transport

@testable import NodeRuntime

@Suite struct HQAddressesTests {
  private func endpoint(_ port: UInt16) -> Endpoint { Endpoint(host: "hq", port: port) }

  @Test func theOneThatWorkedIsFirstAndEachComesOnce() {
    var addresses = HQAddresses(list: [endpoint(1), endpoint(2), endpoint(1)])
    #expect(addresses.inOrder == [endpoint(1), endpoint(2)])
    addresses.working = endpoint(2)
    #expect(addresses.inOrder == [endpoint(2), endpoint(1)])
    addresses.list = [endpoint(3)]
    #expect(addresses.inOrder == [endpoint(2), endpoint(3)], "until another has worked")
    addresses.working = endpoint(3)
    #expect(addresses.inOrder == [endpoint(3)])
  }

  @Test func aRoundTriesEachOnceAndTellsWhatSaysMost() {
    var round = ConnectRound(HQAddresses(list: [endpoint(1), endpoint(2), endpoint(3)]))
    #expect(round.problem == nil)
    let found: [(ConnectRound.Weight, String, Int64)] = [
      (.unreachable, "silence", 0), (.answered, "revoked", 60_000), (.wrongServer, "a web server", 0),
    ]
    for (port, (weight, text, retryAfter)) in zip([UInt16(1), 2, 3], found) {
      #expect(!round.isOver)
      #expect(round.next() == endpoint(port))
      round.failed(endpoint(port), weight, text, retryAfter: retryAfter)
    }
    #expect(round.isOver && round.next() == nil)
    #expect(round.problem == "HQ at hq:2: revoked")
    #expect(round.retryAfter == 60_000)
    #expect(round.all == "HQ at hq:1: silence; HQ at hq:2: revoked; HQ at hq:3: a web server")
  }

  @Test func ofEqualProblemsTheFirstIsTold() {
    var round = ConnectRound(HQAddresses(list: [endpoint(1), endpoint(2)]))
    for port in [UInt16(1), 2] { round.failed(endpoint(port), .unreachable, "silence \(port)") }
    #expect(round.problem == "HQ at hq:1: silence 1")
  }
}
