package import Base

/// What a disk held, at hours past: tells when it will be full if it goes on like that.
///
/// By the median of the slopes between measurements (Theil 1950, Sen 1968): a backup that came and went, or a log that was
/// thrown away, changes nothing, where a line of least squares would follow it.
package struct DiskHistory: Hashable, Sendable {
  package struct Sample: Hashable, Sendable {
    package var at: WallTime
    package var freeBytes: Int64

    package init(at: WallTime, freeBytes: Int64) {
      self.at = at
      self.freeBytes = freeBytes
    }
  }

  /// The disk's size; another one is another disk, and its history does not count.
  package private(set) var totalBytes: Int64 = 0
  /// Ascending by time.
  package private(set) var samples: [Sample] = []

  package init() {}

  /// - Returns: whether it was kept: one an hour is.
  @discardableResult
  package mutating func note(free freeBytes: Int64, of totalBytes: Int64, at now: WallTime) -> Bool {
    if totalBytes != self.totalBytes { samples = [] }
    self.totalBytes = totalBytes
    // A clock that went back makes what it said before worthless.
    samples.removeAll { $0.at > now }
    if let last = samples.last, now.milliseconds(since: last.at) < MetricLimits.diskSampleMilliseconds { return false }
    samples.append(Sample(at: now, freeBytes: freeBytes))
    if samples.count > MetricLimits.diskSampleCount {
      samples.removeFirst(samples.count - MetricLimits.diskSampleCount)
    }
    return true
  }

  /// Days until the disk is full; nil if that is unknown: too little history, a disk that does not fill, or one that would
  /// not be full in years.
  package func daysUntilFull(free freeBytes: Int64) -> Double? {
    guard let first = samples.first, let last = samples.last,
      last.at.milliseconds(since: first.at) >= MetricLimits.leastForecastMilliseconds
    else { return nil }
    var slopes: [Double] = []
    // Pairs half the history apart: enough of them, and none so close that noise is all they show.
    let distance = max(samples.count / 2, 1)
    for index in 0..<(samples.count - distance) {
      let (left, right) = (samples[index], samples[index + distance])
      let days = Double(right.at.milliseconds(since: left.at)) / 86_400_000
      slopes.append((Double(left.freeBytes) - Double(right.freeBytes)) / days)
    }
    slopes.sort()
    guard !slopes.isEmpty else { return nil }
    let middle = slopes.count / 2
    let perDay = slopes.count % 2 == 1 ? slopes[middle] : (slopes[middle - 1] + slopes[middle]) / 2
    guard perDay > 0 else { return nil }
    let days = max(Double(freeBytes), 0) / perDay
    return days <= MetricLimits.mostForecastDays ? days : nil
  }
}

// MARK: - Bytes

extension DiskHistory {
  /// A version, the size, and each sample's time and free bytes, in text: a person with `sqlite3` reads it too.
  package var bytes: [UInt8] {
    var text = "1 \(totalBytes)"
    for sample in samples { text += " \(sample.at.milliseconds):\(sample.freeBytes)" }
    return Array(text.utf8)
  }

  /// Nil if it cannot be read: a history of its own begins then.
  package init?(bytes: [UInt8]) {
    let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard parts.count >= 2, parts.count <= MetricLimits.diskSampleCount + 2, parts[0] == "1",
      let total = Int64(parts[1])
    else { return nil }
    totalBytes = total
    for part in parts.dropFirst(2) {
      let pair = part.split(separator: ":")
      guard pair.count == 2, let time = Int64(pair[0]), let free = Int64(pair[1]),
        (samples.last?.at.milliseconds ?? .min) < time
      else { return nil }
      samples.append(Sample(at: WallTime(milliseconds: time), freeBytes: free))
    }
  }
}
