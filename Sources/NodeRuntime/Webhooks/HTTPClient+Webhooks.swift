import Base
package import HTTPClient

extension HTTPClient: WebhookPosting {
  package func post(
    _ body: [UInt8], to address: String, headers: [(name: String, value: String)], allowsPlainHTTP: Bool,
    timeoutMilliseconds: Int64, answerLimitBytes: Int, completion: @escaping @Sendable (WebhookOutcome) -> Void
  ) -> @Sendable () -> Void {
    let request = HTTPClientRequest(
      "POST", address, headers: headers.map { HTTPClientRequest.Header($0.name, $0.value) }, body: body,
      timeoutMilliseconds: timeoutMilliseconds, answerLimitBytes: answerLimitBytes, allowsPlainHTTP: allowsPlainHTTP)
    let call = send(request) { result in
      switch result {
      case .success(let answer):
        completion(.answered(status: answer.status, retryAfter: answer.retryAfterMilliseconds))
      case .failure(let error): completion(.failed("\(error.code.rawValue): \(error)"))
      }
    }
    return { call.cancel() }
  }
}

extension HTTPClientAnswer {
  /// Only as seconds: the other form, a date, is of a clock that may be wrong.
  fileprivate var retryAfterMilliseconds: Int64? {
    header("retry-after").flatMap { Int64($0) }.flatMap { (0...1_000_000_000).contains($0) ? $0 * 1_000 : nil }
  }
}
