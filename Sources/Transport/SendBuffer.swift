/// Bytes that wait to be sent, in order.
struct SendBuffer {
  private var chunks: [[UInt8]] = []
  /// Index of the first chunk that has unsent bytes; those before it are spent and empty.
  private var head = 0
  /// Bytes of that chunk already sent.
  private var offset = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  mutating func append(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    count += bytes.count
    if let last = chunks.indices.last, last >= head, chunks[last].count + bytes.count <= Limits.coalescedSend {
      chunks[last].append(contentsOf: bytes)
    } else {
      chunks.append(bytes)
    }
  }

  func withFirst<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    chunks[head].withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[offset...])) }
  }

  mutating func removeFirst(_ sent: Int) {
    precondition(sent <= chunks[head].count - offset, "sent more than was given")
    count -= sent
    offset += sent
    guard offset == chunks[head].count else { return }
    chunks[head] = []
    head += 1
    offset = 0
    if head == chunks.count {
      chunks.removeAll(keepingCapacity: chunks.capacity <= 64)
      head = 0
    } else if head >= 64, head * 2 >= chunks.count {
      chunks.removeFirst(head)
      head = 0
    }
  }

  mutating func removeAll() {
    self = SendBuffer()
  }
}
