import StoreModel

/// Memory that does not move, for bytes that SQLite is to read and not to copy (`SQLITE_STATIC`): a copy of its own costs
/// an allocation each.
final class BindingBuffer {
  private let memory: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  init(capacity: Int) {
    memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
  }

  deinit { memory.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

  func removeAll() { count = 0 }

  /// Where the bytes lie now; nil if there is no room.
  func append(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    guard bytes.count <= memory.count - count else { return nil }
    let place = UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + bytes.count])
    place.copyMemory(from: bytes)
    count += bytes.count
    return UnsafeRawBufferPointer(place)
  }

  func append(_ bytes: [UInt8]) -> UnsafeRawBufferPointer? { bytes.withUnsafeBytes { append($0) } }
}
