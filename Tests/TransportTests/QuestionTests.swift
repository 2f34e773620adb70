import Base
import Dispatch
import Testing

@testable import Transport

/// One end asks, the other answers with more than the kernel's buffers hold, and reads no further question meanwhile: what
/// `syncctl` and the daemons' control sockets do.
@Suite struct QuestionTests {
  private static let answer = [UInt8](repeating: 7, count: 600_000)

  /// Two questions on each of many connections: at the first answer the stream begins to wait for room, and to read again.
  @Test(arguments: [Kind.unix, .tcp])
  func aQuestionIsNeverOverlookedBehindALargeAnswer(kind: Kind) throws {
    let server = Bench()
    let client = Bench()
    let listener = try server.listen(kind, try Scratch()) { stream in
      server.keep(stream)
      let place = server.streams.count - 1
      stream.onReceive = { _ in
        server.streams[place].pauseReceiving()
        server.queue.async {
          server.streams[place].send(Self.answer)
          server.streams[place].resumeReceiving()
        }
      }
      stream.start()
    }
    for connection in 0..<400 {
      let stream = try client.connect(to: listener.boundAddress, kind, keeping: false).get()
      let done = Promise<Void>()
      client.queue.async {
        var (received, answered) = (0, 0)
        stream.onReceive = { bytes in
          received += bytes.count
          guard received == Self.answer.count else { return }
          (received, answered) = (0, answered + 1)
          if answered == 2 { done.fulfil(()) } else { stream.send([1]) }
        }
        stream.start()
        stream.send([1])
      }
      try done.wait("the second answer of connection \(connection)")
      client.queue.sync { stream.close(flushing: false) }
    }
    try client.tearDown()
    try server.tearDown()
  }
}
