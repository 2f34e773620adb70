/// A quick look at items that are as they should be: most are passed over before they are read.
extension CBORReader {
  /// Where an item ends that is beyond doubt; nil where a closer look is to find out what is wrong with it, if anything.
  static func soundEnd(_ bytes: Span<UInt8>, _ start: Int, depth: Int) -> Int? {
    guard let head = soundHead(bytes, start) else { return nil }
    var offset = head.end
    switch bytes[start] >> 5 {
    case CBORMajor.unsigned, CBORMajor.simple: return offset
    case CBORMajor.negative: return head.argument <= UInt64(Int64.max) ? offset : nil
    case CBORMajor.bytes:
      return head.argument <= UInt64(bytes.count - offset) ? offset + Int(head.argument) : nil
    case CBORMajor.text:
      guard head.argument <= UInt64(bytes.count - offset) else { return nil }
      let end = offset + Int(head.argument)
      while offset < end {
        guard bytes[offset] < 0x80 else { return nil }
        offset += 1
      }
      return end
    case CBORMajor.array:
      guard depth > 0, head.argument <= UInt64(bytes.count - offset) else { return nil }
      for _ in 0..<head.argument {
        guard let end = soundEnd(bytes, offset, depth: depth - 1) else { return nil }
        offset = end
      }
      return offset
    case CBORMajor.map:
      guard depth > 0, head.argument <= UInt64((bytes.count - offset) / 2) else { return nil }
      return soundPairs(bytes, offset, count: head.argument, depth: depth - 1)
    default: return nil
    }
  }

  private static func soundPairs(_ bytes: Span<UInt8>, _ start: Int, count: UInt64, depth: Int) -> Int? {
    var offset = start
    var last = -1
    for _ in 0..<count {
      // Keys of one byte ascend if the bytes do; longer ones take a closer look.
      guard offset < bytes.count, bytes[offset] < 24, Int(bytes[offset]) > last else { return nil }
      last = Int(bytes[offset])
      guard let end = soundEnd(bytes, offset + 1, depth: depth) else { return nil }
      offset = end
    }
    return offset
  }

  private static func soundHead(_ bytes: Span<UInt8>, _ start: Int) -> (argument: UInt64, end: Int)? {
    guard start < bytes.count else { return nil }
    let information = bytes[start] & 31
    if bytes[start] >> 5 == CBORMajor.simple {
      return (20...22).contains(information) ? (UInt64(information), start + 1) : nil
    }
    guard information >= 24 else { return (UInt64(information), start + 1) }
    guard information <= 27 else { return nil }
    let width = 1 << Int(information - 24)
    guard bytes.count - start > width else { return nil }
    var value: UInt64 = 0
    var offset = start + 1
    while offset <= start + width {
      value = value << 8 | UInt64(bytes[offset])
      offset += 1
    }
    return value >= leastOfWidth(width) ? (value, offset) : nil
  }

  /// The next shorter form holds half the bits; one byte competes with the 24 values that fit the first byte.
  static func leastOfWidth(_ width: Int) -> UInt64 { width == 1 ? 24 : 1 << UInt64(width * 4) }
}
