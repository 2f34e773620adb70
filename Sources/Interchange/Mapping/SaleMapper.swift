import Base
package import Retail
import StoreModel

/// Makes sales from JSON objects, one a basket:
///
///     {"receipt": "35293784419", "soldAt": "2017-08-22T01:51:11Z", "member": "1534",
///      "lines": [{"product": "932298", "quantity": 1, "salesCents": 88, "retailDiscountCents": 51,
///                 "couponDiscountCents": 0, "couponMatchDiscountCents": 0}],
///      "payment": {"method": "cash", "amountCents": 88},
///      "redemptions": [{"code": "10000089078", "campaign": "13"}]}
///
/// `member`, the three discounts, `payment` and `redemptions` may be absent; `payments`, an array, stands instead of
/// `payment` if there are several. A name that is not known is an error: a misspelt discount must not lose money.
package struct SaleMapper: Sendable {
  package init() {}

  package func sale(_ object: JSONObject) throws(MappingError) -> Sale {
    let fields = Fields(object, path: "")
    try fields.check(known: ["receipt", "soldAt", "member", "lines", "payment", "payments", "redemptions"])
    return Sale(
      receipt: try fields.text("receipt"), soldAt: try fields.time("soldAt"), member: try fields.optionalText("member"),
      lines: try lines(fields), payments: try payments(fields), redemptions: try redemptions(fields))
  }

  private func lines(_ fields: Fields) throws(MappingError) -> [Sale.Line] {
    guard let objects = try fields.optionalObjects("lines"), !objects.isEmpty else {
      throw MappingError("lines", "found none, expected at least one")
    }
    return try objects.map { line throws(MappingError) in
      try line.check(known: [
        "product", "quantity", "salesCents", "retailDiscountCents", "couponDiscountCents", "couponMatchDiscountCents",
      ])
      return Sale.Line(
        product: try line.text("product"), quantity: try line.integer("quantity"),
        salesAmount: try line.integer("salesCents"),
        retailDiscount: try line.optionalInteger("retailDiscountCents") ?? 0,
        couponDiscount: try line.optionalInteger("couponDiscountCents") ?? 0,
        couponMatchDiscount: try line.optionalInteger("couponMatchDiscountCents") ?? 0)
    }
  }

  private func payments(_ fields: Fields) throws(MappingError) -> [Sale.Payment] {
    let single = try fields.optionalObject("payment")
    let several = try fields.optionalObjects("payments")
    guard single == nil || several == nil else {
      throw MappingError("payments", "found payment too, expected only one of the two")
    }
    return try (several ?? single.map { [$0] } ?? []).map { payment throws(MappingError) in
      try payment.check(known: ["method", "amountCents"])
      let word = try payment.text("method")
      guard let method = StoreModel.Payment.Method(rawValue: word) else {
        let words = StoreModel.Payment.Method.allCases.map(\.rawValue).joined(separator: ", ")
        throw payment.error("method", "found another word, expected one of: \(words)")
      }
      return Sale.Payment(method: method, amount: try payment.integer("amountCents"))
    }
  }

  private func redemptions(_ fields: Fields) throws(MappingError) -> [Sale.Redemption] {
    try (fields.optionalObjects("redemptions") ?? []).map { redemption throws(MappingError) in
      try redemption.check(known: ["code", "campaign"])
      return Sale.Redemption(code: try redemption.text("code"), campaign: try redemption.optionalText("campaign"))
    }
  }
}

/// An object whose members are read by name and type, and where it stands. Null is the same as absent.
private struct Fields {
  let object: JSONObject
  /// Before each name in messages, such as `lines[2].`, counted from 1 as a person does.
  let path: String

  init(_ object: JSONObject, path: String) {
    self.object = object
    self.path = path
  }

  func error(_ name: String, _ reason: String) -> MappingError { MappingError(path + name, reason) }

  func check(known names: [String]) throws(MappingError) {
    for member in object.members where !names.contains(member.name) {
      throw MappingError(
        path.isEmpty ? nil : String(path.dropLast()),
        "found \(quoted(member.name)), which is no known name here; known are: \(names.joined(separator: ", "))")
    }
  }

  private func value(_ name: String) -> JSONValue? {
    let value = object[name]
    return value == .null ? nil : value
  }

  func optionalText(_ name: String) throws(MappingError) -> String? {
    switch value(name) {
    case nil: return nil
    case .string(let text): return text
    case let other?: throw error(name, "found \(other.kindName), expected a string")
    }
  }

  func text(_ name: String) throws(MappingError) -> String {
    guard let text = try optionalText(name) else { throw error(name, "found none, expected a string") }
    return text
  }

  func optionalInteger(_ name: String) throws(MappingError) -> Int64? {
    switch value(name) {
    case nil: return nil
    case .integer(let number): return number
    case let other?: throw error(name, "found \(other.kindName), expected a whole number; amounts are in minor units")
    }
  }

  func integer(_ name: String) throws(MappingError) -> Int64 {
    guard let number = try optionalInteger(name) else { throw error(name, "found none, expected a whole number") }
    return number
  }

  func time(_ name: String) throws(MappingError) -> WallTime {
    let text = try text(name)
    do throws(RFC3339Error) {
      return try RFC3339.parse(text)
    } catch {
      throw self.error(name, "\(error.reason); expected a timestamp such as 2017-06-03T17:05:00Z")
    }
  }

  func optionalObject(_ name: String) throws(MappingError) -> Fields? {
    switch value(name) {
    case nil: return nil
    case .object(let object): return Fields(object, path: "\(path)\(name).")
    case let other?: throw error(name, "found \(other.kindName), expected an object")
    }
  }

  func optionalObjects(_ name: String) throws(MappingError) -> [Fields]? {
    guard let value = value(name) else { return nil }
    guard case .array(let elements) = value else {
      throw error(name, "found \(value.kindName), expected an array of objects")
    }
    var objects: [Fields] = []
    for (number, element) in zip(1..., elements) {
      let place = "\(name)[\(number)]"
      guard case .object(let object) = element else {
        throw error(place, "found \(element.kindName), expected an object")
      }
      objects.append(Fields(object, path: "\(path)\(place)."))
    }
    return objects
  }
}
