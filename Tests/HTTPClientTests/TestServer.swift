import Dispatch
import Synchronization
import Transport

/// Answers every request at a port of this machine with bytes of the test's choice, and keeps what it was sent.
final class TestServer: Sendable {
  private let queue = DispatchQueue(label: "test.server")
  private let listener: Listener
  private let received = Received()
  let port: UInt16

  /// - Parameters:
  ///   - answer: nil to say nothing.
  ///   - tls: whom it says that it is; nil for no TLS.
  init(tls: TLSIdentity? = nil, _ answer: @escaping @Sendable (String) -> String?) throws {
    let received = received
    let queue = queue
    let endpoint = Endpoint(host: "127.0.0.1", port: 0)
    listener = try queue.sync {
      try Listener(at: .tcp(endpoint), tls: tls, queue: queue, log: { _ in }) { stream in
        let text = TextBox()
        stream.onReceive = { bytes in
          text.text += String(decoding: bytes, as: UTF8.self)
          guard text.isWhole else { return }
          received.add(text.text)
          if let answer = answer(text.text) { stream.send(Array(answer.utf8)) }
          text.text = ""
        }
        stream.start()
      }
    }
    port = listener.boundEndpoint?.port ?? 0
  }

  deinit { queue.sync { listener.close {} } }

  var address: String { "http://127.0.0.1:\(port)/path?query=1" }
  var requests: [String] { received.all }
}

/// The requests that have come.
private final class Received: Sendable {
  private let texts = Mutex<[String]>([])

  func add(_ text: String) { texts.withLock { $0.append(text) } }
  var all: [String] { texts.withLock { $0 } }
}

/// What has come of a request; on the server's queue only.
private final class TextBox: @unchecked Sendable {
  var text = ""

  var isWhole: Bool {
    guard let end = text.range(ofHeaderEnd: "\r\n\r\n") else { return false }
    let lines = text[..<end].split(whereSeparator: \.isNewline)
    let length = lines.first { $0.lowercased().hasPrefix("content-length:") }?.split(separator: " ").last
    return text[end...].utf8.count >= 4 + (length.flatMap { Int($0) } ?? 0)
  }
}

extension String {
  fileprivate func range(ofHeaderEnd mark: String) -> String.Index? { firstRange(of: mark)?.lowerBound }
}
