/// The layout that makes a column of whole numbers smallest, found by counting how many bits each number takes.
struct NumberPlan {
  var layout: NumberLayout
  /// Of the differences, with the first number by itself.
  var isDelta = false
  var base: Int64 = 0
  /// Bits of the numbers that are short, and of the others; equal if there is one width.
  var narrow = 0
  var wide = 0
  /// An estimate, in bits.
  var cost: Int

  /// - Parameter compressible: whether what is written will be compressed as a whole, so that byte planes may pay off.
  static func best(for values: [Int64], compressible: Bool) -> NumberPlan {
    var best = plain(values[...], compressible: compressible)
    guard values.count > 1, best.cost > 16 else { return best }
    var deltas: [Int64] = []
    deltas.reserveCapacity(values.count - 1)
    for index in 1..<values.count { deltas.append(values[index] &- values[index - 1]) }
    var other = plain(deltas[...], compressible: compressible)
    other.isDelta = true
    other.cost += 8 * signedVarintBytes(values[0])
    if other.cost < best.cost { best = other }
    return best
  }

  private static func plain(_ values: ArraySlice<Int64>, compressible: Bool) -> NumberPlan {
    var least = Int64.max
    var greatest = Int64.min
    for value in values {
      least = min(least, value)
      greatest = max(greatest, value)
    }
    if least == greatest {
      return least == 0
        ? NumberPlan(layout: .zero, cost: 8)
        : NumberPlan(layout: .constant, base: least, cost: 8 + 8 * signedVarintBytes(least))
    }
    var best = above(least, values)
    if least > 0 {
      let other = above(0, values)
      if other.cost < best.cost { best = other }
    }
    if compressible, values.count >= ColumnWriter.leastPlane {
      let cost = planeCost(values, above: least, greatest: greatest)
      if cost < best.cost {
        best = NumberPlan(
          layout: .planes, base: least, wide: bitWidth(UInt64(bitPattern: greatest &- least)), cost: cost)
      }
    }
    return best
  }

  /// The better of varints and bits, above a base.
  private static func above(_ base: Int64, _ values: ArraySlice<Int64>) -> NumberPlan {
    var counts = [Int](repeating: 0, count: 65)
    for value in values { counts[bitWidth(UInt64(bitPattern: value &- base))] += 1 }
    let head = 8 + (base == 0 ? 0 : 8 * signedVarintBytes(base))
    var varints = head
    var wide = 0
    for (width, count) in counts.enumerated() where count > 0 {
      varints += 8 * count * max(1, (width + 6) / 7)
      wide = width
    }
    var narrow = wide
    var bits = head + 8 + values.count * wide
    var short = 0
    for width in 0..<wide {
      short += counts[width]
      let cost = head + 16 + values.count + short * width + (values.count - short) * wide
      if cost < bits {
        bits = cost
        narrow = width
      }
    }
    bits = (bits + 7) & ~7
    return bits < varints
      ? NumberPlan(layout: base == 0 ? .bits : .bitsAbove, base: base, narrow: narrow, wide: wide, cost: bits)
      : NumberPlan(layout: base == 0 ? .varints : .varintsAbove, base: base, cost: varints)
  }

  // MARK: Planes

  /// What planes take once compressed, by how often each byte occurs in them.
  private static func planeCost(_ values: ArraySlice<Int64>, above base: Int64, greatest: Int64) -> Int {
    let planes = (bitWidth(UInt64(bitPattern: greatest &- base)) + 7) / 8
    var counts = [Int](repeating: 0, count: 256 * planes)
    for value in values {
      var rest = UInt64(bitPattern: value &- base)
      for plane in 0..<planes {
        counts[plane << 8 | Int(truncatingIfNeeded: rest & 0xFF)] += 1
        rest >>= 8
      }
    }
    let total = values.count
    var cost = 16 + 8 * signedVarintBytes(base)
    for plane in 0..<planes {
      var distinct = 0
      var entropy = 0
      for count in counts[plane << 8..<(plane + 1) << 8] where count > 0 {
        distinct += 1
        entropy += count * (logarithm(total) - logarithm(count))
      }
      // A block of its own with a table of code lengths; no symbol takes much less than a bit.
      cost += distinct == 1 ? 40 : min(max(entropy >> 8, total / 4) + 40 + 4 * min(distinct, 128), 8 * total + 24)
    }
    return cost
  }

  /// The logarithm to base 2, times 256, within a twelfth of a bit: the same on every machine.
  private static func logarithm(_ value: Int) -> Int {
    let exponent = Int.bitWidth - 1 - value.leadingZeroBitCount
    let fraction = exponent >= 8 ? (value >> (exponent - 8)) & 0xFF : (value << (8 - exponent)) & 0xFF
    return exponent << 8 | fraction
  }

  static func bitWidth(_ value: UInt64) -> Int { 64 - value.leadingZeroBitCount }

  static func signedVarintBytes(_ value: Int64) -> Int {
    max(1, (bitWidth(UInt64(bitPattern: (value << 1) ^ (value >> 63))) + 6) / 7)
  }
}
