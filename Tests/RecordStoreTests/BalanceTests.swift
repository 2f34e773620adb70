import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// Declared sums over immutable entries, at every node.
@Suite struct BalanceTests {
  @Test(arguments: BackendKind.allCases) func sumsGoByKeys(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try store.mustCommit(.entry("a", store: 1, "cash", 5), .entry("b", store: 1, "cash", -2))
    try store.mustCommit(.entry("c", store: 1, "card", 7))
    try hq.mustCommit(.entry("d", store: 2, "cash", 11))
    #expect(try store.balance(1, "cash") == 3)
    try exchange(hq, store)
    #expect(
      try hq.store.balances("account_sum") == [
        Balance(keys: [.integer(1), .text("card")], sum: 7), Balance(keys: [.integer(1), .text("cash")], sum: 3),
        Balance(keys: [.integer(2), .text("cash")], sum: 11),
      ])
    #expect(try store.balance(2, "cash") == 0, "no entry of store 2 is here")
    #expect(try store.store.balance("account_sum", keys: [.integer(9), .text("none")]) == 0)
    try store.mustCommit(.entry("e", store: 1, "cash", -3))
    #expect(
      try store.store.balances("account_sum") == [Balance(keys: [.integer(1), .text("card")], sum: 7)],
      "what has come to nothing is not listed")
  }

  /// The entry with the lowest stamp is shown; one that arrives later may have been written first.
  @Test("FC-8 a conflict that changes the shown entry changes its sum", arguments: BackendKind.allCases)
  func shownEntryChanges(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.entry("e", store: 1, "cash", 5))
    var earlier = Foreign(1, at: hq.wall.milliseconds - 60_000)
    try hq.receive([earlier.entry("e", store: 1, "card", 8)], from: NodeNumber(1))
    #expect(try hq.value(Shop.entry, "e", Entry.amount) == .integer(8))
    #expect((try hq.balance(1, "cash"), try hq.balance(1, "card")) == (0, 8))
    #expect(try hq.cases().map(\.subject.kind) == [.immutable])
    var later = Foreign(2, at: hq.wall.milliseconds + 1_000)
    try hq.receive([later.entry("e", store: 1, "third", 9)], from: NodeNumber(2))
    #expect((try hq.balance(1, "cash"), try hq.balance(1, "card"), try hq.balance(1, "third")) == (0, 8, 0))
  }

  @Test(arguments: BackendKind.allCases) func aDeletedEntryCountsForNothing(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    var hq = Foreign(0)
    let group = hq.entry("e", store: 1, "cash", 5)
    var deleted = group
    deleted.stamp = hq.stamp()
    deleted.records[0].delete(stamp: deleted.stamp)
    #expect(try store.receive([group, deleted], from: .hq) == [.applied, .applied])
    #expect(try store.balance(1, "cash") == 0)
    #expect(try store.isDeleted(Shop.entry, "e") == true)
  }

  @Test("FC-43 the retail model's stock is the sum of its movements", arguments: BackendKind.allCases)
  func stock(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0, model: .retail), try TestNode(kind, 1, model: .retail))
    let shop = RecordID(number: 1)
    let product = RecordID(key: "4011")
    func movement(_ line: UInt32, _ quantity: Int64, _ reason: StockMovement.Reason) -> RecordWrite {
      RecordWrite(
        StockMovement(
          document: RecordID(milliseconds: 1_700_000_000_000, random: (1, 2)), line: line, store: shop,
          place: StockMovement.shelf, product: product, quantity: quantity, reason: reason.rawValue,
          movedAt: WallTime(milliseconds: 1_700_000_000_000)))
    }
    let keys: [Value] = [.integer(1), .text(StockMovement.shelf), .text("4011")]
    try store.mustCommit(movement(1, 100, .receipt), movement(2, -3, .sale))
    // A count is an adjustment against a stated position, beside a sale that it does not know of.
    try hq.mustCommit(movement(4, -2, .count))
    try store.mustCommit(movement(3, -1, .sale))
    try exchange(hq, store)
    for node in [hq, store] { #expect(try node.store.balance("stock_on_hand", keys: keys) == 94) }
  }
}
