import Base
import Dispatch
import Transport
import Wire

/// Serves `syncctl` over the Unix socket in the data directory, which only the owner of the directory can reach.
///
/// Confined to `queue` (`@unchecked Sendable`). One request at a time on a connection, answered in order.
final class ControlServer: @unchecked Sendable {
  private let queue: DispatchQueue
  private let service: ControlService
  private var listener: Listener?

  init(path: String, queue: DispatchQueue, service: ControlService, log: @escaping LogSink) throws(TransportError) {
    self.queue = queue
    self.service = service
    listener = try Listener(at: .unix(path: path), queue: queue, log: log) { [weak self] stream in
      self?.serve(stream)
    }
  }

  func close() {
    listener?.close()
    listener = nil
  }

  private func serve(_ stream: ByteStream) {
    let connection = ControlConnection(stream, queue: queue, service: service)
    stream.onReceive = { connection.receive($0) }
    stream.start()
  }
}

/// One `syncctl` at the socket. Confined to `queue` (`@unchecked Sendable`).
private final class ControlConnection: @unchecked Sendable {
  private let stream: ByteStream
  private let queue: DispatchQueue
  private let service: ControlService
  private var frames = FrameDecoder()
  private var isBusy = false

  init(_ stream: ByteStream, queue: DispatchQueue, service: ControlService) {
    self.stream = stream
    self.queue = queue
    self.service = service
  }

  func receive(_ bytes: [UInt8]) {
    frames.append(bytes)
    next()
  }

  /// Takes the next request once the one before is answered; until then nothing more is read.
  private func next() {
    guard !isBusy else { return }
    do {
      guard let payload = try frames.next() else { return stream.resumeReceiving() }
      let request = try CBORValue(decoding: payload)
      isBusy = true
      stream.pauseReceiving()
      service.handle(request) { result in
        self.queue.async {
          self.isBusy = false
          self.send(result)
          self.next()
        }
      }
    } catch {
      send(.failure(ControlError(.usage, "a request that cannot be read: \(error)")))
      frames = FrameDecoder()
      stream.close(flushing: true)
    }
  }

  private func send(_ result: Result<CBORValue, ControlError>) {
    let answer: CBORValue
    switch result {
    case .success(let value): answer = .object(["ok": .boolean(true), "result": value])
    case .failure(let error):
      answer = .object(["ok": .boolean(false), "code": .text(error.code.rawValue), "message": .text(error.description)])
    }
    if let frame = try? FrameWriter.frame(answer.encoded()) { return stream.send(frame) }
    let tooLarge = CBORValue.object([
      "ok": .boolean(false), "code": .text(ControlError.Code.usage.rawValue),
      "message": .text("the answer is larger than \(WireLimits.maximumFrameBytes) bytes; ask for less"),
    ])
    if let frame = try? FrameWriter.frame(tooLarge.encoded()) { stream.send(frame) }
  }
}
