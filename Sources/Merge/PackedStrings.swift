/// Byte strings one after the other in one piece of memory: an allocation for all of them instead of one each.
package struct PackedStrings: Hashable, Sendable {
  package private(set) var bytes: [UInt8] = []
  /// Where each string ends.
  package private(set) var ends: [UInt32] = []

  package init() {}

  package var count: Int { ends.count }

  package mutating func reserve(strings: Int, bytes count: Int) {
    ends.reserveCapacity(strings)
    bytes.reserveCapacity(count)
  }

  package func start(of index: Int) -> Int { index == 0 ? 0 : Int(ends[index - 1]) }

  package func length(of index: Int) -> Int { Int(ends[index]) - start(of: index) }

  /// - Complexity: O(1); shares the memory.
  package subscript(index: Int) -> ArraySlice<UInt8> { bytes[start(of: index)..<Int(ends[index])] }

  /// Puts a string behind the others. All together are below 4 GiB: a batch bounds them.
  package mutating func append(_ string: ArraySlice<UInt8>) {
    bytes.append(contentsOf: string)
    endString()
  }

  /// More of the string that ends with the next `endString()`.
  package mutating func add(_ part: ArraySlice<UInt8>) { bytes.append(contentsOf: part) }

  package mutating func add(_ byte: UInt8) { bytes.append(byte) }

  /// The four bytes of a number, the highest first.
  package mutating func add(bigEndian number: UInt32) {
    let start = bytes.count
    bytes += repeatElement(UInt8(truncatingIfNeeded: number), count: 4)
    bytes[start] = UInt8(truncatingIfNeeded: number >> 24)
    bytes[start + 1] = UInt8(truncatingIfNeeded: number >> 16)
    bytes[start + 2] = UInt8(truncatingIfNeeded: number >> 8)
  }

  /// The digits of a number, as `String` writes it.
  package mutating func add(decimal number: Int64) {
    if number < 0 { bytes.append(UInt8(ascii: "-")) }
    var count = 1
    var rest = number.magnitude
    while rest >= 10 { (rest, count) = (rest / 10, count + 1) }
    bytes += repeatElement(UInt8(ascii: "0"), count: count)
    rest = number.magnitude
    var place = bytes.count
    while rest > 0 {
      place -= 1
      bytes[place] += UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }

  package mutating func endString() { ends.append(UInt32(bytes.count)) }

  /// Whether the strings at some places ascend, byte by byte.
  package func ascend(_ places: Range<Int>) -> Bool {
    let memory = bytes.span
    for place in places.dropFirst() {
      let (middle, end) = (Int(ends[place - 1]), Int(ends[place]))
      var (left, right) = (start(of: place - 1), middle)
      while left < middle, right < end, memory[left] == memory[right] { (left, right) = (left + 1, right + 1) }
      guard right < end, left == middle || memory[left] < memory[right] else { return false }
    }
    return true
  }
}
