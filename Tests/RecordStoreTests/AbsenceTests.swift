import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// Stores that are away for weeks, and what that costs the others.
@Suite struct AbsenceTests {
  private static let lanes = Lane.allCases

  /// A chain of ten, of which three leave. HQ changes the same prices every day, and each store is sent notes.
  private struct Chain {
    let hq: TestNode
    let stores: [TestNode]
    static let prices = 20
    static let notes = 5

    init(_ kind: BackendKind) throws {
      hq = try TestNode(kind, 0)
      stores = try (1...10).map { try TestNode(kind, $0) }
    }

    var healthy: [TestNode] { Array(stores.prefix(7)) }
    var away: [TestNode] { Array(stores.suffix(3)) }

    func day(_ day: Int64) throws {
      var writes = (0..<Self.prices).map { RecordWrite.price("p\($0)", day * 1_000 + Int64($0)) }
      for store in stores {
        let number = Int64(store.number.rawValue)
        writes += (0..<Self.notes).map { RecordWrite.note("s\(number) n\($0)", store: number, text: "day \(day)") }
      }
      // Each a commit of its own, and all on the disk at once.
      hq.wall = hq.wall.advanced(byMilliseconds: 1_000)
      let results = try hq.store.commit(writes.map { CommitDraft([$0]) }, at: hq.wall)
      #expect(results.allSatisfy { $0.stamp != nil })
      for store in healthy {
        try store.mustCommit(.entry("\(store.number)/\(day)", store: Int64(store.number.rawValue), "cash", 1))
      }
    }

    /// What a store still lacks, with how far HQ knows it to be.
    func backlog(of store: TestNode) throws -> (records: Int, entries: Int) {
      let cursors = try store.store.receiveCursors(from: .hq, epoch: hq.epoch)
      var (records, entries) = (0, 0)
      for lane in AbsenceTests.lanes {
        var after = cursors[lane].through
        while true {
          let stretch = try hq.stretch(for: store.number, lane, after: after, budget: 1 << 20)
          records += stretch.groups.reduce(0) { $0 + $1.records.count }
          entries += stretch.skipped + stretch.groups.count
          guard stretch.hasMore, stretch.through > after else { break }
          after = stretch.through
        }
      }
      return (records, entries)
    }

    func syncHealthy() throws {
      for store in healthy {
        try store.send(to: hq)
        try hq.send(to: store)
      }
    }
  }

  @Test(
    "FC-47 30 % of the stores are away for four weeks: the others are in sync each day, and the backlog is what there is, not what happened",
    arguments: BackendKind.allCases)
  func weeks(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.day(0)
    for store in chain.stores { try exchange(store, chain.hq) }
    var costs: [Int] = []
    var backlogs: [Int] = []
    for day in 1...28 as ClosedRange<Int64> {
      try chain.day(day)
      // What a healthy store reads in a day does not grow with the others' absence.
      costs.append(try chain.backlog(of: chain.healthy[0]).entries)
      try chain.syncHealthy()
      for store in chain.healthy {
        #expect(try chain.backlog(of: store).records == 0)
        #expect(try store.value(Shop.price, "p0", Price.amount) == .integer(day * 1_000))
      }
      backlogs.append(try chain.backlog(of: chain.away[0]).records)
    }
    #expect(costs.max() == costs.min(), "entries that a healthy store reads in a day: \(costs)")
    #expect(
      Set(backlogs) == [Chain.prices + Chain.notes], "records that an absent store lacks, day by day: \(backlogs)")

    // One comes back: it has all at once, and only what it lacks.
    let store = chain.away[0]
    #expect(try store.state(Shop.note, "s8 n0") != nil)
    try exchange(store, chain.hq)
    #expect(try chain.backlog(of: store).records == 0)
    for entity in [Shop.price, Shop.note] {
      let mine = try store.store.records(of: entity, after: nil, limit: 999)
      let ids = Set(mine.map(\.id))
      let theirs = try chain.hq.store.records(of: entity, after: nil, limit: 999).filter { ids.contains($0.id) }
      #expect(mine == theirs && mine.count == (entity == Shop.price ? Chain.prices : Chain.notes))
    }
    #expect(try chain.hq.store.balances("account_sum").map(\.sum) == Array(repeating: 29, count: 7))
  }

  /// A mark of deletion is needed until the last one knows of it, and no longer than that.
  @Test(
    "FC-31 a store that was away for long: its sales are taken, and what was deleted meanwhile does not rise",
    arguments: BackendKind.allCases)
  func nothingRises(_ kind: BackendKind) throws {
    let (hq, one, two) = (try TestNode(kind, 0), try TestNode(kind, 1), try TestNode(kind, 2))
    try hq.mustCommit(.member("gone", phone: "1"), .member("stays", phone: "2"), .note("n", store: 2, text: "x"))
    for _ in 0..<2 { for store in [one, two] { try exchange(store, hq) } }
    // Store 2 is away: it sells, and looks after a member whom HQ and store 1 see go.
    try two.mustCommit(.entry("sale", store: 2, "cash", 9))
    try two.mustCommit(.member("stays", phone: "3"))
    try hq.mustCommit(.delete(Shop.member, "gone"), .delete(Shop.note, "n"))
    for _ in 0..<2 { try exchange(one, hq) }
    for day in 1...60 as ClosedRange<Int64> {
      hq.wall = hq.wall.advanced(byMilliseconds: 86_400_000)
      try hq.mustCommit(.price("p", day))
      try exchange(one, hq)
    }
    two.wall = hq.wall
    // Its own first, as a link does; and it has still the whole of what was deleted.
    #expect(try two.isDeleted(Shop.member, "gone") == false)
    try two.send(to: hq)
    #expect(try hq.balance(2, "cash") == 9)
    for _ in 0..<2 { for store in [two, one] { try exchange(store, hq) } }
    for node in [hq, one, two] {
      #expect(try node.isDeleted(Shop.member, "gone") == true)
      #expect(try node.value(Shop.member, "stays", Member.phone) == .text("3"))
    }
    #expect(try two.isDeleted(Shop.note, "n") == true && hq.isDeleted(Shop.note, "n") == true)
    // All of its log once more, as to an HQ that was restored: nothing of it is news.
    for lane in Self.lanes {
      let groups = try two.stretch(for: .hq, lane, budget: 1 << 20).groups
      try hq.receive(groups, from: two.number, epoch: Epoch(rawValue: 77), lane: lane)
    }
    #expect(try hq.isDeleted(Shop.member, "gone") == true && hq.isDeleted(Shop.note, "n") == true)
    #expect(try hq.balance(2, "cash") == 9)
  }
}
