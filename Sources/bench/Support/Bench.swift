import SQLiteStore

/// What scenarios work with.
struct Bench {
  var lines: JourneyLines
  var scratch: Scratch
  var rounds: Int
  /// Rows to which `growth` goes.
  var records: Int
  /// Where the programs are that are built beside this one.
  var programs: String

  /// Lines in one transaction of the bulk scenarios.
  static let transactionLines = 1_000
  static let storeCache = SQLiteLimits.storeCacheKibibytes
  static let hqCache = SQLiteLimits.cacheKibibytes
}

/// A named measurement.
struct Scenario: Sendable {
  var name: String
  var summary: String
  var run: @Sendable (Bench) throws -> [Figure]
}
