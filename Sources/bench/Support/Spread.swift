/// The lowest, the middle and the highest of several readings.
struct Spread {
  var lowest: Double
  var median: Double
  var highest: Double

  /// - Precondition: there is a reading.
  init(_ readings: [Double]) {
    let sorted = readings.sorted()
    lowest = sorted[0]
    highest = sorted[sorted.count - 1]
    let middle = sorted.count / 2
    median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
