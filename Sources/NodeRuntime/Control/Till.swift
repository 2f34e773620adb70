import Causality
package import RecordStore
package import Retail
package import StoreModel
import Wire

/// What became of one receipt.
package enum ReceiptOutcome: Hashable, Sendable {
  case planned(CommitResult)
  case refused(RetailError)

  var controlValue: CBORValue {
    switch self {
    case .planned(let result): result.controlValue
    case .refused(let error):
      .object(["outcome": .text("refused"), "code": .text(error.code.rawValue), "reason": .text(error.description)])
    }
  }
}

/// Where a shop's receipts come in.
package enum Till {
  /// Plans and commits one receipt after the other, in one transaction: a return finds the sale before it, and no two
  /// can give back the same goods.
  package static func take<Backend>(
    _ receipts: [TillReceipt], _ engine: StoreEngine<Backend>,
    _ commit: (CommitDraft) throws(StoreError) -> CommitResult
  ) throws(StoreError) -> Result<[ReceiptOutcome], ControlError> {
    let node = engine.identity.replica.node
    guard node != .hq else { return .failure(ControlError(.notAllowed, "HQ does not sell; ask a store's node")) }
    guard let store = try engine.shown(Store.self, RecordID(number: node.rawValue)) else {
      return .failure(
        ControlError(.notFound, "this store's own record has not come from HQ yet; let it connect once, then sell"))
    }
    let calendar: BusinessCalendar
    do throws(RetailError) {
      calendar = try BusinessCalendar(timeZone: store.timeZone)
    } catch {
      return .failure(ControlError(.notAllowed, "the store's time zone: \(error)"))
    }
    let planner = ReceiptPlanner(
      engine: engine, shop: SaleContext(store: node.rawValue, calendar: calendar, currency: store.currency))
    var outcomes: [ReceiptOutcome] = []
    for receipt in receipts {
      switch try planner.plan(receipt) {
      case .success(let draft): outcomes.append(.planned(try commit(draft)))
      case .failure(let error): outcomes.append(.refused(error))
      }
    }
    return .success(outcomes)
  }
}
