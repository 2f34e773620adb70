import Synchronization

/// An answer whose end is not known when it begins. Whoever makes it is asked for more whenever the client has taken what was there,
/// so a slow client costs no more than `APILimits.streamBytes` and what was handed over at once.
package final class HTTPStream: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var taken = 0
    var isFinished = false
    /// The client is gone.
    var isClosed = false
    /// The server waits for more, and is to be woken.
    var wake: (@Sendable () -> Void)?
    var onDemand: (@Sendable () -> Void)?
    var onClose: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  package init() {}

  /// - Parameters:
  ///   - onDemand: called on the server's thread when all that was handed over has been taken, and once at the start; it must not
  ///     block. Not called again until something was sent.
  ///   - onClose: called once, when the client has all or is gone.
  package func observe(onDemand: @escaping @Sendable () -> Void, onClose: @escaping @Sendable () -> Void) {
    let isClosed = state.withLock { state in
      guard !state.isClosed else { return true }
      state.onDemand = onDemand
      state.onClose = onClose
      return false
    }
    if isClosed { onClose() }
  }

  /// Hands over more.
  /// - Returns: whether there is room for yet more; false too if the client is gone.
  @discardableResult
  package func send(_ bytes: [UInt8]) -> Bool {
    let (hasRoom, wake) = state.withLock { state -> (Bool, (@Sendable () -> Void)?) in
      guard !state.isClosed, !state.isFinished else { return (false, nil) }
      state.bytes += bytes
      defer { state.wake = nil }
      return (state.bytes.count - state.taken < APILimits.streamBytes, state.wake)
    }
    wake?()
    return hasRoom
  }

  /// Nothing more will come.
  package func finish() {
    let wake = state.withLock { state in
      state.isFinished = true
      defer { state.wake = nil }
      return state.wake
    }
    wake?()
  }

  enum Step {
    case bytes(Int)
    case wait
    case end
  }

  /// Fills a buffer of the server's, or remembers how to wake it.
  /// - Parameter suspend: runs before anybody can wake the server.
  func take(
    into buffer: UnsafeMutableRawBufferPointer, suspend: () -> Void, wake: @escaping @Sendable () -> Void
  ) -> Step {
    let (step, demand) = state.withLock { state -> (Step, (@Sendable () -> Void)?) in
      let count = min(buffer.count, state.bytes.count - state.taken)
      if count > 0 {
        buffer.copyBytes(from: state.bytes[state.taken..<state.taken + count])
        state.taken += count
        if state.taken == state.bytes.count { (state.bytes, state.taken) = ([], 0) }
        return (.bytes(count), nil)
      }
      if state.isFinished || state.isClosed { return (.end, nil) }
      suspend()
      state.wake = wake
      return (.wait, state.onDemand)
    }
    demand?()
    return step
  }

  /// The connection has ended, or the answer is complete.
  func close() {
    let onClose = state.withLock { state in
      state.isClosed = true
      state.bytes = []
      defer { (state.onDemand, state.onClose, state.wake) = (nil, nil, nil) }
      return state.onClose
    }
    onClose?()
  }
}
