/// What happened in a run, a line an event: a hash of all of it, the last lines, and on wish every line as it comes.
package struct Trace {
  package private(set) var lineCount = 0
  /// FNV-1a over all lines (draft-eastlake-fnv): runs that agree in it agree to the byte.
  package private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  private var tail: [String] = []
  private let sink: ((String) -> Void)?

  package init(sink: ((String) -> Void)?) {
    self.sink = sink
  }

  package mutating func add(at time: Int64, _ text: String) {
    let line = "\(Self.clock(time)) \(text)"
    for byte in line.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    hash = (hash ^ 10) &* 0x0000_0100_0000_01B3
    lineCount += 1
    sink?(line)
    if tail.count < SimulationLimits.traceTailLines {
      tail.append(line)
    } else {
      tail[(lineCount - 1) % SimulationLimits.traceTailLines] = line
    }
  }

  /// The latest lines, oldest first.
  package var lastLines: [String] {
    guard lineCount > tail.count else { return tail }
    let start = lineCount % SimulationLimits.traceTailLines
    return Array(tail[start...] + tail[..<start])
  }

  /// Seconds with three decimals.
  private static func clock(_ time: Int64) -> String {
    let fraction = String(time % 1_000)
    return "\(time / 1_000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
  }
}
