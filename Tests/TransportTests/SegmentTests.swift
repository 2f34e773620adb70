import Glibc
import Testing

@testable import Transport

/// A path may drop large packets without a word, so neither side ever sends one.
@Suite struct SegmentTests {
  @Test(arguments: [Kind.tcp, .tcp6])
  func bothSidesKeepToSmallSegments(kind: Kind) throws {
    let family = kind == .tcp ? AF_INET : AF_INET6
    let listener = try Socket.make(family: family)
    let client = try Socket.make(family: family)
    defer { for descriptor in [listener, client] { close(descriptor) } }
    try #require(listen(listener, 1) == 0)
    let address = try #require(Socket.localAddress(listener))
    _ = Socket.connect(client, to: address)
    var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    try #require(poll(&waiting, 1, 30_000) == 1)
    let accepted = try Socket.accept(listener).get()
    defer { close(accepted) }
    for descriptor in [client, accepted] {
      let bytes = segmentBytes(descriptor)
      #expect(bytes > 1_000 && bytes <= Int(Limits.segmentBytes))
    }
  }

  private func segmentBytes(_ descriptor: Int32) -> Int {
    var bytes: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_MAXSEG, &bytes, &length) == 0 ? Int(bytes) : -1
  }
}
