package import JSON
import NodeRuntime
import SyncSession

/// The description of the API (OpenAPI 3.1), made from the routes and the model.
package enum OpenAPIDocument {
  /// - Parameter schemas: what the operations refer to, by name; ascending in the document.
  package static func make(_ routes: [Route], schemas: [(name: String, schema: JSONValue)]) -> JSONValue {
    var paths: [(path: String, methods: [JSONObject.Member])] = []
    for route in routes {
      for operation in route.operations {
        let member = JSONObject.Member(name: route.method.rawValue.lowercased(), value: value(of: operation, route))
        if let index = paths.firstIndex(where: { $0.path == operation.path }) {
          paths[index].methods.append(member)
        } else {
          paths.append((operation.path, [member]))
        }
      }
    }
    let components = (schemas + [("Problem", problem)]).sorted { $0.name < $1.name }
    return .members([
      "openapi": "3.1.0",
      "info": [
        "title": "StoreSync",
        "version": .string("1"),
        "summary": "A node's records over HTTP",
        "description": .string(
          "Money is in minor units of the currency of the store or the order, quantities in the product's unit, both whole "
            + "numbers. Ids, stamps and cursors are opaque. Answers only ever gain members."),
      ],
      "servers": .array([["url": "/"]]),
      "security": .array([["token": .array([])]]),
      "paths": .object(
        JSONObject(
          paths.sorted { $0.path < $1.path }.map {
            JSONObject.Member(name: $0.path, value: .object(JSONObject($0.methods)))
          })),
      "components": [
        "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
        "schemas": .object(JSONObject(components.map { JSONObject.Member(name: $0.name, value: $0.schema) })),
      ],
    ])
  }

  // MARK: Operations

  private static func value(of operation: OpenAPIOperation, _ route: Route) -> JSONValue {
    .members([
      "operationId": .string(operation.id), "tags": .array([.string(operation.tag)]),
      "summary": .string(operation.summary),
      "description": route.needsToken
        ? .string("Needs a token with the role \(route.role.rawValue), or one above it.") : nil,
      "security": route.needsToken ? nil : .array([]),
      "parameters": operation.parameters.isEmpty ? nil : .array(operation.parameters.map(value)),
      "requestBody": operation.body.map {
        ["required": true, "content": [HTTPResponse.json: ["schema": $0]]]
      },
      "responses": .object(JSONObject(answers(of: operation, route))),
    ])
  }

  private static func value(of parameter: OpenAPIOperation.Parameter) -> JSONValue {
    [
      "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
      "description": .string(parameter.description), "required": .bool(parameter.isRequired),
      "schema": parameter.schema,
    ]
  }

  private static func answers(of operation: OpenAPIOperation, _ route: Route) -> [JSONObject.Member] {
    var answers: [(status: Int, value: JSONValue)] = []
    for status in Set(operation.answers.map(\.status)).sorted() {
      answers.append((status, value(of: operation.answers.filter { $0.status == status })))
    }
    let codes = problems(of: operation, route)
    for status in Set(codes.map(\.status)).sorted() where !answers.contains(where: { $0.status == status }) {
      let titles = codes.filter { $0.status == status }.map { "`\($0.rawValue)`: \($0.title)" }
      let names = codes.filter { $0.status == status }.map { JSONValue.string($0.rawValue) }
      answers.append((status, problemAnswer(titles.joined(separator: "; "), names)))
    }
    // The library itself says so, before there is a request to route.
    for (status, part) in [(414, "path and parameters"), (431, "header fields")] {
      let words = "The \(part) make the head of the request larger than \(APILimits.headBytes) bytes"
      answers.append((status, ["description": .string(words)]))
    }
    return answers.sorted { $0.status < $1.status }.map { .init(name: String($0.status), value: $0.value) }
  }

  private static func value(of answers: [OpenAPIOperation.Answer]) -> JSONValue {
    let headers = answers.flatMap(\.headers).map { header in
      JSONObject.Member(
        name: header.name, value: ["description": .string(header.description), "schema": header.schema])
    }
    let contents = answers.compactMap { answer in
      answer.schema.map { JSONObject.Member(name: answer.mediaType, value: ["schema": $0]) }
    }
    return .members([
      "description": .string(answers.map(\.description).joined(separator: "; ")),
      "headers": headers.isEmpty ? nil : .object(JSONObject(headers)),
      "content": contents.isEmpty ? nil : .object(JSONObject(contents)),
    ])
  }

  /// Those of the operation, and those that any may meet.
  private static func problems(of operation: OpenAPIOperation, _ route: Route) -> [ProblemCode] {
    var codes = Set(operation.problems)
    codes.formUnion([.badRequest, .unavailable, .storageFailed])
    if route.needsToken { codes.formUnion([.unauthorized, .forbidden, .rateLimited]) }
    if route.parameters != nil { codes.insert(.unknownParameter) }
    // Any request may have a body, wanted or not, and it may be too large.
    codes.insert(.tooLarge)
    if operation.body != nil { codes.insert(.unsupportedMediaType) }
    return ProblemCode.allCases.filter(codes.contains)
  }

  private static func problemAnswer(_ description: String, _ codes: [JSONValue]) -> JSONValue {
    [
      "description": .string(description),
      "content": [
        Problem.mediaType: [
          "schema": ["allOf": .array([Schema.ref("Problem"), ["properties": ["code": ["enum": .array(codes)]]]])]
        ]
      ],
    ]
  }

  private static let problem = Schema.object(
    [
      "type": Schema.text, "title": Schema.text, "status": Schema.integer,
      "code": Schema.choice(ProblemCode.allCases.map(\.rawValue)), "detail": Schema.text,
      "errors": Schema.array(Schema.object(["field": Schema.text, "message": Schema.text])),
      "start": Schema.described(Schema.text, "where to go on, if a cursor is of no use any more"),
      "allowed": Schema.described(Schema.array(Schema.text), "what could have stood there"),
    ], optional: ["errors", "start", "allowed"], description: "What went wrong (RFC 9457)")
}
