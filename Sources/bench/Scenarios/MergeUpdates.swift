import Causality
import StoreModel
import Wire

/// A store takes in new prices from HQ for all that it sells; one in ten has had a price set in the shop meanwhile.
enum MergeUpdates {
  static let scenario = Scenario(
    name: "update", summary: "merge of updates, one in ten concurrent with a change of the receiver's own"
  ) { try run($0) }

  private static let create = """
    CREATE TABLE listings ("row" INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, store INTEGER, product TEXT,
      price INTEGER, available INTEGER);
    """
  private static let insert = "INSERT INTO listings (id, store, product, price, available) VALUES (?, ?, ?, ?, ?)"
  private static let update = "UPDATE listings SET price = ?2 WHERE id = ?1"
  private static let concurrentEvery = 10

  private static func listing(_ index: Int, price: Int64) -> Listing {
    Listing(
      store: RecordID(number: JourneyLines.store), product: RecordID(key: String(1_000_000 + index)), price: price,
      available: true)
  }

  private static func price(_ index: Int, _ round: Int) -> Int64 { Int64(100 + (index * 37 + round * 13) % 900) }

  private static func slices(_ count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: Bench.transactionLines).map { $0..<min($0 + Bench.transactionLines, count) }
  }

  private static func changes(_ range: Range<Int>, _ round: Int) -> [CommitDraft] {
    // A hundred prices a commit, as a price list comes.
    stride(from: range.lowerBound, to: range.upperBound, by: 100).map { start in
      CommitDraft(
        (start..<min(start + 100, range.upperBound)).map { index in
          RecordWrite(
            entity: Listing.tag, id: listing(index, price: 0).id,
            .write([FieldWrite(FieldTag(Listing.Field.price.rawValue), .set(.integer(price(index, round))))]))
        })
    }
  }

  private static func run(_ bench: Bench) throws -> [Figure] {
    let count = bench.lines.lineCount
    let ranges = slices(count)
    bench.scratch.removeAll()
    let hq = try BenchNode(.hq, in: bench.scratch.file("hq"))
    for range in ranges {
      try hq.commitWhole([CommitDraft(range.map { RecordWrite(listing($0, price: price($0, 0))) })])
    }
    let first = try hq.batches(for: BenchNode.store, .urgent)
    let through = first.last?.through ?? 0
    for range in ranges { try hq.commitWhole(changes(range, 1)) }
    let second = try hq.batches(for: BenchNode.store, .urgent, after: through)
    let readings = try Rounds.run(
      bench.rounds,
      [
        { round in
          let store = try BenchNode(BenchNode.store, in: bench.scratch.file("store-\(round)"))
          try store.apply(first, from: hq)
          for range in ranges {
            try store.commitWhole(
              range.filter { $0 % concurrentEvery == 0 }.map { CommitDraft([own($0)]) })
          }
          let stopwatch = Stopwatch()
          try store.apply(second, from: hq)
          return stopwatch.reading
        },
        { round in try raw(ranges, bench.scratch.file("raw-\(round).db")) },
      ])
    return Figure.pair(
      "merge of updates, 10 % concurrent", readings[0], readings[1], reach: .atLeast(0.70), aim: .atLeast(0.85))
  }

  private static func own(_ index: Int) -> RecordWrite {
    RecordWrite(
      entity: Listing.tag, id: listing(index, price: 0).id,
      .write([FieldWrite(FieldTag(Listing.Field.price.rawValue), .set(.integer(price(index, 2))))]))
  }

  private static func raw(_ ranges: [Range<Int>], _ path: String) throws -> Reading {
    var inserts = PreparedRows(columnCount: 5)
    var updates = PreparedRows(columnCount: 2)
    for range in ranges {
      for index in range {
        let listing = listing(index, price: price(index, 0))
        let product = String(decoding: listing.product.bytes, as: UTF8.self)
        inserts.append([
          .bytes(listing.id.bytes), .integer(Int64(JourneyLines.store)), .text(product),
          .integer(price(index, 0)), .integer(1),
        ])
        updates.append([.bytes(listing.id.bytes), .integer(price(index, 1))])
      }
      inserts.endTransaction()
      updates.endTransaction()
    }
    let database = try RawSQLite(path: path, cacheKibibytes: Bench.storeCache)
    try database.execute(create)
    try database.run(try database.prepare(insert), inserts)
    let statement = try database.prepare(update)
    let stopwatch = Stopwatch()
    try database.run(statement, updates)
    return stopwatch.reading
  }
}
