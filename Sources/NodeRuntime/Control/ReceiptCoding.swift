import Base
package import Retail
import StoreModel
package import Wire

// Receipts as control messages; see DraftCoding.

extension TillReceipt {
  package var controlValue: CBORValue {
    switch self {
    case .sale(let sale):
      .object([
        "receipt": .text(sale.receipt), "soldAt": .integer(sale.soldAt.milliseconds),
        "member": sale.member.map(CBORValue.text), "lines": .array(sale.lines.map(\.controlValue)),
        "payments": .array(sale.payments.map(\.controlValue)),
        "redemptions": .array(
          sale.redemptions.map { .array([.text($0.code), $0.campaign.map(CBORValue.text) ?? .null]) }),
      ])
    case .return(let goods):
      .object([
        "kind": .text(Order.Kind.return.rawValue), "receipt": .text(goods.receipt),
        "soldAt": .integer(goods.soldAt.milliseconds), "original": .text(goods.original),
        "originalSoldAt": goods.originalSoldAt.map { .integer($0.milliseconds) },
        "member": goods.member.map(CBORValue.text), "lines": .array(goods.lines.map(\.controlValue)),
        "payments": .array(goods.payments.map(\.controlValue)),
      ])
    case .void(let voiding):
      .object([
        "kind": .text(Order.Kind.void.rawValue), "receipt": .text(voiding.receipt),
        "soldAt": .integer(voiding.soldAt.milliseconds), "original": .text(voiding.original),
      ])
    }
  }

  package init?(_ control: CBORValue) {
    switch control["kind"]?.textValue {
    case nil, Order.Kind.sale.rawValue:
      guard let sale = Sale(control) else { return nil }
      self = .sale(sale)
    case Order.Kind.return.rawValue:
      guard let goods = Return(control) else { return nil }
      self = .return(goods)
    case Order.Kind.void.rawValue:
      guard let voiding = Voiding(control) else { return nil }
      self = .void(voiding)
    default: return nil
    }
  }
}

extension Sale {
  fileprivate init?(_ control: CBORValue) {
    guard let receipt = control["receipt"]?.textValue, let soldAt = control["soldAt"]?.integerValue,
      let lines = control.list("lines", of: Line.init), let payments = control.list("payments", of: Payment.init),
      let redemptions = control.list("redemptions", of: Redemption.init)
    else { return nil }
    self.init(
      receipt: receipt, soldAt: WallTime(milliseconds: soldAt), member: control["member"]?.textValue, lines: lines,
      payments: payments, redemptions: redemptions)
  }
}

extension Return {
  fileprivate init?(_ control: CBORValue) {
    guard let receipt = control["receipt"]?.textValue, let soldAt = control["soldAt"]?.integerValue,
      let original = control["original"]?.textValue, let lines = control.list("lines", of: Sale.Line.init),
      let payments = control.list("payments", of: Sale.Payment.init)
    else { return nil }
    self.init(
      receipt: receipt, soldAt: WallTime(milliseconds: soldAt), original: original,
      originalSoldAt: control["originalSoldAt"]?.integerValue.map(WallTime.init(milliseconds:)),
      member: control["member"]?.textValue, lines: lines, payments: payments)
  }
}

extension Voiding {
  fileprivate init?(_ control: CBORValue) {
    guard let receipt = control["receipt"]?.textValue, let soldAt = control["soldAt"]?.integerValue,
      let original = control["original"]?.textValue
    else { return nil }
    self.init(receipt: receipt, soldAt: WallTime(milliseconds: soldAt), original: original)
  }
}

extension Sale.Line {
  fileprivate var controlValue: CBORValue {
    .array([
      .text(product), .integer(quantity), .integer(salesAmount), .integer(retailDiscount), .integer(couponDiscount),
      .integer(couponMatchDiscount),
    ])
  }

  fileprivate init?(_ control: CBORValue) {
    guard let items = control.arrayValue, items.count == 6, let product = items[0].textValue else { return nil }
    let numbers = items[1...].compactMap(\.integerValue)
    guard numbers.count == 5 else { return nil }
    self.init(
      product: product, quantity: numbers[0], salesAmount: numbers[1], retailDiscount: numbers[2],
      couponDiscount: numbers[3], couponMatchDiscount: numbers[4])
  }
}

extension Sale.Payment {
  fileprivate var controlValue: CBORValue { .array([.text(method.rawValue), .integer(amount)]) }

  fileprivate init?(_ control: CBORValue) {
    guard let items = control.arrayValue, items.count == 2, let word = items[0].textValue,
      let method = StoreModel.Payment.Method(rawValue: word), let amount = items[1].integerValue
    else { return nil }
    self.init(method: method, amount: amount)
  }
}

extension Sale.Redemption {
  fileprivate init?(_ control: CBORValue) {
    guard let items = control.arrayValue, items.count == 2, let code = items[0].textValue else { return nil }
    self.init(code: code, campaign: items[1].textValue)
  }
}

extension CBORValue {
  /// Nil if there is no such array, or one of its elements is none.
  fileprivate func list<Element>(_ name: String, of element: (CBORValue) -> Element?) -> [Element]? {
    guard let values = self[name]?.arrayValue else { return nil }
    let elements = values.compactMap(element)
    return elements.count == values.count ? elements : nil
  }
}
