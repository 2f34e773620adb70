import Base
package import JSON
package import NodeRuntime

/// A request that was understood so far: whose it is, and which resource it is about.
package struct APIRequest: Sendable {
  package var http: HTTPRequest
  /// What stands in the path for each name of the route's pattern, unescaped.
  package var path: [String: String]
  package var token: APIToken

  package init(_ http: HTTPRequest, path: [String: String], token: APIToken) {
    self.http = http
    self.path = path
    self.token = token
  }

  /// The last value of a parameter behind the question mark.
  package func query(_ name: String) -> String? { http.query.last { $0.name == name }?.value }

  /// A whole number behind the question mark.
  package func number(_ name: String, in range: ClosedRange<Int>, default standard: Int) throws(Problem) -> Int {
    guard let text = query(name) else { return standard }
    guard let number = Int(text), range.contains(number), String(number) == text else {
      throw Problem(
        .invalidParameter, "\(name): expected a whole number from \(range.lowerBound) to \(range.upperBound)",
        at: [.init(name, "expected a whole number from \(range.lowerBound) to \(range.upperBound)")])
    }
    return number
  }

  package func boolean(_ name: String) throws(Problem) -> Bool {
    switch query(name) {
    case nil, "false"?: return false
    case "true"?: return true
    default:
      throw Problem(
        .invalidParameter, "\(name): expected true or false", at: [.init(name, "expected true or false")])
    }
  }

  /// The body, which is one JSON object.
  package func object() throws(Problem) -> JSONObject {
    let type = http.header("content-type").map { $0.prefix { $0 != ";" }.filter { $0 != " " }.lowercased() }
    guard type == "application/json" || type?.hasSuffix("+json") ?? false else {
      throw Problem(
        .unsupportedMediaType,
        "found a body of the type \(type ?? "that is not said"), expected Content-Type: application/json")
    }
    let value: JSONValue
    do throws(ByteError) {
      value = try JSONParser.parse(http.body[...])
    } catch {
      throw Problem(.badRequest, "the body is no JSON: at byte \(error.offset): \(error.reason)")
    }
    guard case .object(let object) = value else {
      throw Problem(.badRequest, "found \(value.kindName) as the body, expected an object")
    }
    return object
  }
}

extension HTTPResponse {
  package static let json = "application/json"

  package static func json(
    _ value: JSONValue, status: Int = 200, headers: [HTTPRequest.Parameter] = []
  ) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: [.init("Content-Type", json)] + headers, body: .bytes(JSONText.bytes(value)))
  }

  package static func problem(_ problem: Problem) -> HTTPResponse { problem.response }
}
