import Synchronization
import Testing

@testable import NodeAPI

struct StreamTests {
  @Test func aClientThatTakesNothingGetsNoMoreThanTheLimit() {
    let stream = HTTPStream()
    let piece = [UInt8](repeating: 1, count: 1_000)
    var sent = 0
    while stream.send(piece) { sent += piece.count }
    #expect(sent < APILimits.streamBytes && sent + piece.count >= APILimits.streamBytes)
  }

  @Test func thereAreSoManyStreamsAtOnce() {
    let followers = ChangeFollowers()
    for _ in 0..<APILimits.changeStreams { #expect(followers.beginStream()) }
    #expect(!followers.beginStream())
    followers.endStream()
    #expect(followers.beginStream(), "there is room again")
  }

  @Test func nothingIsTakenAfterTheEnd() {
    let stream = HTTPStream()
    stream.finish()
    #expect(!stream.send([1]))
  }
}
