import Base
import Dispatch
import Glibc
import Testing

@testable import Transport

@Suite struct EchoTests {
  /// 5 MB in pieces of random size, both ways at once, then closed in good order by the client.
  @Test(arguments: Kind.allCases)
  func bytesComeBackInOrder(kind: Kind) throws {
    let bench = Bench()
    let scratch = try Scratch()
    let closed = Promise<(client: TransportError?, received: Int, inOrder: Bool)>()
    let serverClosed = Promise<TransportError?>()
    let listener = try bench.listen(kind, scratch) { stream in
      stream.onReceive = { stream.send($0) }
      stream.onClose = { serverClosed.fulfil($0) }
      stream.start()
    }
    let client = try bench.connect(to: listener.boundAddress, kind).get()
    bench.queue.async {
      var random = SeededGenerator(seed: 7)
      let total = 5_000_000
      let words = (0..<total / 8).map { _ in random.next() }
      let data = words.withUnsafeBytes { Array($0) }
      var received = 0
      var inOrder = true
      client.onReceive = { bytes in
        inOrder = inOrder && received + bytes.count <= total && data.has(bytes, at: received)
        received += bytes.count
        if received >= total { client.close(flushing: true) }
      }
      client.onClose = { closed.fulfil(($0, received, inOrder)) }
      client.start()
      var sent = 0
      while sent < total {
        let count = min(Int.random(in: 1...100_000, using: &random), total - sent)
        client.send(Array(data[sent..<sent + count]))
        sent += count
      }
    }
    let result = try closed.wait("the echo")
    #expect(result.client == nil)
    #expect(result.received == 5_000_000)
    #expect(result.inOrder)
    #expect(try serverClosed.wait("the server's end") == nil)
    try bench.tearDown()
  }
}

extension [UInt8] {
  /// Compares as a block: byte by byte it takes a sanitizer longer than the sending.
  fileprivate func has(_ bytes: [UInt8], at offset: Int) -> Bool {
    withUnsafeBytes { all in
      bytes.withUnsafeBytes { part in
        guard let all = all.baseAddress, let part = part.baseAddress else { return false }
        return memcmp(all + offset, part, bytes.count) == 0
      }
    }
  }
}
