package import Base
import JSON
package import NodeRuntime
import RecordStore
package import StoreModel
import Wire

/// A node's resources over HTTP. Each area adds its routes and the schemas that they refer to in a file of its own.
package final class APIService: Sendable {
  package let control: ControlService
  package var gate: StoreGate { control.gate }
  package var model: Model { control.gate.model }
  package var log: LogSink { control.node.log }

  /// Those who wait for changes.
  let followers = ChangeFollowers()
  let changeForm: ChangeForm

  package init(_ control: ControlService) {
    self.control = control
    changeForm = ChangeForm(control.gate.model)
  }

  /// The node stops: nobody waits for changes any longer.
  package func stop() { followers.end() }

  /// All that there is; a path belongs to the first that fits.
  package var routes: [Route] {
    let records = recordRoutes + commitRoutes + operationRoutes + balanceRoutes
    let people = conflictRoutes + parkedRoutes + upkeepRoutes
    let resources = statusRoutes + metricsRoutes + entityRoutes + records + changeRoutes + people
    return resources + [descriptionRoute(of: resources)]
  }

  private static let schemas =
    statusSchemas + entitySchemas + recordSchemas + operationSchemas + conflictSchemas + parkedSchemas
    + upkeepSchemas

  /// The description needs no token: it says nothing of what the node holds.
  private func descriptionRoute(of resources: [Route]) -> Route {
    let document = OpenAPIDocument.make(
      resources, schemas: Self.schemas + entityRecordSchemas + changeSchemas)
    let answer = HTTPResponse.json(document, headers: [.init("Cache-Control", "public, max-age=300")])
    return Route(.get, "/openapi.json", for: .monitor, needsToken: false, []) { _, respond in respond(answer) }
  }

  /// Asks the control service, as `syncctl` does.
  func ask(
    _ operation: String, _ arguments: [(String, CBORValue)] = [], _ respond: @escaping Route.Respond,
    status: Int = 200, _ change: @escaping @Sendable (JSONValue) -> Result<JSONValue, Problem> = { .success($0) }
  ) {
    let pairs = [("operation", CBORValue.text(operation))] + arguments
    control.handle(.map(pairs.map { CBORValue.Pair(.text($0.0), $0.1) })) { result in
      switch result {
      case .failure(let error): respond(.problem(Problem(error)))
      case .success(let value):
        switch change(JSONValue(value).withoutSchemaNumber) {
        case .success(let json): respond(.json(json, status: status))
        case .failure(let problem): respond(.problem(problem))
        }
      }
    }
  }

  /// The entity that a path names.
  func entity(_ request: APIRequest) throws(Problem) -> EntitySchema {
    let name = request.path["entity"] ?? ""
    guard let entity = model.entity(named: name) else {
      let known = model.entities.map(\.name)
      throw Problem(
        .unknownEntity, "found the entity “\(name.prefix(64))”, expected one of: \(known.joined(separator: ", "))",
        extra: [.init(name: "allowed", value: .array(known.map(JSONValue.string)))])
    }
    return entity
  }

  /// The id that a path names.
  func id(_ request: APIRequest, of entity: EntitySchema) throws(Problem) -> RecordID {
    do throws(IdentityError) {
      return try entity.identity.parse(request.path["id"] ?? "")
    } catch {
      throw Problem(
        .invalidParameter, "id: expected \(error.expected)", at: [.init("id", "expected \(error.expected)")])
    }
  }

  /// Runs a handler that may find fault with the request.
  static func answering(
    _ body: @escaping @Sendable (APIRequest, @escaping Route.Respond) throws(Problem) -> Void
  ) -> Route.Handler {
    { request, respond in
      do throws(Problem) {
        try body(request, respond)
      } catch {
        respond(.problem(error))
      }
    }
  }
}
