import Causality
import JSON
import Metrics
package import NodeRuntime

extension APIService {
  /// Under `/v1` as all else, and where Prometheus looks if nobody tells it otherwise.
  var metricsRoutes: [Route] {
    [("/v1/metrics", "getMetrics"), ("/metrics", "scrapeMetrics")].map { path, id in
      Route(
        .get, path, for: .monitor, parameters: ["stores"], [Self.metricsOperation(path, id)],
        handler: Self.answering { [self] request, respond throws(Problem) in
          control.metrics(ofStores: try Self.stores(request)) { result in
            switch result {
            case .success(let text):
              respond(
                HTTPResponse(
                  status: 200, headers: [.init("Content-Type", Exposition.contentType)], body: .bytes(Array(text.utf8)))
              )
            case .failure(let error): respond(.problem(Problem(error)))
            }
          }
        })
    }
  }

  private static func stores(_ request: APIRequest) throws(Problem) -> [NodeNumber] {
    var stores: [NodeNumber] = []
    guard let text = request.query("stores") else { return stores }
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let number = UInt32(part), number > 0, stores.count < MetricLimits.namedStoreCount else {
        let expected =
          "expected numbers of stores, \(MetricLimits.namedStoreCount) at the most, with commas between them"
        throw Problem(.invalidParameter, "stores: \(expected)", at: [.init("stores", expected)])
      }
      stores.append(NodeNumber(number))
    }
    return stores
  }

  private static func metricsOperation(_ path: String, _ id: String) -> OpenAPIOperation {
    OpenAPIOperation(
      path, id: id, tag: "node", "Counters and gauges in the text format of Prometheus",
      parameters: [
        .init(
          "stores", .query, "at HQ: series of their own for these stores, with commas between them",
          ["type": "string", "maxLength": 2_000])
      ],
      answers: [.init(200, "Exposition format 0.0.4", Schema.text, mediaType: Exposition.contentType)],
      problems: [.invalidParameter])
  }
}

/// Counts requests, by the pattern of their route and never by their path.
package struct HTTPMetrics: Sendable {
  private let requests: Counter
  private let seconds: Histogram

  package init(_ registry: MetricRegistry) {
    requests = registry.counter(
      "storesync_http_requests_total", "HTTP requests by method, route and status.",
      labels: ["method", "route", "status"])
    seconds = registry.histogram(
      "storesync_http_request_duration_seconds", "From a request that has come in whole until its answer is ready.",
      bounds: Histogram.secondBounds)
  }

  package func observe(_ outcome: Router.Outcome) {
    requests.add(1, outcome.method, outcome.route, "\(outcome.status)")
    seconds.observe(outcome.seconds)
  }
}
