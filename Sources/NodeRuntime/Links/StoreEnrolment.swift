import Base
import Causality
import Dispatch
import RecordStore
import StoreModel
import SyncSession
import Synchronization
package import Transport
import Wire

/// Takes a join code's secret to HQ for a credential, before there is a database.
package enum StoreEnrolment {
  /// Name look-up, connection and TLS together, an endpoint.
  private static let connectMilliseconds = 15_000

  /// Tries the endpoints in turn, and blocks until HQ has answered.
  /// - Throws: `unreachable` if HQ is at none of them, `notAllowed` if it refuses.
  package static func enrol(_ code: JoinCode, at endpoints: [Endpoint]) throws(ControlError) -> [UInt8] {
    ignoreBrokenPipes()
    let tls: TLSClient
    do throws(TransportError) {
      tls = try TLSClient(pinnedKey: code.pin)
    } catch {
      throw ControlError(.usage, error.message)
    }
    let enrol = Enrol(node: code.node, secret: code.secret, software: SoftwareVersion.text)
    var problems: [String] = []
    for endpoint in endpoints {
      switch ask(enrol, at: endpoint, tls) {
      case .credential(let credential): return credential
      case .refused(let refusal) where Self.isFinal(refusal):
        throw ControlError(.notAllowed, "HQ did not take the join code: \(refusal.message) (\(refusal.code))")
      case .refused(let refusal): problems.append("HQ at \(endpoint): \(refusal.message) (\(refusal.code))")
      case .failed(let reason): problems.append("HQ at \(endpoint): \(reason)")
      }
    }
    throw ControlError(
      .unreachable,
      "HQ could not be asked, so nothing was made here; the join code stays good. \(problems.joined(separator: "; "))")
  }

  /// Whether another attempt would end the same.
  private static func isFinal(_ refusal: Refusal) -> Bool {
    switch Refusal.Code(rawValue: refusal.code) {
    case .storage, .busy, .shuttingDown: false
    default: true
    }
  }

  private static func ask(_ enrol: Enrol, at endpoint: Endpoint, _ tls: TLSClient) -> JoinAttempt.Outcome {
    let queue = DispatchQueue(label: "storesync.joining")
    let answered = DispatchSemaphore(value: 0)
    let outcome = Mutex<JoinAttempt.Outcome?>(nil)
    let finish: @Sendable (JoinAttempt.Outcome) -> Void = { found in
      outcome.withLock { $0 = found }
      answered.signal()
    }
    queue.async {
      _ = Connector.connect(
        to: .tcp(endpoint), tls: tls, queue: queue, timeoutMilliseconds: Self.connectMilliseconds
      ) { result in
        switch result {
        case .success(let stream): JoinAttempt(stream, enrol, queue: queue, finish).start()
        case .failure(let error): finish(.failed(error.message))
        }
      }
    }
    answered.wait()
    return outcome.withLock { $0 } ?? .failed("it gave no answer")
  }
}

/// One connection on which a store joins. Confined to `queue` (`@unchecked Sendable`); lives until it is closed.
private final class JoinAttempt: @unchecked Sendable {
  enum Outcome: Sendable {
    case credential([UInt8])
    case refused(Refusal)
    case failed(String)
  }

  private let stream: ByteStream
  private let queue: DispatchQueue
  private let clock = SystemMonotonicClock()
  private let completion: (Outcome) -> Void
  private var session: SyncSession
  private var frames = FrameDecoder()
  private var outcome: Outcome?

  init(_ stream: ByteStream, _ enrol: Enrol, queue: DispatchQueue, _ completion: @escaping (Outcome) -> Void) {
    self.stream = stream
    self.queue = queue
    self.completion = completion
    session = SyncSession(role: .joiner(enrol))
  }

  func start() {
    dispatchPrecondition(condition: .onQueue(queue))
    stream.onReceive = { self.receive($0) }
    stream.onClose = { error in
      self.handle(.disconnected(reason: error?.message ?? "it hung up without an answer"))
      self.completion(self.outcome ?? .failed("it gave no answer"))
    }
    queue.asyncAfter(deadline: .now() + .milliseconds(Int(SessionLimits.handshakeMilliseconds))) { [weak self] in
      self?.handle(.deadlineReached)
    }
    stream.start()
    handle(.opened)
  }

  private func receive(_ bytes: [UInt8]) {
    guard !session.isClosed else { return }
    frames.append(bytes)
    do {
      while !session.isClosed, let payload = try frames.next() { handle(.received(try Message(decoding: payload))) }
    } catch {
      handle(.undecodable(reason: "\(error)"))
    }
  }

  private func handle(_ event: SessionEvent) {
    var effects: [SessionEffect] = []
    session.handle(event, at: clock.now, into: &effects)
    for effect in effects {
      switch effect {
      case .send(let message): if let frame = try? FrameWriter.frame(message.encoded()) { stream.send(frame) }
      case .enrolled(let credential): outcome = .credential(credential)
      case .close(let reason):
        if case .refusedByPeer(let refusal) = reason { outcome = .refused(refusal) }
        outcome = outcome ?? .failed(reason.description)
        stream.close(flushing: true)
      default: break
      }
    }
  }
}
