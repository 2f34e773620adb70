import Dispatch
import Glibc

/// Owns a descriptor and the Dispatch sources that watch it.
///
/// The rules of `DispatchSource` in one place: a descriptor is closed only after every source on it has been cancelled (else the
/// number could be somebody else's by then), and a suspended source is resumed before it is let go (else libdispatch traps).
///
/// Confined to its queue, which guards all state (hence `@unchecked Sendable`); `deinit` may run anywhere, being alone.
final class DescriptorWatch: @unchecked Sendable {
  let descriptor: Int32
  private let queue: DispatchQueue
  private var readSource: (any DispatchSourceRead)?
  private var writeSource: (any DispatchSourceWrite)?
  /// Of the write source alone; made when somebody first has to wait for room.
  private var writeDescriptor: Int32 = -1
  private var isReading = false
  private var isWriting = false
  private var isOver = false
  /// Called when the descriptor may be readable or writable: a hint. Whoever stops short of "would block" carries on by himself,
  /// because on Linux a source reports a hang-up just once.
  var onReadable: () -> Void = {}
  var onWritable: () -> Void = {}

  init(descriptor: Int32, queue: DispatchQueue) {
    self.descriptor = descriptor
    self.queue = queue
  }

  deinit {
    release(keepingDescriptor: false) {}
  }

  func want(readable: Bool, writable: Bool) {
    guard !isOver else { return }
    if readable != isReading {
      isReading = readable
      setReading(readable)
    }
    if writable != isWriting {
      isWriting = writable
      setWriting(writable)
    }
  }

  /// Closes the descriptor as soon as nothing watches it; then calls `completion` on the queue.
  func close(_ completion: @escaping @Sendable () -> Void = {}) {
    release(keepingDescriptor: false, completion)
  }

  /// Stops watching and gives the descriptor away: `completion` owns it.
  func handOver(_ completion: @escaping @Sendable (Int32) -> Void) {
    let descriptor = descriptor
    release(keepingDescriptor: true) { completion(descriptor) }
  }

  private func setReading(_ wanted: Bool) {
    if let readSource {
      if wanted { readSource.resume() } else { readSource.suspend() }
    } else {
      let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
      source.setEventHandler { [weak self] in
        guard let self, self.isReading, !self.isOver else { return }
        self.onReadable()
      }
      readSource = source
      source.activate()
    }
  }

  private func setWriting(_ wanted: Bool) {
    if let writeSource {
      if wanted { writeSource.resume() } else { writeSource.suspend() }
    } else {
      // Another number for the same socket. Sources on one number share what libdispatch notes of it on Linux (its “muxnote”), which
      // one of its threads changes while another arms the other source again: then that one never hears of anything any more.
      writeDescriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
      let source = DispatchSource.makeWriteSource(
        fileDescriptor: writeDescriptor >= 0 ? writeDescriptor : descriptor, queue: queue)
      source.setEventHandler { [weak self] in
        guard let self, self.isWriting, !self.isOver else { return }
        self.onWritable()
      }
      writeSource = source
      source.activate()
    }
  }

  private func release(keepingDescriptor: Bool, _ completion: @escaping @Sendable () -> Void) {
    guard !isOver else { return }
    isOver = true
    onReadable = {}
    onWritable = {}
    let descriptor = descriptor
    let writeDescriptor = writeDescriptor
    let countdown = Countdown((readSource == nil ? 0 : 1) + (writeSource == nil ? 0 : 1)) {
      if writeDescriptor >= 0 { _ = Glibc.close(writeDescriptor) }
      if !keepingDescriptor { _ = Glibc.close(descriptor) }
      completion()
    }
    if let readSource {
      readSource.setCancelHandler { countdown.step() }
      if !isReading { readSource.resume() }
      readSource.cancel()
    }
    if let writeSource {
      writeSource.setCancelHandler { countdown.step() }
      if !isWriting { writeSource.resume() }
      writeSource.cancel()
    }
    if readSource == nil, writeSource == nil { queue.async { countdown.finish() } }
    readSource = nil
    writeSource = nil
  }
}

/// Calls back after a number of steps. All of them happen on one serial queue, which guards it.
private final class Countdown: @unchecked Sendable {
  private var left: Int
  private let completion: @Sendable () -> Void

  init(_ count: Int, _ completion: @escaping @Sendable () -> Void) {
    left = count
    self.completion = completion
  }

  func step() {
    left -= 1
    if left == 0 { completion() }
  }

  func finish() {
    completion()
  }
}
