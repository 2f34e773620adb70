import Interchange
import JSON
import Merge
import NodeRuntime
import RecordStore
import Retail
import StoreModel
import Synchronization

/// What a shop does: a receipt becomes one commit group.
extension APIService {
  var operationRoutes: [Route] {
    [
      operationRoute("sell", .sale), operationRoute("return", .return), operationRoute("void", .void),
    ]
  }

  private func operationRoute(_ name: String, _ kind: Order.Kind) -> Route {
    Route(
      .post, "/v1/operations/\(name)", for: .write, [Self.operation(name, kind)],
      handler: Self.answering { [self] request, respond throws(Problem) in
        guard !gate.identity.isHQ else { throw Problem(.notHere, "HQ does not sell; ask a store's node") }
        let identity = try request.identity(isRequired: true)
        let receipt = try Self.receipt(try request.object(), kind)
        gate.commitOnce(identity) { engine, commit throws(StoreError) in
          try Self.take(receipt, engine, commit)
        } completion: {
          respond(.outcome($0))
        }
      })
  }

  private static func receipt(_ body: JSONObject, _ kind: Order.Kind) throws(Problem) -> TillReceipt {
    if let word = body["kind"], word != .string(kind.rawValue) {
      let message = "expected \(kind.rawValue), or none: the path says it"
      throw Problem(.invalidValue, "kind: \(message)", at: [.init("kind", message)])
    }
    let members = body.members.filter { $0.name != "kind" }
    do throws(MappingError) {
      return try SaleMapper().sale(JSONObject(members + [.init(name: "kind", value: .string(kind.rawValue))]))
    } catch {
      throw Problem(error)
    }
  }

  // MARK: Within the transaction

  private static func take(
    _ receipt: TillReceipt, _ engine: StoreGate.Engine, _ commit: StoreGate.Commit
  ) throws(StoreError) -> (answer: RequestAnswer, tookEffect: Bool) {
    var order: RecordID?
    var wasKnown = false
    let result = try Till.take([receipt], engine) { draft throws(StoreError) in
      order = draft.writes.first { $0.entity == Order.tag }?.id
      if let order { wasKnown = try engine.record(RecordKey(entity: Order.tag, id: order)) != nil }
      return try commit(draft)
    }
    switch result {
    case .failure(let error):
      // The store has just joined.
      guard error.code != .notFound else {
        return (RequestAnswer(Problem(.unavailable, error.description, retryAfter: 30)), false)
      }
      return (RequestAnswer(Problem(error)), false)
    case .success(let outcomes):
      switch outcomes.first {
      case .refused(let error)?: return (RequestAnswer(Problem(error)), false)
      case .planned(.refused(let error))?: return (RequestAnswer(Problem(error)), false)
      case .planned(.unchanged)?, nil: return (taken("known", order, stamp: nil), false)
      case .planned(.committed(let stamp))?:
        guard wasKnown else { return (taken("taken", order, stamp: "\(stamp)"), true) }
        return (RequestAnswer(contradiction), true)
      }
    }
  }

  private static func taken(_ outcome: String, _ order: RecordID?, stamp: String?) -> RequestAnswer {
    let body = JSONValue.members([
      "outcome": .string(outcome), "order": .string(order.map(Order.identity.text) ?? ""),
      "stamp": stamp.map(JSONValue.string),
    ])
    return RequestAnswer(status: 200, body: JSONText.bytes(body))
  }

  private static let contradiction = Problem(
    .conflict,
    "this receipt was handed in before with other contents: the first stays as it is, and what was sent now is kept beside it as "
      + "a conflict case (GET /v1/conflicts?entity=order)")

  // MARK: Description

