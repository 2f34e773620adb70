import Base
import Causality
import RecordStore
import SQLiteStore
import StoreModel

// Day by day, how much of its log a store knew to be at HQ: what HQ has had for longer than its backups are kept apart survives
// also an HQ that is restored from one.
extension NodeSettings {
  private static let acknowledgedDays = "acknowledged-days"
  private static let dayMilliseconds: Int64 = 86_400_000
  /// The oldest backup of HQ that anyone would still restore.
  package static let acknowledgedDayCount = 60

  private struct Day {
    var time: WallTime
    var through: LaneMap<Sequence64>

    init(time: WallTime, through: LaneMap<Sequence64>) {
      self.time = time
      self.through = through
    }

    init?(_ line: some StringProtocol) {
      let parts = line.split(separator: " ")
      let numbers = parts.dropFirst().compactMap { UInt64($0) }
      guard parts.count == 4, numbers.count == 3, let time = Int64(parts[0]) else { return nil }
      self.init(
        time: WallTime(milliseconds: time), through: LaneMap(urgent: numbers[0], normal: numbers[1], bulk: numbers[2]))
    }

    var line: String { "\(time.milliseconds) \(through.urgent) \(through.normal) \(through.bulk)" }
  }

  private static func days(_ engine: StoreGate.Engine) throws(StoreError) -> [Day] {
    guard let bytes = try engine.backend.setting(acknowledgedDays) else { return [] }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    let days = lines.compactMap { Day($0) }
    guard days.count == lines.count else {
      throw StoreError(.corrupt, "the setting “\(acknowledgedDays)” cannot be read")
    }
    return days
  }

  /// Takes note of what HQ has, once a day.
  static func noteDay(
    of through: LaneMap<Sequence64>, at now: WallTime, in engine: StoreGate.Engine
  ) throws(StoreError) {
    var days = try days(engine)
    // A clock that was ahead leaves nothing that would count as old later.
    let last = days.count
    days.removeAll { $0.time > now }
    if let latest = days.last, days.count == last, now < latest.time.advanced(byMilliseconds: dayMilliseconds) {
      return
    }
    days.append(Day(time: now, through: through))
    try engine.backend.setSettings([
      (acknowledgedDays, Array(days.suffix(acknowledgedDayCount).map(\.line).joined(separator: "\n").utf8))
    ])
  }

  /// What HQ has had since some days, as far as was noted.
  /// - Parameter known: what HQ has by now. An HQ that was restored may have less than it once had.
  static func acknowledged(
    forDays count: Int, known: LaneMap<Sequence64>, at now: WallTime, _ engine: StoreGate.Engine
  ) throws(StoreError) -> LaneMap<Sequence64> {
    guard count > 0 else { return known }
    let limit = now.advanced(byMilliseconds: -Int64(count) * dayMilliseconds)
    var through = try days(engine).last { $0.time <= limit }?.through ?? LaneMap(repeating: 0)
    for lane in Lane.allCases { through[lane] = min(through[lane], known[lane]) }
    return through
  }
}
