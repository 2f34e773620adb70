import Dispatch
import Glibc

/// Names to addresses. A name is looked up anew each time: HQ may move.
enum Resolver {
  /// Looks `endpoint` up without blocking the caller, and answers on `queue`.
  ///
  /// `getaddrinfo` blocks for as long as the name servers please and can't be cancelled: a caller with a time limit lets go of
  /// the answer. Numeric addresses need no look-up and no thread.
  static func resolve(
    _ endpoint: Endpoint, queue: DispatchQueue, places: LookupPlaces = .shared,
    completion: @escaping @Sendable (Result<[SocketAddress], TransportError>) -> Void
  ) {
    if case .success(let addresses) = lookUp(endpoint, flags: AI_NUMERICHOST) {
      queue.async { completion(.success(addresses)) }
      return
    }
    guard places.enter() else {
      let error = TransportError(
        .resolve, "\(Limits.lookups) look-ups of names are unanswered; expected the name server to answer: check DNS")
      queue.async { completion(.failure(error)) }
      return
    }
    // A serial queue of its own gets a thread of its own: the shared pool is as wide as the machine and must not be blocked.
    DispatchQueue(label: "storesync.resolve").async {
      let result = lookUp(endpoint, flags: 0)
      places.leave()
      queue.async { completion(result) }
    }
  }

  /// Looks up at once. Blocks, unless `flags` has `AI_NUMERICHOST`.
  static func lookUp(_ endpoint: Endpoint, flags: Int32) -> Result<[SocketAddress], TransportError> {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = flags | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list)
    guard code == 0 else {
      let reason = gai_strerror(code).map { String(cString: $0) } ?? "code \(code)"
      return .failure(
        TransportError(
          .resolve,
          "found no address for \(endpoint.host): \(reason); check the name, and this machine's DNS and network"))
    }
    defer { freeaddrinfo(list) }
    return .success(addresses(in: list))
  }

  /// The first of them, in the system's order of preference.
  static func addresses(in list: UnsafeMutablePointer<addrinfo>?) -> [SocketAddress] {
    var addresses: [SocketAddress] = []
    var next = list
    while let info = next, addresses.count < Limits.addresses {
      if let address = info.pointee.ai_addr {
        addresses.append(SocketAddress(copying: address, length: info.pointee.ai_addrlen))
      }
      next = info.pointee.ai_next
    }
    return addresses
  }
}