  private static func operation(_ name: String, _ kind: Order.Kind) -> OpenAPIOperation {
    let what =
      switch kind {
      case .sale: "Hands in a sale: the order, its lines, payments, coupons, what left the shelf, the points"
      case .return: "Hands in a return; amounts and quantities are negative for what comes back"
      case .void: "Takes a whole receipt back"
      }
    return OpenAPIOperation(
      "/v1/operations/\(name)", id: name, tag: "operations", what, parameters: [keyParameter],
      body: Schema.ref("\(kind.rawValue.capitalised)Receipt"),
      answers: [.init(200, "It is taken, now or before", Schema.ref("ReceiptTaken"))],
      problems: [
        .notHere, .conflict, .notAllowed, .unknownField, .invalidValue, .missingField, .idempotencyKeyMissing,
        .idempotencyKeyReused, .storageFull,
      ])
  }

  static var operationSchemas: [(name: String, schema: JSONValue)] {
    let receipt = Schema.described(Schema.text, "the till's number for it, unique in the shop")
    let key = Schema.described(Schema.text, "a member's number")
    let line = Schema.object(
      [
        "product": Schema.text, "quantity": Schema.integer, "salesCents": Schema.integer,
        "retailDiscountCents": Schema.integer, "couponDiscountCents": Schema.integer,
        "couponMatchDiscountCents": Schema.integer,
      ], optional: ["retailDiscountCents", "couponDiscountCents", "couponMatchDiscountCents"])
    let lines: JSONValue = ["type": "array", "minItems": 1, "items": line]
    let payment = Schema.object([
      "method": Schema.choice(Payment.Method.allCases.map(\.rawValue)), "amountCents": Schema.integer,
    ])
    let redemption = Schema.object(["code": Schema.text, "campaign": Schema.text], optional: ["campaign"])
    return [
      (
        "SaleReceipt",
        Schema.object(
          [
            "kind": ["const": "sale"], "receipt": receipt, "soldAt": Schema.time, "member": key, "lines": lines,
            "payment": payment, "payments": Schema.array(payment), "redemptions": Schema.array(redemption),
          ], optional: ["kind", "member", "payment", "payments", "redemptions"],
          description: "A sale as the till took it; either payment or payments")
      ),
      (
        "ReturnReceipt",
        Schema.object(
          [
            "kind": ["const": "return"], "receipt": receipt, "soldAt": Schema.time,
            "original": Schema.described(Schema.text, "the receipt that it was sold with"),
            "originalSoldAt": Schema.time, "member": key, "lines": lines, "payment": payment,
            "payments": Schema.array(payment),
          ], optional: ["kind", "originalSoldAt", "member", "payment", "payments"], description: "What comes back")
      ),
      (
        "VoidReceipt",
        Schema.object(
          ["kind": ["const": "void"], "receipt": receipt, "soldAt": Schema.time, "original": Schema.text],
          optional: ["kind"], description: "The receipt that is taken back, and when")
      ),
      (
        "ReceiptTaken",
        Schema.object(
          [
            "outcome": Schema.described(Schema.choice(["taken", "known"]), "known: it was handed in before, the same"),
            "order": Schema.described(Schema.text, "the id of its order"), "stamp": Schema.text,
          ], optional: ["stamp"], description: "A receipt that is in the books")
      ),
    ]
  }
}

extension Problem {
  /// What a shop's rules say against a receipt.
  init(_ error: RetailError) {
    switch error.code {
    case .unknownTimeZone, .unreadableTimeZone: self.init(.notAllowed, "the store's time zone: \(error.reason)")
    case .invalidReceipt: self.init(invalid: "receipt", error)
    case .invalidTime: self.init(invalid: "soldAt", error)
    case .invalidMember: self.init(invalid: "member", error)
    case .invalidProduct, .invalidAmount, .noLines: self.init(invalid: "lines", error)
    case .invalidCoupon: self.init(invalid: "redemptions", error)
    case .tooLarge: self.init(.tooLarge, error.reason, at: [.init("lines", error.reason)])
    case .originalUnknown, .originalUnfit, .originalVoided, .originalReturned, .originalNotWhole, .returnedTooMuch,
      .tooManyReturns:
      self.init(.notAllowed, error.reason, at: [.init("original", error.reason)])
    }
  }

  private init(invalid field: String, _ error: RetailError) {
    self.init(.invalidValue, error.reason, at: [.init(field, error.reason)])
  }
}
