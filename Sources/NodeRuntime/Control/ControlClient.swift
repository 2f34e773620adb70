import Base
import Causality
import Dispatch
import RecordStore
package import StoreModel
import Synchronization
import Transport
package import Wire

/// Asks a node: over its socket if it runs, else on the database itself, which it then holds alone.
package final class ControlClient: @unchecked Sendable {
  /// An answer takes as long as the largest commit on a slow disk.
  private static let answerSeconds = 120
  private static let connectMilliseconds = 5_000
  /// Items of an answer: the status of a store has some sixty, so that of fifteen thousand fits. The node is this machine's own,
  /// and a frame bounds the bytes.
  private static let answerItems = 1 << 20

  private let queue = DispatchQueue(label: "storesync.control")
  /// On `queue` only, once opened.
  private var stream: ByteStream?
  private var frames = FrameDecoder()
  private var waiting: ((Result<CBORValue, ControlError>) -> Void)?
  private let service: ControlService?

  /// - Throws: `unreachable` if the node does not answer and its database cannot be opened either.
  package init(directory: DataDirectory, model: Model) throws(ControlError) {
    ignoreBrokenPipes()
    do throws(StoreError) {
      try directory.checkDatabase()
    } catch {
      throw ControlError(.usage, error.message)
    }
    if let stream = try? Self.connect(directory, queue).get() {
      service = nil
      queue.sync { self.open(stream) }
      return
    }
    do throws(StoreError) {
      try directory.becomeOwner()
      let gate = try DatabaseWait.open(directory, model: model, isStarting: false, for: DatabaseWait.clientMilliseconds)
      service = ControlService(node: RestingNode(gate: gate))
    } catch {
      guard error.code == .inUse else { throw ControlError(error) }
      // A node may have started meanwhile, and answers by now.
      switch Self.connect(directory, queue) {
      case .success(let stream):
        service = nil
        queue.sync { self.open(stream) }
      case .failure(let unreachable):
        throw ControlError(.unreachable, "\(error.message). It does not answer as a node: \(unreachable.message)")
      }
    }
  }

  /// Asks only a node that runs; the database stays as it is.
  /// - Throws: `unreachable` if none answers.
  init(running directory: DataDirectory) throws(ControlError) {
    ignoreBrokenPipes()
    service = nil
    switch Self.connect(directory, queue) {
    case .success(let stream): queue.sync { self.open(stream) }
    case .failure(let error): throw ControlError(.unreachable, error.message)
    }
  }

  private static func connect(_ directory: DataDirectory, _ queue: DispatchQueue) -> Result<ByteStream, TransportError>
  {
    wait { (done: @escaping @Sendable (Result<ByteStream, TransportError>) -> Void) in
      queue.async {
        _ = Connector.connect(
          to: .unix(path: directory.socketPath), queue: queue, timeoutMilliseconds: connectMilliseconds,
          completion: done)
      }
    }
  }

  private func open(_ stream: ByteStream) {
    self.stream = stream
    stream.onReceive = { [weak self] in self?.receive($0) }
    stream.onClose = { [weak self] error in
      self?.finish(
        .failure(ControlError(.unreachable, "the node is gone: \(error?.message ?? "it closed the connection")")))
      self?.stream = nil
    }
    stream.start()
  }

  private func receive(_ bytes: [UInt8]) {
    frames.append(bytes)
    do {
      while let payload = try frames.next() {
        let answer = try CBORValue(decoding: payload, itemLimit: Self.answerItems)
        if answer["ok"]?.booleanValue == true {
          finish(.success(answer["result"] ?? .null))
        } else {
          let code = answer["code"]?.textValue.flatMap(ControlError.Code.init) ?? .storage
          finish(.failure(ControlError(code, answer["message"]?.textValue ?? "the node gave no reason")))
        }
      }
    } catch {
      finish(.failure(ControlError(.unreachable, "an answer that cannot be read: \(error)")))
    }
  }

  private func finish(_ result: Result<CBORValue, ControlError>) {
    let completion = waiting
    waiting = nil
    completion?(result)
  }

  /// Sends one request and blocks until it is answered.
  package func request(_ operation: String, _ arguments: [(String, CBORValue)] = []) throws(ControlError) -> CBORValue {
    let pairs = [("operation", CBORValue.text(operation))] + arguments
    let request = CBORValue.map(pairs.map { CBORValue.Pair(.text($0.0), $0.1) })
    let frame: [UInt8]
    do throws(FrameError) {
      frame = try FrameWriter.frame(request.encoded())
    } catch {
      throw ControlError(.usage, "the request is too large: \(error)")
    }
    let result = Self.wait { (done: @escaping @Sendable (Result<CBORValue, ControlError>) -> Void) in
      if let service = self.service { return service.handle(request, completion: done) }
      self.queue.async {
        guard let stream = self.stream else {
          return done(.failure(ControlError(.unreachable, "the node is gone")))
        }
        self.waiting = done
        stream.send(frame)
      }
      self.queue.asyncAfter(deadline: .now() + .seconds(Self.answerSeconds)) {
        done(.failure(ControlError(.unreachable, "the node has not answered for \(Self.answerSeconds) s")))
      }
    }
    return try result.get()
  }

  /// Blocks until `begin`'s completion is called for the first time.
  private static func wait<Value: Sendable>(_ begin: (@escaping @Sendable (Value) -> Void) -> Void) -> Value {
    let semaphore = DispatchSemaphore(value: 0)
    let box = AnswerBox<Value>()
    begin { value in
      if box.put(value) { semaphore.signal() }
    }
    semaphore.wait()
    guard let value = box.take() else { preconditionFailure("the semaphore is signalled after the answer is there") }
    return value
  }
}

/// Holds the first of possibly several answers until it is taken; whoever comes later, such as a timer that still holds on
/// to this, holds no answer. The lock guards it (`@unchecked Sendable`).
final class AnswerBox<Value>: @unchecked Sendable {
  private let lock = Mutex<Void>(())
  private var value: Value?
  private var isFilled = false

  /// False if an answer was there before.
  func put(_ new: Value) -> Bool {
    lock.withLock { _ in
      guard !isFilled else { return false }
      isFilled = true
      value = new
      return true
    }
  }

  func take() -> Value? {
    lock.withLock { _ in
      defer { value = nil }
      return value
    }
  }
}

/// A node that no daemon runs.
private final class RestingNode: RunningNode, @unchecked Sendable {
  let gate: StoreGate
  let queue = DispatchQueue(label: "storesync.resting")

  init(gate: StoreGate) {
    self.gate = gate
  }

  var isRunning: Bool { false }
  var log: LogSink { Console.log }

  func peerStatuses() -> [PeerStatus] {
    guard !gate.identity.isHQ else { return [] }
    let acknowledged = try? gate.writeNow { engine throws(StoreError) in try engine.acknowledged(by: .hq) }
    return [PeerStatus(node: .hq, acknowledged: acknowledged ?? LaneMap(repeating: 0))]
  }

  func stop(_ completion: @escaping @Sendable () -> Void) { completion() }
}
