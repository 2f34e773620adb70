import Base
import Causality
import Merge
import RecordStore
import Retail
import SQLiteStore
import StoreModel
import Wire

extension ControlService {
  /// Turns each sale into one commit group. A receipt that is there already adds nothing if it says the same, and
  /// otherwise becomes a conflict case.
  func sell(_ request: CBORValue, _ completion: @escaping @Sendable (Result<CBORValue, ControlError>) -> Void) {
    let items = request["sales"]?.arrayValue ?? []
    let sales = items.compactMap(Sale.init)
    guard sales.count == items.count else {
      return completion(
        .failure(ControlError(.usage, "a sale that cannot be read; do syncctl and node differ in version?")))
    }
    let gate = gate
    gate.read { engine throws(StoreError) in
      try SalePlanner(engine: engine).plan(sales)
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(.failure(let error)): completion(.failure(error))
      case .success(.success(let plans)):
        gate.commit(plans.compactMap(\.draft)) { committed in
          switch committed {
          case .failure(let error): completion(.failure(ControlError(error)))
          case .success(let results): completion(.success(.array(Self.answers(plans, results))))
          }
        }
      }
    }
  }

  private static func answers(_ plans: [SalePlan], _ results: [CommitResult]) -> [CBORValue] {
    var rest = results[...]
    return plans.map { plan in
      switch plan {
      case .commit: rest.popFirst()?.controlValue ?? .null
      case .refuse(let error):
        .object(["outcome": .text("refused"), "code": .text(error.code.rawValue), "reason": .text(error.description)])
      }
    }
  }
}

/// What is to become of one sale.
enum SalePlan: Sendable {
  case commit(CommitDraft)
  case refuse(RetailError)

  var draft: CommitDraft? { if case .commit(let draft) = self { draft } else { nil } }
}

/// Looks up what selling needs to know.
struct SalePlanner {
  let engine: StoreGate.Engine

  func plan(_ sales: [Sale]) throws(StoreError) -> Result<[SalePlan], ControlError> {
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
    var plans: [SalePlan] = []
    for sale in sales {
      var context = SaleContext(store: node.rawValue, calendar: calendar, currency: store.currency)
      let order = RecordKey(entity: Order.tag, id: sale.orderID(store: node.rawValue))
      if try engine.record(order) == nil {
        context.memberHomeStore = try homeStore(of: sale.member)
        plans.append(plan(sale, context))
      } else {
        plans.append(try planAgain(sale, context))
      }
    }
    return .success(plans)
  }

  private func plan(_ sale: Sale, _ context: SaleContext) -> SalePlan {
    do throws(RetailError) {
      return .commit(try Retail.sell(sale, in: context))
    } catch {
      return .refuse(error)
    }
  }

  /// A receipt that is there already. Its records meet those of the first time, so that a difference becomes a conflict
  /// case; what the first time did not have is left out, so that no sum changes.
  private func planAgain(_ sale: Sale, _ context: SaleContext) throws(StoreError) -> SalePlan {
    guard case .commit(let draft) = plan(sale, context) else { return plan(sale, context) }
    var context = context
    // The member's home store as it was then: it may have changed since, which is no difference of the receipt.
    for write in draft.writes where write.entity == PointsEntry.tag {
      context.memberHomeStore = try engine.shown(PointsEntry.self, write.id)?.homeStore
    }
    guard case .commit(var again) = plan(sale, context) else { return plan(sale, context) }
    var known: [RecordWrite] = []
    for write in again.writes where try engine.record(RecordKey(entity: write.entity, id: write.id)) != nil {
      known.append(write)
    }
    again.writes = known
    return .commit(again)
  }

  private func homeStore(of member: String?) throws(StoreError) -> RecordID? {
    guard let member else { return nil }
    return try engine.shown(Member.self, RecordID(key: member))?.homeStore
  }
}

extension StoreEngine<SQLiteBackend> {
  /// A record as its entity's own type; nil if it is not there, deleted, or lacks what the type needs.
  func shown<E: Entity>(_ entity: E.Type, _ id: RecordID) throws(StoreError) -> E? {
    guard let schema = model.entity(E.tag), let state = try record(RecordKey(entity: E.tag, id: id)),
      !state.isDeleted(schema.deletion)
    else { return nil }
    let source = FieldSource<E.Field>(schema) { tag in schema.field(tag).map { state.shown($0, schema) } }
    return try? E(id: id, reading: source)
  }
}
