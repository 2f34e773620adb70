import Base
import Interchange
import JSON
import NodeRuntime
import RecordStore
import StoreModel

/// Declared sums, such as the stock on hand.
extension APIService {
  private var balances: [(declaration: BalanceDeclaration<FieldTag>, entity: EntitySchema)] {
    model.entities.flatMap { entity in entity.balances.map { ($0, entity) } }
  }

  var balanceRoutes: [Route] {
    balances.map { declaration, entity in
      let keys = declaration.keys.compactMap(entity.field)
      return Route(
        .get, "/v1/balances/\(declaration.name)", for: .read, parameters: keys.map(\.name) + ["limit", "after"],
        [Self.balanceOperation(declaration, keys)],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let given = try Self.keys(keys, RecordForm(entity), request)
          let after = try Self.after(keys, given, request)
          let limit = try request.number(
            "limit", in: 1...StoreLimits.queryRecordCount, default: QueryParameters.standardLimit)
          list(declaration.name, keys, RecordForm(entity), BalanceQuery(given, after: after, limit: limit), respond)
        })
    }
  }

  private func list(
    _ name: String, _ keys: [FieldSchema], _ form: RecordForm, _ query: BalanceQuery,
    _ respond: @escaping Route.Respond
  ) {
    gate.read { engine throws(StoreError) -> HTTPResponse in
      guard query.beginning.count < keys.count else {
        let sum = try engine.balance(name, keys: query.beginning)
        return .page([try Self.text(Balance(keys: query.beginning, sum: sum), keys, form)], next: nil)
      }
      var more = query
      more.limit += 1
      let found = try engine.balances(name, more)
      var items: [String] = []
      for balance in found.prefix(query.limit) { items.append(try Self.text(balance, keys, form)) }
      let isLast = found.count <= query.limit
      return .page(items, next: isLast ? nil : Self.cursor(found[query.limit - 1].keys))
    } completion: {
      respond(.result($0))
    }
  }

  private static func text(
    _ balance: Balance, _ keys: [FieldSchema], _ form: RecordForm
  ) throws(StoreError) -> String {
    var members: [String] = []
    for (field, value) in zip(keys, balance.keys) {
      members.append("\(JSONText.quoted(field.name)):\(try form.text(of: value, field))")
    }
    return "{\(members.joined(separator: ",")),\"balance\":\(balance.sum)}"
  }

  // MARK: Parameters

  /// The first keys; one may be given only if all before it are, as the table is in their order.
  private static func keys(
    _ keys: [FieldSchema], _ form: RecordForm, _ request: APIRequest
  ) throws(Problem) -> [Value] {
    var values: [Value] = []
    for (place, field) in keys.enumerated() {
      guard let text = request.query(field.name) else { continue }
      guard values.count == place else {
        let message = "expected \(keys.prefix(place).map(\.name).joined(separator: ", ")) beside it"
        throw Problem(
          .unknownFilter, "\(field.name): \(message)", at: [.init(field.name, message)],
          extra: [.init(name: "allowed", value: .array(keys.map { .string($0.name) }))])
      }
      do throws(MappingError) {
        values.append(try form.value(text, of: field))
      } catch {
        throw Problem(.invalidParameter, "\(field.name): \(error.reason)", at: [.init(field.name, error.reason)])
      }
    }
    return values
  }

  private static func after(
    _ keys: [FieldSchema], _ given: [Value], _ request: APIRequest
  ) throws(Problem) -> [Value]? {
    guard let text = request.query("after") else { return nil }
    guard let values = Hex.decode(text).flatMap(ValueList.read), values.count == keys.count,
      zip(keys, values).allSatisfy({ $0.holds($1) }), Array(values.prefix(given.count)) == given
    else {
      let message = "expected what `next` said to the same question, or nothing to begin anew"
      throw Problem(.invalidParameter, "after: \(message)", at: [.init("after", message)])
    }
    return values
  }

  private static func cursor(_ keys: [Value]) -> String { Hex.encode(ValueList.bytes(keys)) }

  // MARK: Description

  private static func balanceOperation(
    _ declaration: BalanceDeclaration<FieldTag>, _ keys: [FieldSchema]
  ) -> OpenAPIOperation {
    let properties = keys.map {
      JSONObject.Member(name: $0.name, value: $0.type == .integer ? Schema.integer : Schema.text)
    }
    let members = properties + [.init(name: "balance", value: Schema.integer)]
    let item = JSONValue.members([
      "type": "object", "properties": .object(JSONObject(members)),
      "required": .array(members.map { .string($0.name) }), "additionalProperties": false,
    ])
    return OpenAPIOperation(
      "/v1/balances/\(declaration.name)",
      id: "list\(declaration.name.split(separator: "_").map { String($0).capitalised }.joined())",
      tag: "balances",
      "The sums of \(declaration.name) over what this node holds, by \(keys.map(\.name).joined(separator: ", ")), those that are 0 "
        + "included; with all keys, the one sum, 0 if there is none",
      parameters: keys.map { .init($0.name, .query, "needs all before it in this list", Schema.text) }
        + cursorParameters,
      answers: [.init(200, "A page", cursorPage(of: item))], problems: [.unknownFilter, .invalidParameter])
  }
}
