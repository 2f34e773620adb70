import CCurl
import Glibc

/// An address that requests may go to, taken apart by the library that will use it.
package struct HTTPAddress: Hashable, Sendable {
  package var scheme: String
  package var host: String

  /// Takes an address apart.
  /// - Parameter allowsPlainHTTP: whether `http://` may lead to another machine.
  package init(_ text: String, allowsPlainHTTP: Bool) throws(HTTPError) {
    guard text.utf8.count <= HTTPLimits.addressBytes else {
      throw HTTPError(
        .badAddress, "an address of \(text.utf8.count) bytes, expected \(HTTPLimits.addressBytes) at the most")
    }
    guard let url = curl_url() else { throw HTTPError(.broken, "there is no memory for an address") }
    defer { curl_url_cleanup(url) }
    let flags = UInt32(CURLU_DISALLOW_USER)
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), curl_url_set(url, CURLUPART_URL, text, flags) == CURLUE_OK,
      let scheme = Self.part(CURLUPART_SCHEME, url), let host = Self.part(CURLUPART_HOST, url),
      scheme == "https" || scheme == "http"
    else {
      throw HTTPError(.badAddress, "expected an address as https://HOST/PATH, without a user's name; found another")
    }
    guard scheme == "https" || allowsPlainHTTP || Self.isLoopback(host) else {
      throw HTTPError(
        .notAllowed, "found http:// to another machine, where anyone on the way can read it; expected https://")
    }
    self.scheme = scheme
    self.host = host
  }

  private static func part(_ part: CURLUPart, _ url: OpaquePointer) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(url, part, &text, 0) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }

  /// Numbers, and the one name that libcurl takes for this machine whatever the resolver says.
  private static func isLoopback(_ host: String) -> Bool {
    var (four, six) = (in_addr(), in6_addr())
    if inet_pton(AF_INET, host, &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
    if host.hasPrefix("["), host.hasSuffix("]"), inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &six) == 1 {
      return withUnsafeBytes(of: six) { $0.elementsEqual([UInt8](repeating: 0, count: 15) + [1]) }
    }
    return host == "localhost"
  }
}
