import Base
import Glibc
import NodeAPI
import Testing
import Transport

/// What the server bounds, against sockets that do their worst. Nothing here waits for a time to pass but for the server's own end
/// of a connection.
@Suite struct ServerLimitTests {
  /// A server whose answer is the size of the body that came.
  private final class Echo {
    let server: HTTPServer

    init(_ change: (inout HTTPServer.Bounds) -> Void) throws {
      var bounds = HTTPServer.Bounds()
      bounds.sweepMilliseconds = 10
      change(&bounds)
      server = try HTTPServer(at: Endpoint(host: "127.0.0.1", port: 0), nil, bounds: bounds) { refusal in
        HTTPResponse(status: refusal == .tooLarge ? 413 : 400)
      } handler: { request, respond in
        respond(HTTPResponse(status: 200, body: .bytes(Array("\(request.body.count)".utf8))))
      }
    }

    deinit { server.stop() }

    func connect() throws -> Client { try Client(port: server.endpoint.port) }
  }

  private final class Client {
    private let descriptor: Int32

    init(port: UInt16) throws {
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      try #require(result == 0)
    }

    deinit { close(descriptor) }

    /// - Returns: false once the server has closed.
    @discardableResult func send(_ bytes: some Collection<UInt8>) -> Bool {
      var rest = Array(bytes)[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }

    @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// The status of the next answer; nil if the server closes instead. An answer comes in one piece here.
    func status() -> Int? {
      var buffer = [UInt8](repeating: 0, count: 4_096)
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 12 else { return nil }
      return Int(String(decoding: buffer[9..<12], as: UTF8.self))
    }
  }

  private static let question = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

  @Test func oneAddressHasSoManyConnectionsAndOthersRoomAgainWhenOneIsGone() throws {
    let echo = try Echo { $0.connectionsPerAddress = 3 }
    var clients: [Client] = []
    for _ in 0..<3 {
      let client = try echo.connect()
      client.send(Self.question)
      #expect(client.status() == 200)
      clients.append(client)
    }
    #expect(echo.server.connectionCount == 3)
    let fourth = try echo.connect()
    fourth.send(Self.question)
    #expect(fourth.status() == nil, "it is closed without an answer")
    clients[0].send(Self.question)
    #expect(clients[0].status() == 200, "the others go on")
  }

  @Test func allTogetherHaveSoManyConnections() throws {
    let echo = try Echo { $0.connections = 2 }
    let clients = [try echo.connect(), try echo.connect()]
    for client in clients {
      client.send(Self.question)
      #expect(client.status() == 200)
    }
    // The library does not take it from the system's queue before another is gone.
    let third = try echo.connect()
    third.send(Self.question)
    clients[0].send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(clients[0].status() == 200)
    #expect(third.status() ?? 200 == 200)
  }

  @Test func whoSendsARequestByteByByteIsCutOff() throws {
    let echo = try Echo { $0.requestMilliseconds = 100 }
    let slow = try echo.connect()
    slow.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
    slow.send("1234")
    #expect(slow.status() == nil, "the body never came to its end")
    let silent = try echo.connect()
    #expect(silent.status() == nil, "it never asked anything")
  }

  @Test func whoRestsForTooLongIsCutOff() throws {
    let echo = try Echo { $0.restMilliseconds = 100 }
    let client = try echo.connect()
    client.send(Self.question)
    #expect(client.status() == 200)
    #expect(client.status() == nil)
  }

  @Test func bodiesOfAllTogetherAreBounded() throws {
    let half = 1 << 20
    let echo = try Echo { $0.allBodyBytes = 2 * half }
    let first = try echo.connect()
    let second = try echo.connect()
    let third = try echo.connect()
    let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \(half)\r\n\r\n"
    let most = [UInt8](repeating: 0x20, count: half - 1)
    for client in [first, second] {
      client.send(head)
      client.send(most)
    }
    // They are in when their server has nothing left to read of them: an answer to somebody else says that it has come round.
    let probe = try echo.connect()
    for _ in 0..<200 {
      probe.send(Self.question)
      #expect(probe.status() == 200)
    }
    third.send(head)
    third.send(most + [0x20])
    #expect(third.status() == 413)
    for client in [first, second] {
      client.send([0x20])
      #expect(client.status() == 200, "who came before is not harmed")
    }
    let fourth = try echo.connect()
    fourth.send(head)
    fourth.send(most + [0x20])
    #expect(fourth.status() == 200, "there is room again")
  }
}
