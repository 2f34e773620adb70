import Base
import Merge
import RecordStore
import Retail
import StoreModel

/// Looks up what a receipt's commit group depends on. To be used within the transaction that commits the group: what it
/// has looked up must not change in between.
struct ReceiptPlanner<Backend: StorageBackend> {
  typealias Plan = Result<CommitDraft, RetailError>

  let engine: StoreEngine<Backend>
  let shop: SaleContext

  func plan(_ receipt: TillReceipt) throws(StoreError) -> Plan {
    switch receipt {
    case .sale(let sale): try plan(sale)
    case .return(let goods): try plan(goods)
    case .void(let voiding): try plan(voiding)
    }
  }

  // MARK: Sales

  private func plan(_ sale: Sale) throws(StoreError) -> Plan {
    let id = sale.orderID(store: shop.store)
    let isKnown = try holds(id)
    let context = try context(of: id, isKnown: isKnown, member: sale.member)
    let plan = Plan { () throws(RetailError) in try sell(sale, in: context) }
    return isKnown ? try meeting(plan) : plan
  }

  /// The member's home store as it was if the receipt is known: it may have changed since, which is no difference of the
  /// receipt.
  private func context(of order: RecordID, isKnown: Bool, member: String?) throws(StoreError) -> SaleContext {
    var context = shop
    if isKnown {
      let points = PointsEntry.identity.joining([order, RecordID(number: 1)])
      context.memberHomeStore = try engine.shown(PointsEntry.self, points)?.homeStore
    } else if let member {
      context.memberHomeStore = try engine.shown(Member.self, RecordID(key: member))?.homeStore
    }
    return context
  }

  /// A receipt that is there already. Its records meet those of the first time, so that a difference becomes a conflict
  /// case; what the first time did not have is left out, so that no sum changes.
  private func meeting(_ plan: Plan) throws(StoreError) -> Plan {
    guard case .success(var draft) = plan else { return plan }
    var known: [RecordWrite] = []
    for write in draft.writes where try engine.record(RecordKey(entity: write.entity, id: write.id)) != nil {
      known.append(write)
    }
    draft.writes = known
    return .success(draft)
  }

  // MARK: Returns

  private func plan(_ goods: Return) throws(StoreError) -> Plan {
    let id = goods.orderID(store: shop.store)
    let isKnown = try holds(id)
    let context = try context(of: id, isKnown: isKnown, member: goods.member)
    if isKnown {
      let original = try originalMetAgain(goods, first: try engine.shown(Order.self, id)?.original)
      return try meeting(Plan { () throws(RetailError) in try takeBack(goods, original: original, in: context) })
    }
    guard let original = try original(of: goods) else {
      let original = goods.originalID(store: shop.store)
      return Plan { () throws(RetailError) in try takeBack(goods, original: original, in: context) }
    }
    let recorded = try recorded(original)
    let returns = try returns(of: original)
    var earlier: [OrderLine] = []
    for order in returns where !order.isVoided { earlier += try parts(OrderLine.self, of: order.order.id) }
    return Plan { () throws(RetailError) in
      let draft = try takeBack(goods, original: original.id, in: context)
      try checkReturn(goods, of: recorded, after: earlier)
      guard returns.count < RetailLimits.returnsPerOrder else {
        throw RetailError(
          .tooManyReturns,
          "found \(returns.count) returns of receipt \(original.receipt), the most that one may have; give back the rest "
            + "without naming it")
      }
      return draft
    }
  }

  /// The order that goods were sold with, as far as this node knows it. A time says which it is; without one it is the
  /// latest sale of that receipt number up to the return, or else whatever has the number.
  private func original(of goods: Return) throws(StoreError) -> Order? {
    if let id = goods.originalID(store: shop.store) { return try engine.shown(Order.self, id) }
    let orders = try orders(goods.original)
    return latest(orders.filter { $0.kind == Order.Kind.sale.rawValue }, upTo: goods.soldAt) ?? orders.first
  }

  /// What a return that is there already names as its original. The shop may have come to know more of that number since,
  /// which is no difference of the return.
  private func originalMetAgain(_ goods: Return, first: RecordID?) throws(StoreError) -> RecordID? {
    if let id = goods.originalID(store: shop.store) { return id }
    guard let first else { return nil }
    let orders = try orders(goods.original)
    return orders.contains { $0.id == first } ? first : latest(orders, upTo: goods.soldAt)?.id
  }

  // MARK: Voids

