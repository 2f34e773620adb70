import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// What the people of the chain do: random transactions on few members, products and tasks, so that they meet often.
struct Workload {
  var generator: SeededGenerator
  let stores: Int
  let members = (1...6).map { RecordID(key: "M\($0)") }
  let products = (1...5).map { RecordID(key: "P\($0)") }
  private(set) var tasks: [RecordID] = []
  /// Sales that were rung up, to be sent again.
  private(set) var sales: [Sale] = []
  var lastReceipt = 0

  init(stores: Int, using generator: SeededGenerator) {
    self.stores = stores
    self.generator = generator
    tasks = (1...8).map { number in
      RecordID(milliseconds: SimulationLimits.calendarStart, random: (UInt64(number), UInt64(number)))
    }
  }

  /// One transaction, with a name for the trace.
  struct Step {
    var name: String
    var draft: CommitDraft

    init(_ name: String, _ writes: [RecordWrite]) {
      self.name = name
      draft = CommitDraft(writes)
    }
  }

  /// Who is at work, and what the node holds.
  struct Place {
    var node: Int
    var wall: WallTime
    var backend: SimulatedDisk
    var isPoisoned: Bool

    var store: RecordID { RecordID(number: UInt32(node)) }
  }

  /// What happens next at a node.
  mutating func step(at place: Place) -> Step {
    place.node == 0 ? stepAtHQ(place) : stepAtStore(place)
  }

  private mutating func stepAtStore(_ place: Place) -> Step {
    if place.isPoisoned, generator.chance(perMille: 60) { return poison(place) }
    switch generator.below(100) {
    case 0..<28: return sale(place)
    case 28..<32: return resend(place, isSame: true)
    case 32..<35: return resend(place, isSame: false)
    case 35..<58: return memberEdit()
    case 58..<60: return deletion(of: Member.tag, generator.pick(members))
    case 60..<63: return productName()
    case 63..<69: return listing(of: place.node)
    case 69..<72: return saleAndListing(place)
    case 72..<75: return memberAndListing(place)
    case 75..<95: return taskEdit(place)
    case 95..<97: return newTask(for: generator.draw(1...stores))
    default: return newTask(for: place.node)
    }
  }

  private mutating func stepAtHQ(_ place: Place) -> Step {
    switch generator.below(100) {
    case 0..<22: return memberEdit()
    case 22..<26: return deletion(of: Member.tag, generator.pick(members))
    case 26..<38: return productEdit()
    case 38..<41: return deletion(of: Product.tag, generator.pick(products))
    case 41..<56: return listing(of: generator.draw(1...stores))
    case 56..<61: return productAndListings()
    case 61..<66: return resend(place, isSame: generator.chance(perMille: 700))
    case 66..<78: return newTask(for: generator.draw(1...stores))
    case 78..<81: return deletion(of: StoreTask.tag, generator.pick(tasks))
    default: return taskEdit(place)
    }
  }
}

// MARK: - Sales

/// All that one sale writes.
struct Sale {
  var order: Order
  var lines: [OrderLine]
  var payment: Payment
  var movements: [StockMovement]
  var points: PointsEntry?

  var writes: [RecordWrite] {
    [RecordWrite(order)] + lines.map { RecordWrite($0) } + [RecordWrite(payment)]
      + movements.map { RecordWrite($0) } + (points.map { [RecordWrite($0)] } ?? [])
  }
}

extension Workload {
  private mutating func makeSale(_ place: Place) -> Sale {
    let id = RecordID(at: place.wall, using: &generator)
    let member = generator.chance(perMille: 600) ? generator.pick(members) : nil
    // Now and then a till gives a receipt number twice.
    if !generator.chance(perMille: 40) { lastReceipt += 1 }
    var lines: [OrderLine] = []
    var movements: [StockMovement] = []
    for number in 1...UInt32(generator.draw(1...3)) {
      let quantity = Int64(generator.draw(1...4))
      let product = generator.pick(products)
      lines.append(
        OrderLine(
          order: id, line: number, store: place.store, product: product, quantity: quantity,
          salesAmount: quantity * 199, retailDiscount: 0, couponDiscount: 0, couponMatchDiscount: 0))
      movements.append(
        StockMovement(
          document: id, line: number, store: place.store, place: StockMovement.shelf, product: product,
          quantity: -quantity, reason: "sale", movedAt: place.wall))
    }
    let total = lines.reduce(0) { $0 + $1.salesAmount }
    let order = Order(
      id: id, store: place.store, receipt: "R\(lastReceipt)", kind: "sale", member: member, soldAt: place.wall,
      businessDay: 20_240_105, currency: "USD", lineCount: Int64(lines.count), salesTotal: total, retailDiscount: 0,
      couponDiscount: 0, couponMatchDiscount: 0)
    let points = member.map { member in
      let home = generator.chance(perMille: 500) ? RecordID(number: UInt32(generator.draw(1...stores))) : nil
      return PointsEntry(
        document: id, line: 1, member: member, store: place.store, homeStore: home, points: total / 100,
        reason: "purchase", earnedAt: place.wall)
    }
    let payment = Payment(
      order: id, number: 1, store: place.store, method: "cash", amount: total, currency: "USD")
    return Sale(order: order, lines: lines, payment: payment, movements: movements, points: points)
  }

