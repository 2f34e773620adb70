extension Model {
  /// The records of a retail chain. Tags stand in databases and on the wire: they are never changed or given again.
  package static let retail = Model([
    EntitySchema(Store.self),
    EntitySchema(Product.self),
    EntitySchema(Listing.self),
    EntitySchema(Member.self),
    EntitySchema(PointsEntry.self),
    EntitySchema(Campaign.self),
    EntitySchema(Coupon.self),
    EntitySchema(CouponProduct.self),
    EntitySchema(CouponRedemption.self),
    EntitySchema(Order.self),
    EntitySchema(OrderLine.self),
    EntitySchema(Payment.self),
    EntitySchema(StockMovement.self),
    EntitySchema(StoreTask.self),
  ])
}
