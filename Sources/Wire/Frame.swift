// A frame is a length in four bytes, most significant first, and that many bytes of payload.

/// Why a stream of frames can't go on.
package enum FrameError: Error, Hashable, Sendable {
  case empty
  case tooLong(bytes: UInt64, limit: Int)
  /// The first bytes are those of another protocol: a wrong address or port, or something in between that answers.
  case otherService(OtherService)
  /// The stream ended inside a frame. `expectedBytes` is nil if it ended inside the length.
  case cut(foundBytes: Int, expectedBytes: Int?)
}

extension FrameError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .empty: "expected a frame of at least one byte, found one of none"
    case .tooLong(let bytes, let limit): "expected a frame of at most \(limit) bytes, found one of \(bytes)"
    case .otherService(let service): "expected a StoreSync node, found \(service); check the address and the port"
    case .cut(let found, let expected?):
      "expected a frame of \(expected) bytes, found the end of the stream after \(found)"
    case .cut(let found, nil):
      "expected the four bytes of a frame's length, found the end of the stream after \(found)"
    }
  }
}

/// Services that people reach by mistake, told by the first four bytes that they send. As a length, each is far beyond
/// what a frame may have.
package enum OtherService: Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case httpServer, httpClient, ssh, tls

  /// Nil for bytes that nothing is known about.
  package init?(firstFourBytes: UInt32) {
    switch firstFourBytes {
    case 0x4854_5450: self = .httpServer  // "HTTP"
    case 0x4745_5420, 0x504F_5354, 0x5055_5420, 0x4845_4144: self = .httpClient  // "GET ", "POST", "PUT ", "HEAD"
    case 0x5353_482D: self = .ssh  // "SSH-"
    case 0x1603_0000...0x1603_FFFF: self = .tls  // a handshake record
    case 0x1503_0000...0x1503_FFFF: self = .tls  // an alert record: how a TLS server answers what is not TLS
    default: return nil
    }
  }

  package var description: String {
    switch self {
    case .httpServer: "an HTTP server"
    case .httpClient: "an HTTP client"
    case .ssh: "an SSH service"
    case .tls: "TLS where plain frames belong"
    }
  }
}

/// Puts payloads into frames.
package enum FrameWriter {
  package static func frame(_ payload: [UInt8]) throws(FrameError) -> [UInt8] {
    let length = try FrameLength.checked(UInt64(payload.count))
    var frame: [UInt8] = []
    frame.reserveCapacity(FrameLength.byteCount + payload.count)
    for shift in [24, 16, 8, 0] { frame.append(UInt8(truncatingIfNeeded: length >> shift)) }
    frame.append(contentsOf: payload)
    return frame
  }
}

/// Takes payloads out of a stream that arrives in chunks of any size.
///
/// Append a chunk, then call `next` until it gives nil, then append the next one. It so holds at most the frame at hand,
/// as far as it has come, and one chunk; a byte is copied twice at the most, however the stream is cut.
package struct FrameDecoder: Sendable {
  private var chunk: [UInt8] = []
  /// Where in `chunk` to go on.
  private var position = 0
  /// The length as far as it has come.
  private var lengthBits: UInt32 = 0
  private var lengthBytesRead = 0
  /// Once the length is whole: how long the payload is to be.
  private var expectedBytes: Int?
  private var payload: [UInt8] = []
  /// After an error the stream has no frames any more: every call gives the same one.
  private var failure: FrameError?

  package init() {}

  /// Bytes held that no frame has taken.
  package var bufferedBytes: Int { payload.count + (chunk.count - position) }

  /// Memory taken for the frame at hand: at most about twice what has come of it, whatever it announces.
  package var reservedBytes: Int { payload.capacity }

  /// Gives the decoder the next bytes of the stream. The caller must have had nil or an error from `next` since the last
  /// ones: otherwise a peer that sends faster than we take would fill the memory.
  package mutating func append(_ bytes: [UInt8]) {
    guard failure == nil else { return }
    precondition(position == chunk.count, "frames of an earlier chunk are still there: call next() until it gives nil")
    chunk = bytes
    position = 0
  }

  /// The next whole payload, or nil until more bytes come.
  package mutating func next() throws(FrameError) -> [UInt8]? {
    if let failure { throw failure }
    do {
      guard let expected = try readLength() else { return nil }
      return readPayload(expected)
    } catch {
      failure = error
      chunk = []
      position = 0
      throw error
    }
  }

  /// To be called when the stream has ended: an error if it ended inside a frame.
  package func finish() throws(FrameError) {
    if let failure { throw failure }
    if let expectedBytes { throw .cut(foundBytes: payload.count, expectedBytes: expectedBytes) }
    if lengthBytesRead > 0 { throw .cut(foundBytes: lengthBytesRead, expectedBytes: nil) }
  }

  private mutating func readLength() throws(FrameError) -> Int? {
    if let expectedBytes { return expectedBytes }
    while lengthBytesRead < FrameLength.byteCount {
      guard position < chunk.count else {
        dropChunk()
        return nil
      }
      lengthBits = lengthBits << 8 | UInt32(chunk[position])
      lengthBytesRead += 1
      position += 1
    }
    if lengthBits > WireLimits.maximumFrameBytes, let service = OtherService(firstFourBytes: lengthBits) {
      throw .otherService(service)
    }
    let length = Int(try FrameLength.checked(UInt64(lengthBits)))
    expectedBytes = length
    return length
  }

  private mutating func readPayload(_ expected: Int) -> [UInt8]? {
    let count = min(expected - payload.count, chunk.count - position)
    // Grows with what has come, never by what was announced; and to no more than that.
    let needed = payload.count + count
    if payload.capacity < needed {
      payload.reserveCapacity(min(expected, max(needed, payload.capacity * 2)))
    }
    payload.append(contentsOf: chunk[position..<position + count])
    position += count
    if position == chunk.count { dropChunk() }
    guard payload.count == expected else { return nil }
    defer {
      payload = []
      expectedBytes = nil
      lengthBits = 0
      lengthBytesRead = 0
    }
    return payload
  }

  private mutating func dropChunk() {
    chunk = []
    position = 0
  }
}

private enum FrameLength {
  static let byteCount = 4

  static func checked(_ bytes: UInt64) throws(FrameError) -> UInt32 {
    guard bytes > 0 else { throw .empty }
    guard bytes <= UInt64(WireLimits.maximumFrameBytes) else {
      throw .tooLong(bytes: bytes, limit: WireLimits.maximumFrameBytes)
    }
    return UInt32(bytes)
  }
}