  private mutating func sale(_ place: Place) -> Step {
    let sale = makeSale(place)
    sales.append(sale)
    var writes = sale.writes
    if let member = sale.order.member, generator.chance(perMille: 400) {
      writes.append(edit(Member.tag, member, [FieldWrite(.visits, .add(1))]))
    }
    return Step("sale", writes)
  }

  private mutating func saleAndListing(_ place: Place) -> Step {
    let sale = makeSale(place)
    sales.append(sale)
    return Step("sale with a listing", sale.writes + listing(of: place.node).draft.writes)
  }

  private mutating func resend(_ place: Place, isSame: Bool) -> Step {
    let own = sales.filter { place.node == 0 || $0.order.store == place.store }
    guard !own.isEmpty else { return sale(at: place) }
    var sale = generator.pick(own)
    guard !isSame else { return Step("receipt sent again", sale.writes) }
    sale.order.salesTotal += 1 + Int64(generator.below(5))
    sale.movements[0].quantity -= 1
    return Step("receipt sent again with other contents", sale.writes)
  }

  private mutating func sale(at place: Place) -> Step {
    place.node == 0 ? memberEdit() : sale(place)
  }
}

// MARK: - Members, catalogue

extension Workload {
  private mutating func memberEdit() -> Step {
    var writes = [memberWrite()]
    if generator.chance(perMille: 300) { writes.append(memberWrite()) }
    return Step("member", [edit(Member.tag, generator.pick(members), writes)])
  }

  private mutating func memberWrite() -> FieldWrite {
    let word = "w\(generator.below(1_000))"
    switch generator.below(9) {
    case 0: return FieldWrite(.name, .set(.text(word)))
    case 1: return FieldWrite(.phone, .set(.text("+1\(generator.below(4))")))
    case 2: return FieldWrite(.tags, .addElements([.text("t\(generator.below(4))")]))
    case 3: return FieldWrite(.tags, .removeElements([.text("t\(generator.below(4))")]))
    case 4: return FieldWrite(.customFields, .put(key: "k\(generator.below(3))", .text(word)))
    case 5: return FieldWrite(.customFields, .put(key: "k\(generator.below(3))", .null))
    case 6: return FieldWrite(.level, .set(.text(generator.pick(Member.levels))))
    case 7: return FieldWrite(.note, .set(.text(word)))
    default: return FieldWrite(.visits, .add(Int64(generator.draw(1...3))))
    }
  }

  private mutating func memberAndListing(_ place: Place) -> Step {
    Step("member with a listing", memberEdit().draft.writes + listing(of: place.node).draft.writes)
  }

  private mutating func productEdit() -> Step {
    let field = generator.pick([Product.Field.name, .department, .brand])
    var writes = [FieldWrite(FieldTag(field.rawValue), .set(.text("w\(generator.below(1_000))")))]
    if generator.chance(perMille: 200) {
      writes.append(FieldWrite(FieldTag(Product.Field.barcode.rawValue), .set(.text("00\(generator.below(3))"))))
    }
    return Step("product", [edit(Product.tag, generator.pick(products), writes)])
  }

  private mutating func productName() -> Step {
    let name = FieldWrite(FieldTag(Product.Field.name.rawValue), .set(.text("w\(generator.below(1_000))")))
    return Step("product's name", [edit(Product.tag, generator.pick(products), [name])])
  }

  private mutating func listing(of store: Int) -> Step {
    let product = generator.pick(products)
    let price: Int64? = generator.chance(perMille: 700) ? Int64(generator.draw(100...999)) : nil
    let record = Listing(
      store: RecordID(number: UInt32(store)), product: product, price: price,
      available: price == nil ? generator.chance(perMille: 500) : nil)
    return Step("listing", [RecordWrite(record)])
  }

  private mutating func productAndListings() -> Step {
    var writes = productEdit().draft.writes
    for store in 1...stores where generator.chance(perMille: 500) { writes += listing(of: store).draft.writes }
    return Step("product with listings", writes)
  }

  private func deletion(of entity: EntityTag, _ id: RecordID) -> Step {
    Step("deletion", [RecordWrite(entity: entity, id: id, .delete)])
  }

  private func edit(_ entity: EntityTag, _ id: RecordID, _ writes: [FieldWrite]) -> RecordWrite {
    RecordWrite(entity: entity, id: id, .write(writes))
  }
}

extension FieldWrite {
  fileprivate init(_ field: Member.Field, _ edit: FieldEdit) {
    self.init(FieldTag(field.rawValue), edit)
  }
}
