import Base
package import StoreModel

extension Sale {
  /// The id of the order that this sale becomes: the same for the same receipt of a shop at the same time, so a till
  /// that sends a sale again, or an import that is repeated, finds what is there.
  package func orderID(store: UInt32) -> RecordID {
    RecordID(importedAt: soldAt, source: "order:\(store)", key: receipt)
  }
}

/// One commit group: the order, its lines and payments, the goods that left the shelf, the member's points and the
/// coupons that were redeemed.
///
/// It depends on nothing but its arguments: the same sale in the same context gives the same group. The context may
/// have changed since (a member's home shop, say), and the records are written once; so who receives a sale again looks
/// for `Sale.orderID(store:)` first and leaves an order that is there alone.
package func sell(_ sale: Sale, in context: SaleContext) throws(RetailError) -> CommitDraft {
  try check(sale)
  return Basket(sale, kind: .sale, context: context).group
}
