import Dispatch
import Glibc

/// One stream of bytes to and from a peer: TCP, TLS over TCP, or a Unix-domain socket.
///
/// Confined to its queue: every method is called on it, every callback runs on it, and that is what guards the state
/// (`@unchecked Sendable`). No callback runs inside a call of `send` or `close`.
///
/// A started stream keeps itself alive until `onClose`; one that is dropped before `start()` closes. After `onClose` the
/// callbacks are released, so that they may refer to the stream.
package final class ByteStream: @unchecked Sendable {
  private enum Phase {
    case handshaking
    /// Connected; nothing is read before `start()`.
    case ready
    case open
    /// Closing: what is unsent goes out first.
    case flushing
    /// Closing: everything is sent; waiting for the other end to finish too, so that closing doesn't reset what is on its way.
    case finishing
    case closed
  }

  /// Received bytes, at most `Limits.readChunk` at a time. Set before `start()`.
  package var onReceive: (([UInt8]) -> Void)?
  /// The end of the stream, exactly once, after which nothing is called any more; nil when either side closed it in good order.
  package var onClose: ((TransportError?) -> Void)?
  /// The unsent bytes have fallen from above `Limits.sendLowWater` to it or below.
  package var onDrain: (() -> Void)?
  /// The peer has finished sending and still reads. Without this callback the stream then flushes and closes;
  /// with it, `close` is the owner's duty.
  package var onReceiveEnd: (() -> Void)?

  /// Who is at the other end, for people: a numeric address, or the path of a socket.
  package let peerDescription: String
  /// SHA-256 of the peer's SubjectPublicKeyInfo if it showed a certificate.
  package private(set) var peerKeyPin: [UInt8]?

  private let queue: DispatchQueue
  private let watch: DescriptorWatch
  private let channel: Channel
  private var phase: Phase
  private var unsent = SendBuffer()
  private var isAboveLowWater = false
  private var isPaused = false
  private var hasReceivedEnd = false
  private var isTurnScheduled = false
  private var needsForReading = Need.readable
  private var needsForWriting: Need?
  /// Sending failed because the peer went away; what it said before that is still read.
  private var sendingError: TransportError?
  private var ownReference: ByteStream?
  /// Internal: a test waits less.
  var linger = Linger()

  private var handshake: Handshake?

  /// The TLS handshake under way.
  private struct Handshake {
    var session: TLSSession
    var pins: [[UInt8]]?
    var completion: (Result<ByteStream, TransportError>) -> Void
  }

  private enum Need {
    case readable, writable
  }

  /// Takes ownership of a connected descriptor.
  init(connected descriptor: Int32, peer: String, queue: DispatchQueue) {
    self.queue = queue
    peerDescription = peer
    watch = DescriptorWatch(descriptor: descriptor, queue: queue)
    channel = .plain(descriptor)
    phase = .ready
  }

  /// Takes ownership of a connected descriptor, and does the TLS handshake before anybody else gets to see the stream. With
  /// `pins`, only these keys will do. `completion` is called on the queue, exactly once unless the stream is closed first.
  init(
    connected descriptor: Int32, peer: String, queue: DispatchQueue, session: TLSSession, pins: [[UInt8]]?,
    completion: @escaping (Result<ByteStream, TransportError>) -> Void
  ) {
    self.queue = queue
    peerDescription = peer
    watch = DescriptorWatch(descriptor: descriptor, queue: queue)
    channel = .tls(session)
    phase = .handshaking
    handshake = Handshake(session: session, pins: pins, completion: completion)
    begin()
    queue.asyncAfter(deadline: .now() + .milliseconds(Limits.handshakeMilliseconds)) { [weak self] in
      guard let self, self.phase == .handshaking else { return }
      self.finish(
        TransportError(
          .timedOut,
          "no TLS answer from \(peer) in \(Limits.handshakeMilliseconds) ms; expected a StoreSync node: check the address"
        ))
    }
    queue.async { self.stepHandshake() }
  }

  /// Begins to read. Set the callbacks first.
  package func start() {
    dispatchPrecondition(condition: .onQueue(queue))
    guard phase == .ready else { return }
    phase = .open
    begin()
    flush()
    // The handshake may have left the peer's first bytes within the channel, where no source sees them.
    scheduleTurn()
    updateInterest()
  }

  private func begin() {
    ownReference = self
    watch.onReadable = { [weak self] in self?.socketIsReadable() }
    watch.onWritable = { [weak self] in self?.socketIsWritable() }
  }

  // MARK: Handshake

  private func stepHandshake() {
    guard phase == .handshaking, let handshake else { return }
    switch handshake.session.handshake() {
    case .needsReadable: watch.want(readable: true, writable: false)
    case .needsWritable: watch.want(readable: false, writable: true)
    case .failed(let error): finish(error)
    case .end: finish(TransportError(.closed, "the other end closed the connection during the TLS handshake"))
    case .moved:
      peerKeyPin = handshake.session.peerPin
      if let pins = handshake.pins, peerKeyPin.map(pins.contains) != true {
        finish(TLSClient.mismatch(found: peerKeyPin, expected: pins, peer: peerDescription))
        return
      }
      phase = .ready
      self.handshake = nil
      watch.want(readable: false, writable: false)
      ownReference = nil
      handshake.completion(.success(self))
    }
  }

  // MARK: Sending

  /// Bytes given to `send` that the kernel has not taken yet. A sender that has no window of its own stops long before
  /// `Limits.sendBuffer`, and goes on at `onDrain`.
  package var unsentBytes: Int {
    dispatchPrecondition(condition: .onQueue(queue))
    return unsent.count
  }

  /// Takes `bytes` for sending and returns at once. After the stream's end, or after `close`, they are dropped.
  package func send(_ bytes: [UInt8]) {
    dispatchPrecondition(condition: .onQueue(queue))
    guard phase == .open || phase == .ready, sendingError == nil, !bytes.isEmpty else { return }
    guard bytes.count <= Limits.sendBuffer - unsent.count else {
      let count = unsent.count + bytes.count
      finish(
        TransportError(
          .overflow,
          "\(count) bytes unsent; expected at most \(Limits.sendBuffer): wait for onDrain before sending more"))
      return
    }
    let wasWaiting = !unsent.isEmpty
    unsent.append(bytes)
    if !wasWaiting, phase == .open { flush() }
    if unsent.count > Limits.sendLowWater { isAboveLowWater = true }
    updateInterest()
  }

  private func flush() {
    needsForWriting = nil
    while !unsent.isEmpty {
      switch unsent.withFirst(channel.write) {
      case .moved(let count): unsent.removeFirst(count)
      case .needsReadable:
        needsForWriting = .readable
        return
      case .needsWritable:
        needsForWriting = .writable
        return
      case .end:
        sendingFailed(TransportError(.closed, "sending: the other end has closed the connection"))
        return
      case .failed(let error):
        sendingFailed(error)
        return
      }
    }
    if phase == .flushing { finishSending() }
  }

  /// The peer is gone for sending. Its last words (why it closed) may still wait to be read.
  private func sendingFailed(_ error: TransportError) {
    unsent.removeAll()
    needsForWriting = nil
    guard error.code == .closed, phase == .open, !hasReceivedEnd, !isPaused else {
      finish(error)
      return
    }
    sendingError = error
    limitLinger()
    scheduleTurn()
  }

  private func reportDrain() {
    guard phase == .open, isAboveLowWater, unsent.count <= Limits.sendLowWater else { return }
    isAboveLowWater = false
    onDrain?()
  }

  // MARK: Receiving

  /// Stops reading: the peer's sends fill the kernel's buffers and then wait.
  package func pauseReceiving() {
    dispatchPrecondition(condition: .onQueue(queue))
    isPaused = true
    updateInterest()
  }

  /// Reads again after `pauseReceiving`.
  package func resumeReceiving() {
    dispatchPrecondition(condition: .onQueue(queue))
    guard isPaused else { return }
    isPaused = false
    // The channel may hold bytes of its own, and the source may have reported a hang-up already: look without being told.
    scheduleTurn()
    updateInterest()
  }

  private var isReading: Bool {
    switch phase {
    case .open: !isPaused && !hasReceivedEnd
    case .flushing, .finishing: !hasReceivedEnd
    case .handshaking, .ready, .closed: false
    }
  }

  private func receive() {
    needsForReading = .readable
    for _ in 0..<Limits.readsPerTurn {
      guard isReading else { return }
      let (outcome, bytes) = readChunk()
      switch outcome {
      case .moved:
        if phase == .open { onReceive?(bytes) }
      case .needsReadable:
        return
      case .needsWritable:
        needsForReading = .writable
        return
      case .end:
        receivedEnd()
        return
      case .failed(let error):
        finish(sendingError ?? error)
        return
      }
    }
    scheduleTurn()
  }

  private func readChunk() -> (Outcome, [UInt8]) {
    withUnsafeTemporaryAllocation(byteCount: Limits.readChunk, alignment: 16) { buffer in
      let outcome = channel.read(into: buffer)
      guard case .moved(let count) = outcome else { return (outcome, []) }
      return (outcome, Array(buffer.prefix(count)))
    }
  }

  private func receivedEnd() {
    hasReceivedEnd = true
    switch phase {
    case .finishing: finish(sendingError)
    case .open where sendingError != nil: finish(sendingError)
    case .open:
      if let onReceiveEnd {
        onReceiveEnd()
      } else {
        close(flushing: true)
      }
    case .handshaking, .ready, .flushing, .closed: break
    }
  }

  /// One more turn of reading, after whatever else waits on the queue.
  private func scheduleTurn() {
    guard !isTurnScheduled else { return }
    isTurnScheduled = true
    queue.async { [weak self] in
      guard let self else { return }
      self.isTurnScheduled = false
      if self.isReading { self.receive() }
      self.reportDrain()
      self.updateInterest()
    }
  }

  // MARK: Readiness

  private func socketIsReadable() {
    guard phase != .handshaking else { return stepHandshake() }
    if needsForWriting == .readable { flush() }
    if isReading, needsForReading == .readable { receive() }
    reportDrain()
    updateInterest()
  }

  private func socketIsWritable() {
    guard phase != .handshaking else { return stepHandshake() }
    if needsForWriting == .writable { flush() }
    if isReading, needsForReading == .writable { receive() }
    reportDrain()
    updateInterest()
  }

  private func updateInterest() {
    guard phase != .closed, phase != .ready, phase != .handshaking else { return }
    let readsWhenReadable = isReading && needsForReading == .readable
    let readsWhenWritable = isReading && needsForReading == .writable
    watch.want(
      readable: readsWhenReadable || needsForWriting == .readable,
      writable: readsWhenWritable || needsForWriting == .writable)
  }

  // MARK: Closing

  /// Ends the stream. With `flushing`, what is unsent goes out first and the other end gets `Limits.lingerMilliseconds` to take it
  /// all; without, what is unsent is dropped. `onClose` follows.
  package func close(flushing: Bool) {
    dispatchPrecondition(condition: .onQueue(queue))
    guard flushing else {
      finish(nil)
      return
    }
    guard phase == .open || phase == .ready else { return }
    if phase == .ready { begin() }
    phase = .flushing
    limitLinger()
    if needsForWriting == nil { flush() }
    if phase != .closed { scheduleTurn() }
    updateInterest()
  }

  private func finishSending() {
    switch channel.finishSending() {
    case .needsReadable: needsForWriting = .readable
    case .needsWritable: needsForWriting = .writable
    case .failed(let error): finish(error)
    case .moved, .end:
      phase = .finishing
      _ = shutdown(watch.descriptor, Int32(SHUT_WR))
      if hasReceivedEnd { finish(nil) }
    }
  }

  /// Ends the stream after a while without progress, and in any case after `Limits.lingerTurns` whiles.
  private func limitLinger() {
    linger.begin(unsent: unsent.count)
    lookAgain()
  }

  private func lookAgain() {
    queue.asyncAfter(deadline: .now() + .milliseconds(linger.milliseconds)) { [weak self] in
      guard let self, self.phase != .closed else { return }
      let before = self.linger.before
      let left = self.unsent.count
      switch self.linger.look(unsent: left) {
      case .done: self.finish(self.sendingError)
      case .wait: self.lookAgain()
      case .giveUp:
        let message =
          "closed with \(left) bytes unsent, \(before) of them \(self.linger.milliseconds) ms ago; expected the other end to "
          + "take them: it is slow or gone"
        self.finish(TransportError(.timedOut, message))
      }
    }
  }

  private func finish(_ error: TransportError?) {
    guard phase != .closed else { return }
    phase = .closed
    unsent.removeAll()
    needsForWriting = nil
    watch.close { self.reportClose(error) }
  }

  private func reportClose(_ error: TransportError?) {
    if let handshake, let error {
      self.handshake = nil
      ownReference = nil
      handshake.completion(.failure(error))
      return
    }
    let report = onClose
    handshake = nil
    onReceive = nil
    onClose = nil
    onDrain = nil
    onReceiveEnd = nil
    ownReference = nil
    report?(error)
  }
}