  private func plan(_ voiding: Voiding) throws(StoreError) -> Plan {
    let orders = try orders(voiding.original)
    let candidates = orders.filter { $0.kind != Order.Kind.void.rawValue }
    let known = try voids(of: candidates)
    // Sent again, or meant for an order that is voided already, or else anew.
    let again = candidates.first { known[$0.id]?.receipt == voiding.receipt }
    guard let original = again ?? latest(candidates, upTo: voiding.soldAt) ?? orders.first else {
      return .failure(
        RetailError(
          .originalUnknown,
          "found no receipt \(voiding.original) in this shop's records; send that first, or look at the number"))
    }
    let recorded = try recorded(original)
    let sameEvent = try self.orders(voiding.receipt).first {
      $0.kind == Order.Kind.void.rawValue && $0.soldAt == voiding.soldAt
    }
    let id = sameEvent?.id ?? original.voidID(store: shop.store)
    let plan = Plan { () throws(RetailError) in try void(voiding, of: recorded, as: id, in: shop) }
    if try holds(id) {
      // All that a void says for itself is in the order; the rest is the original's.
      return plan.map { CommitDraft($0.writes.filter { $0.entity == Order.tag }) }
    }
    if let back = try returns(of: original).first(where: { !$0.isVoided }) {
      return .failure(
        RetailError(
          .originalReturned,
          "receipt \(original.receipt) can't be voided: something came back with receipt \(back.order.receipt); return "
            + "the rest, or void that first"))
    }
    return plan
  }

  /// What voids these orders, by their ids.
  private func voids(of orders: [Order]) throws(StoreError) -> [RecordID: Order] {
    var voids: [RecordID: Order] = [:]
    for order in orders { voids[order.id] = try engine.shown(Order.self, order.voidID(store: shop.store)) }
    return voids
  }

  // MARK: Records

  private func holds(_ order: RecordID) throws(StoreError) -> Bool {
    try engine.record(RecordKey(entity: Order.tag, id: order)) != nil
  }

  /// The orders of a receipt number; more than one if the till gave it twice. Ascending by time.
  private func orders(_ receipt: String) throws(StoreError) -> [Order] {
    try orders(
      showing: [
        (FieldTag(Order.Field.store.rawValue), .integer(Int64(shop.store))),
        (FieldTag(Order.Field.receipt.rawValue), .text(receipt)),
      ], limit: StoreLimits.clashRecordCount)
  }

  private func returns(of original: Order) throws(StoreError) -> [(order: Order, isVoided: Bool)] {
    let named = (FieldTag(Order.Field.original.rawValue), Order.identity.value(of: original.id))
    var returns: [(order: Order, isVoided: Bool)] = []
    // What voids the original names it, too.
    for order in try orders(showing: [named], limit: RetailLimits.returnsPerOrder + 1)
    where order.kind == Order.Kind.return.rawValue {
      returns.append((order, try holds(order.voidID(store: shop.store))))
    }
    return returns
  }

  private func orders(
    showing values: [(field: FieldTag, value: Value)], limit: Int
  ) throws(StoreError) -> [Order] {
    var orders: [Order] = []
    for id in try engine.records(of: Order.tag, showing: values, limit: limit) {
      if let order = try engine.shown(Order.self, id) { orders.append(order) }
    }
    return orders
  }

  private func latest(_ orders: [Order], upTo time: WallTime) -> Order? {
    orders.last { $0.soldAt <= time } ?? orders.first
  }

  private func recorded(_ order: Order) throws(StoreError) -> RecordedOrder {
    RecordedOrder(
      order: order, lines: try parts(OrderLine.self, of: order.id), payments: try parts(Payment.self, of: order.id),
      movements: try parts(StockMovement.self, of: order.id), points: try parts(PointsEntry.self, of: order.id),
      isVoided: try holds(order.voidID(store: shop.store)))
  }

  /// The records whose ids begin with an order's.
  private func parts<E: Entity>(_ entity: E.Type, of order: RecordID) throws(StoreError) -> [E] {
    var found: [E] = []
    var last = order
    while true {
      let page = try engine.records(of: E.tag, after: last, limit: Self.pageCount)
      for state in page {
        guard state.id.bytes.starts(with: order.bytes) else { return found }
        if let record = engine.shown(entity, state) { found.append(record) }
        last = state.id
      }
      guard page.count == Self.pageCount else { return found }
    }
  }

  /// Most baskets have fewer lines.
  private static var pageCount: Int { 16 }
}
