import CCurl
import Glibc

/// One request on its way, with what has come of the answer so far.
///
/// Touched by the client's loop only (`@unchecked Sendable`), and by libcurl's callbacks, which that calls.
final class HTTPTransfer: @unchecked Sendable {
  let request: HTTPClientRequest
  private let completion: @Sendable (Result<HTTPClientAnswer, HTTPError>) -> Void
  private(set) var handle: UnsafeMutableRawPointer?
  private var list: UnsafeMutablePointer<curl_slist>?
  private let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private var headers: [HTTPClientRequest.Header] = []
  private var headerBytes = 0
  private var body: [UInt8] = []
  private var isTooLarge = false

  init(_ request: HTTPClientRequest, _ completion: @escaping @Sendable (Result<HTTPClientAnswer, HTTPError>) -> Void) {
    self.request = request
    self.completion = completion
    message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    if let handle { curl_easy_cleanup(handle) }
    curl_slist_free_all(list)
    message.deallocate()
  }

  /// Makes libcurl's handle of the request.
  func prepare() throws(HTTPError) -> UnsafeMutableRawPointer {
    let address = try HTTPAddress(request.address, allowsPlainHTTP: request.allowsPlainHTTP)
    guard let handle = curl_easy_init() else { throw HTTPError(.broken, "there is no memory for a request") }
    self.handle = handle
    let isSet = [
      setAddress(address, handle), setLimits(handle), setMethod(handle), setHeaders(handle), setSinks(handle),
    ].allSatisfy(\.self)
    guard isSet else { throw HTTPError(.broken, "this machine's libcurl lacks something that a request needs") }
    return handle
  }

  private func setAddress(_ address: HTTPAddress, _ handle: UnsafeMutableRawPointer) -> Bool {
    var options: [(CURLoption, String)] = [(CURLOPT_URL, request.address), (CURLOPT_PROTOCOLS_STR, address.scheme)]
    // What is not encrypted stays on the machine that was meant: no proxy of the environment's takes it elsewhere.
    if address.scheme == "http" { options.append((CURLOPT_PROXY, "")) }
    if let file = request.trusting { options.append((CURLOPT_CAINFO, file)) }
    return options.allSatisfy { storesync_curl_set_text(handle, $0.0, $0.1) == CURLE_OK }
  }

  private func setLimits(_ handle: UnsafeMutableRawPointer) -> Bool {
    let timeout = Int(clamping: max(request.timeoutMilliseconds, 1))
    let options: [(CURLoption, Int)] = [
      // A redirection is an answer as any other: whoever wants to follow it asks again.
      (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_SSL_VERIFYPEER, 1), (CURLOPT_SSL_VERIFYHOST, 2),
      (CURLOPT_TIMEOUT_MS, timeout),
      (CURLOPT_CONNECTTIMEOUT_MS, min(timeout, Int(HTTPLimits.connectMilliseconds))),
      // Time-outs of the resolver come without signals, which would be the program's.
      (CURLOPT_NOSIGNAL, 1), (CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)),
    ]
    return options.allSatisfy { storesync_curl_set_number(handle, $0.0, $0.1) == CURLE_OK }
  }

  private func setMethod(_ handle: UnsafeMutableRawPointer) -> Bool {
    if let body = request.body {
      // libcurl copies it: the size comes first.
      guard storesync_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)) == CURLE_OK,
        body.withUnsafeBytes({ bytes in
          let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress) ?? UnsafeMutableRawPointer(message)
          return storesync_curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, start)
        }) == CURLE_OK
      else { return false }
    } else if request.method == "HEAD" {
      return storesync_curl_set_number(handle, CURLOPT_NOBODY, 1) == CURLE_OK
    }
    return storesync_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method) == CURLE_OK
  }

  private func setHeaders(_ handle: UnsafeMutableRawPointer) -> Bool {
    // Without a value, a header of libcurl's own is left out: nobody is asked first whether a body may come.
    for line in request.headers.map({ "\($0.name): \($0.value)" }) + ["Expect:"] {
      guard !line.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 }), let longer = curl_slist_append(list, line) else {
        return false
      }
      list = longer
    }
    return storesync_curl_set_list(handle, CURLOPT_HTTPHEADER, list) == CURLE_OK
  }

  private func setSinks(_ handle: UnsafeMutableRawPointer) -> Bool {
    let context = Unmanaged.passUnretained(self).toOpaque()
    return storesync_curl_set_sink(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      HTTPTransfer.of(context).take(bytes, size * count)
    } == CURLE_OK
      && storesync_curl_set_sink(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
        HTTPTransfer.of(context).takeHeader(bytes, size * count)
      } == CURLE_OK
      && [CURLOPT_WRITEDATA, CURLOPT_HEADERDATA].allSatisfy {
        storesync_curl_set_pointer(handle, $0, context) == CURLE_OK
      }
      && storesync_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, message) == CURLE_OK
  }

  private static func of(_ context: UnsafeMutableRawPointer?) -> HTTPTransfer {
    guard let context else { preconditionFailure("the context is set with the callback") }
    return Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
  }

  // MARK: What comes

  /// - Returns: how many bytes were taken; fewer end the transfer.
  private func take(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    guard body.count + count <= request.answerLimitBytes else {
      isTooLarge = true
      return 0
    }
    if let bytes { body += UnsafeRawBufferPointer(start: bytes, count: count) }
    return count
  }

  private func takeHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    headerBytes += count
    guard headerBytes <= HTTPLimits.headerBytes, let bytes else {
      isTooLarge = true
      return 0
    }
    let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      // An answer before the answer (100 Continue, or a proxy's) has headers of its own.
      headers = []
    } else if let colon = line.firstIndex(of: ":") {
      let value = line[line.index(after: colon)...]
      headers.append(HTTPClientRequest.Header(line[..<colon].lowercased(), Self.trimmed(value)))
    }
    return count
  }

  private static func trimmed(_ text: Substring) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0.isNewline }
    var text = text.drop(while: isBlank)
    while text.last.map(isBlank) ?? false { text.removeLast() }
    return String(text)
  }

  // MARK: The end

  func finish(_ result: CURLcode) {
    guard result == CURLE_OK, let handle else { return completion(.failure(error(result))) }
    var status = 0
    storesync_curl_get_number(handle, CURLINFO_RESPONSE_CODE, &status)
    completion(.success(HTTPClientAnswer(status: status, headers: headers, body: body)))
  }

  func fail(_ error: HTTPError) { completion(.failure(error)) }

  private func error(_ result: CURLcode) -> HTTPError {
    if isTooLarge {
      return HTTPError(
        .tooLarge,
        "the answer is larger than \(request.answerLimitBytes) bytes, or its headers than \(HTTPLimits.headerBytes)")
    }
    let text = String(cString: message)
    return HTTPError(Self.code(result), text.isEmpty ? String(cString: curl_easy_strerror(result)) : text)
  }

  private static func code(_ result: CURLcode) -> HTTPError.Code {
    switch result {
    case CURLE_OPERATION_TIMEDOUT: .timedOut
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT: .unreachable
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
      .untrusted
    // The scheme has been looked at before: what is unsupported is what the server speaks.
    case CURLE_URL_MALFORMAT: .badAddress
    default: .broken
    }
  }
}
