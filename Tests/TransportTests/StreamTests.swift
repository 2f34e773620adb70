import Base
import Dispatch
import Glibc
import Testing

@testable import Transport

@Suite struct StreamTests {
  @Test(arguments: Kind.allCases)
  func closingWithAFlushDeliversEverything(kind: Kind) throws {
    let bench = Bench()
    let ending = Promise<Ending>()
    let listener = try bench.listen(kind, try Scratch()) { stream in
      stream.collectHere(ending) { stream in
        // The reader is slow at first, so that most is still unsent when the writer closes.
        stream.pauseReceiving()
        bench.queue.asyncAfter(deadline: .now() + .milliseconds(20)) { stream.resumeReceiving() }
      }
    }
    let data = Array(repeating: UInt8(7), count: 3_000_000)
    let client = try bench.connect(to: listener.boundAddress, kind).get()
    let clientEnding = client.collect(on: bench) { client in
      client.send(data)
      client.close(flushing: true)
    }
    bench.queue.sync { client.close(flushing: true) }
    let result = try ending.wait("the bytes")
    #expect(result.received == data)
    #expect(result.error == nil)
    #expect(try clientEnding.wait("the client's end").error == nil)
    try bench.tearDown()
  }

  @Test(arguments: Kind.allCases)
  func sendingBeforeTheStartIsKept(kind: Kind) throws {
    let bench = Bench()
    let ending = Promise<Ending>()
    let listener = try bench.listen(kind, try Scratch()) { stream in
      stream.send([1, 2, 3])
      stream.collectHere(ending)
    }
    let client = try bench.connect(to: listener.boundAddress, kind).get()
    let closed = client.collect(on: bench) { client in
      let collect = client.onReceive
      client.onReceive = { bytes in
        collect?(bytes)
        client.close(flushing: false)
      }
    }
    #expect(try closed.wait("the greeting").received == [1, 2, 3])
    _ = try ending.wait("the server's end")
    try bench.tearDown()
  }

  @Test(arguments: Kind.allCases)
  func aPausedReaderHoldsTheSenderBack(kind: Kind) throws {
    let bench = Bench()
    let accepted = Promise<ByteStream>()
    let ending = Promise<Ending>()
    let listener = try bench.listen(kind, try Scratch()) { stream in
      stream.collectHere(ending) { $0.pauseReceiving() }
      accepted.fulfil(stream)
    }
    let client = try bench.connect(to: listener.boundAddress, kind).get()
    let server = try accepted.wait("the server's stream")
    let drained = Promise<Int>()
    let total = 24 * 1024 * 1024
    let clientEnding = client.collect(on: bench) { client in
      client.onDrain = { drained.fulfil(client.unsentBytes) }
    }
    bench.queue.sync { client.send(Array(repeating: 1, count: total)) }
    // More than the kernel's buffers hold: the rest waits here.
    let unsent = bench.queue.sync { client.unsentBytes }
    #expect(unsent > Limits.sendLowWater)
    bench.queue.sync { server.resumeReceiving() }
    #expect(try drained.wait("the drain") <= Limits.sendLowWater)
    bench.queue.sync { client.close(flushing: true) }
    #expect(try ending.wait("all bytes").received.count == total)
    #expect(try clientEnding.wait("the end").error == nil)
    try bench.tearDown()
  }

  @Test(arguments: Kind.allCases)
  func aPeerThatVanishesMidWriteEndsTheStreamOnce(kind: Kind) throws {
    let bench = Bench()
    let listener = try bench.listen(kind, try Scratch()) { stream in
      stream.onReceive = { _ in stream.close(flushing: false) }
      stream.start()
    }
    let client = try bench.connect(to: listener.boundAddress, kind).get()
    let ending = client.collect(on: bench) { client in
      for _ in 0..<100 { client.send(Array(repeating: 1, count: 200_000)) }
    }
    #expect(try ending.wait("the end").error?.code == .closed)
    bench.queue.sync {
      client.send([1])
      client.close(flushing: true)
      #expect(client.unsentBytes == 0)
    }
    try bench.tearDown()
  }

  /// HQ says why it refuses a store, then closes, while the store is still sending.
  @Test(arguments: Kind.allCases)
  func lastWordsAreHeardAlthoughSendingFailed(kind: Kind) throws {
    let bench = Bench()
    let words = Array("revoked".utf8)
    let listener = try bench.listen(kind, try Scratch()) { stream in
      stream.onReceive = { _ in
        stream.onReceive = nil
        stream.send(words)
        stream.close(flushing: true)
      }
      stream.start()
    }
    let client = try bench.connect(to: listener.boundAddress, kind).get()
    let ending = client.collect(on: bench) { $0.send(Array(repeating: 1, count: 2_000_000)) }
    #expect(try ending.wait("the end").received == words)
    try bench.tearDown()
  }

  /// `echo status | nc -U socket`: the peer finishes sending, and waits for the answer.
  @Test(arguments: [Kind.tcp, .unix])
  func aHalfClosedPeerGetsItsAnswer(kind: Kind) throws {
    let bench = Bench()
    let listener = try bench.listen(kind, try Scratch()) { stream in
      var question: [UInt8] = []
      stream.onReceive = { question += $0 }
      stream.onReceiveEnd = {
        stream.send(Array("you said: ".utf8) + question)
        stream.close(flushing: true)
      }
      stream.start()
    }
    let raw = try RawSocket.connected(to: listener.boundAddress)
    raw.send("status")
    raw.finishSending()
    #expect(String(decoding: raw.receiveAll(), as: UTF8.self) == "you said: status")
    raw.close()
    try bench.tearDown()
  }

  @Test func aSenderThatIgnoresBackPressureIsStopped() throws {
    let bench = Bench()
    let listener = try bench.listen(.tcp, try Scratch()) { bench.keep($0) }
    let client = try bench.connect(to: listener.boundAddress, .tcp).get()
    let ending = client.collect(on: bench) { client in
      for _ in 0..<80 { client.send(Array(repeating: 0, count: 1 << 20)) }
    }
    #expect(try ending.wait("the end").error?.code == .overflow)
    try bench.tearDown()
  }

  @Test func chunksHaveALimit() throws {
    let bench = Bench()
    let largest = Promise<Int>()
    let listener = try bench.listen(.unix, try Scratch()) { stream in
      var count = 0
      stream.onReceive = { count = max(count, $0.count) }
      stream.onClose = { _ in largest.fulfil(count) }
      stream.start()
    }
    let client = try bench.connect(to: listener.boundAddress, .unix).get()
    bench.queue.sync {
      client.start()
      client.send(Array(repeating: 0, count: 1 << 20))
      client.close(flushing: true)
    }
    #expect((1...Limits.readChunk).contains(try largest.wait("the end")))
    try bench.tearDown()
  }

  @Test func theSendBufferKeepsOrderAndJoinsSmallSends() {
    var random = SeededGenerator(seed: 11)
    var buffer = SendBuffer()
    var given: [UInt8] = []
    var taken: [UInt8] = []
    for _ in 0..<5_000 {
      let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      given += bytes
      buffer.append(bytes)
      while buffer.count > Int.random(in: 0...20_000, using: &random) {
        let first = buffer.withFirst { Array($0) }
        #expect(first.count <= Limits.coalescedSend)
        let count = Int.random(in: 1...first.count, using: &random)
        taken += first.prefix(count)
        buffer.removeFirst(count)
      }
    }
    while !buffer.isEmpty {
      let first = buffer.withFirst { Array($0) }
      taken += first
      buffer.removeFirst(first.count)
    }
    #expect(taken == given)
  }
}
