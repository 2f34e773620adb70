import Base
import StoreModel

/// A record of every entity with every field filled in, and how its entity reads it back.
struct Sample {
  let schema: EntitySchema
  let id: RecordID
  let contents: [FieldTag: FieldContent]
  /// Whether reading the contents back gives an equal record with an equal id.
  let roundTrips: (_ contents: [FieldTag: FieldContent]) throws -> Bool

  init<E: Entity>(_ record: E) {
    let schema = EntitySchema(E.self)
    self.schema = schema
    id = record.id
    contents = Dictionary(
      uniqueKeysWithValues: E.Field.allCases.map { (FieldTag($0.rawValue), record.content(of: $0)) })
    roundTrips = { contents in
      let copy = try E(id: record.id, reading: FieldSource<E.Field>(schema) { contents[$0] })
      return copy == record && copy.id == record.id
    }
  }

  static let uuid = RecordID(milliseconds: 1_496_509_500_000, random: (1, 2))
  static let store = RecordID(number: 367)
  static let member = RecordID(key: "208")
  static let time = WallTime(milliseconds: 1_496_509_500_000)

  static var all: [Sample] { organisation + members + campaigns + sales + work }

  private static var organisation: [Sample] {
    [
      Sample(
        Store(
          id: store, name: "Main Street", code: "S-367", timeZone: "America/New_York", currency: "USD",
          region: "East")),
      Sample(
        Product(
          id: RecordID(key: "1082185"), name: "Bananas", department: "PRODUCE", category: "TROPICAL FRUIT",
          brand: "National", unit: "each", barcode: "4011", packageSize: "40 LB")),
      Sample(Listing(store: store, product: RecordID(key: "1082185"), price: 59, available: false)),
    ]
  }

  private static var members: [Sample] {
    [
      Sample(
        Member(
          id: member, name: "王小明", phone: "+14155550123", card: "C208", homeStore: store, tags: [.text("vip")],
          customFields: [CustomField(key: "shoe", value: .integer(42))], level: "silver", birthday: 19_800_229,
          note: "allergic", visits: 12)),
      Sample(
        PointsEntry(
          document: uuid, line: 1, member: member, store: store, homeStore: RecordID(number: 1), points: -3,
          reason: "purchase", earnedAt: time)),
    ]
  }

  private static var campaigns: [Sample] {
    let campaign = RecordID(key: "18")
    return [
      Sample(Campaign(id: campaign, name: "Autumn", kind: "Type A", startDay: 20_171_030, endDay: 20_171_224)),
      Sample(Coupon(campaign: campaign, code: "10000089238", description: "10 % off")),
      Sample(CouponProduct(campaign: RecordID(key: "18"), code: "10000089238", product: RecordID(key: "1082185"))),
      Sample(
        CouponRedemption(
          id: uuid, member: member, code: "10000089238", campaign: campaign, store: store, order: uuid,
          redeemedDay: 20_171_101)),
    ]
  }

  private static var sales: [Sample] {
    [
      Sample(
        Order(
          id: uuid, store: store, receipt: "31198570044", kind: "return", original: uuid, member: member, soldAt: time,
          businessDay: 20_170_603, currency: "USD", lineCount: 2, salesTotal: 398, retailDiscount: 5,
          couponDiscount: 6, couponMatchDiscount: 7)),
      Sample(
        OrderLine(
          order: uuid, line: 2, store: store, product: RecordID(key: "unknown"), quantity: 0, salesAmount: 199,
          retailDiscount: 1, couponDiscount: 300, couponMatchDiscount: 2)),
      Sample(
        Payment(
          order: uuid, number: 1, store: store, method: "voucher of a later version", amount: -98, currency: "USD")
      ),
    ]
  }

  private static var work: [Sample] {
    [
      Sample(
        StockMovement(
          document: uuid, line: 2, store: store, place: StockMovement.shelf, product: RecordID(key: "1082185"),
          quantity: -2, reason: "sale", movedAt: time)),
      Sample(
        StoreTask(
          id: uuid, title: "Check the cooler", store: store, status: "claimed", claimedBy: "Ann", assignedBy: "Bo",
          dueDay: 20_170_604, note: "twice")),
    ]
  }
}
