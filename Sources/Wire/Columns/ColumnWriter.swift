import Base

/// Writes columns of whole numbers.
struct ColumnWriter {
  /// Numbers from which byte planes are worth a compressed block of their own.
  static let leastPlane = 128

  /// Bytes below which a block of its own costs more than it gains.
  private static let leastPiece = 256

  private(set) var output: ByteWriter
  /// Where one kind of byte ends and another begins: who compresses does well to begin a new block there.
  private(set) var cuts: [Int] = []
  /// Whether there is enough of it to be compressed as a whole.
  let compressible: Bool

  init(reserving capacity: Int, compressible: Bool) {
    output = ByteWriter(reserving: capacity)
    self.compressible = compressible
  }

  mutating func append(varint value: Int) {
    output.append(varint: UInt64(value))
  }

  mutating func append(bytes: some Sequence<UInt8>) {
    output.append(bytes)
  }

  /// The next bytes are of another kind than the last ones.
  mutating func cut() {
    if compressible, output.count - (cuts.last ?? 0) >= Self.leastPiece { cuts.append(output.count) }
  }

  /// A column in its smallest layout. There is at least one number.
  mutating func append(_ values: [Int64], kind: ColumnKind = .integer) {
    append(values, kind: kind, plan: NumberPlan.best(for: values, compressible: compressible))
  }

  mutating func append(copyOf column: Int, kind: ColumnKind) {
    output.append(byte: kind.rawValue << 4)
    append(varint: column)
  }

  mutating func append(placesAbove base: Int64, kind: ColumnKind) {
    output.append(byte: kind.rawValue << 4 | NumberLayout.places.rawValue)
    output.append(signedVarint: base)
  }

  mutating func append(_ values: [Int64], kind: ColumnKind, plan: NumberPlan) {
    output.append(byte: kind.rawValue << 4 | (plan.isDelta ? NumberLayout.deltaFlag : 0) | plan.layout.rawValue)
    guard plan.isDelta else { return append(values[...], plan) }
    output.append(signedVarint: values[0])
    var deltas: [Int64] = []
    deltas.reserveCapacity(values.count - 1)
    for index in 1..<values.count { deltas.append(values[index] &- values[index - 1]) }
    append(deltas[...], plan)
  }

  private mutating func append(_ values: ArraySlice<Int64>, _ plan: NumberPlan) {
    switch plan.layout {
    case .zero: break
    case .constant, .places: output.append(signedVarint: plan.base)
    case .varints, .varintsAbove:
      if plan.layout == .varintsAbove { output.append(signedVarint: plan.base) }
      for value in values { output.append(varint: UInt64(bitPattern: value &- plan.base)) }
    case .bits, .bitsAbove:
      if plan.layout == .bitsAbove { output.append(signedVarint: plan.base) }
      appendBits(values, plan)
    case .planes:
      output.append(signedVarint: plan.base)
      appendPlanes(values, plan)
    }
  }

  private mutating func appendBits(_ values: ArraySlice<Int64>, _ plan: NumberPlan) {
    let hasTwo = plan.narrow < plan.wide
    output.append(byte: UInt8(plan.wide) | (hasTwo ? 0x80 : 0))
    if hasTwo { output.append(byte: UInt8(plan.narrow)) }
    var bits = BitWriter()
    if hasTwo {
      for value in values {
        bits.append(NumberPlan.bitWidth(UInt64(bitPattern: value &- plan.base)) > plan.narrow ? 1 : 0, width: 1)
      }
    }
    for value in values {
      let number = UInt64(bitPattern: value &- plan.base)
      bits.append(number, width: NumberPlan.bitWidth(number) > plan.narrow ? plan.wide : plan.narrow)
    }
    output.append(bits.finish())
  }

  private mutating func appendPlanes(_ values: ArraySlice<Int64>, _ plan: NumberPlan) {
    let count = (plan.wide + 7) / 8
    output.append(byte: UInt8(count))
    for plane in 0..<count {
      cut()
      let shift = UInt64(8 * plane)
      for value in values {
        output.append(byte: UInt8(truncatingIfNeeded: UInt64(bitPattern: value &- plan.base) >> shift))
      }
    }
    cut()
  }
}

/// Numbers of some bits one after the other, the lowest bit of a byte first.
private struct BitWriter {
  private var bytes: [UInt8] = []
  private var pending: UInt64 = 0
  private var pendingBits = 0

  /// - Parameter value: nothing above its lowest `width` bits.
  mutating func append(_ value: UInt64, width: Int) {
    if width > 32 {
      append(value & 0xFFFF_FFFF, width: 32)
      return append(value >> 32, width: width - 32)
    }
    pending |= value << UInt64(pendingBits)
    pendingBits += width
    while pendingBits >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: pending))
      pending >>= 8
      pendingBits -= 8
    }
  }

  mutating func finish() -> [UInt8] {
    if pendingBits > 0 { bytes.append(UInt8(truncatingIfNeeded: pending)) }
    return bytes
  }
}
