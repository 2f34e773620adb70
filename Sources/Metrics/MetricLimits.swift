/// What metrics may grow to, with the reasons.
package enum MetricLimits {
  /// Series of one instrument. Label values are words of ours: some dozens, of HTTP's routes with their statuses some hundred;
  /// should a peer ever have its word among them, it fills no memory and no database of somebody else's.
  package static let seriesCount = 500
  /// What the labels of all further series are.
  package static let otherLabel = "other"
  /// Stores that one question for metrics may name, each of which gets series of its own. Without a name stores are only
  /// counted and added up: 20,000 stores with ten series each were 15 MB an answer, and a million series a database a week.
  package static let namedStoreCount = 100
  /// Log entries that are looked at to say how much is on its way to peers, in one answer: some 50 ms. Beyond it says “at least”.
  package static let backlogEntryCount = 5_000
  /// The same for each lane of one peer, at the least: the age of the oldest is right whatever the number of stores.
  package static let leastBacklogEntryCount = 8

  // MARK: Disk forecast

  /// Between two measurements of the disk that are kept.
  package static let diskSampleMilliseconds: Int64 = 3_600_000
  /// Two weeks: a shop's week has a rhythm, and one must not be taken for growth.
  package static let diskSampleCount = 336
  /// Below a day of history nothing is said: nights and days differ.
  package static let leastForecastMilliseconds: Int64 = 24 * 3_600_000
  /// Beyond ten years it is no forecast.
  package static let mostForecastDays = 3_650.0
}
