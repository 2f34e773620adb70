package import Transport

/// Where a store tries HQ.
package struct HQAddresses: Hashable, Sendable {
  /// In the order in which they are tried: from the join code, by `set-hq`, or as HQ has told.
  package var list: [Endpoint]
  /// HQ's number for the list; 0 if it is not HQ's.
  package var version: UInt64 = 0
  /// Where the last link came about. It is tried first, and also once it is in no list any more, until another has worked: a list
  /// with a slip in it must not cut a store off.
  package var working: Endpoint?

  package init(list: [Endpoint]) {
    self.list = list
  }

  /// Each once.
  package var inOrder: [Endpoint] {
    var order: [Endpoint] = []
    for endpoint in (working.map { [$0] } ?? []) + list where !order.contains(endpoint) { order.append(endpoint) }
    return order
  }
}

/// One attempt after the other at HQ's addresses, until each was tried once, and what was found at each.
struct ConnectRound {
  /// What an attempt found, from the least telling on: HQ's own word says more than a wrong server there, and that more than
  /// silence.
  enum Weight: Int, Comparable {
    case unreachable, wrongServer, answered

    static func < (first: Weight, second: Weight) -> Bool { first.rawValue < second.rawValue }
  }

  private struct Problem {
    var endpoint: Endpoint
    var weight: Weight
    var text: String
  }

  private var untried: ArraySlice<Endpoint>
  private var problems: [Problem] = []
  /// When the refusals of this round ask to be left alone until.
  private(set) var retryAfter: Int64 = 0

  init(_ addresses: HQAddresses) {
    untried = addresses.inOrder[...]
  }

  var isOver: Bool { untried.isEmpty }
  mutating func next() -> Endpoint? { untried.popFirst() }

  mutating func failed(_ endpoint: Endpoint, _ weight: Weight, _ text: String, retryAfter: Int64 = 0) {
    problems.append(Problem(endpoint: endpoint, weight: weight, text: text))
    self.retryAfter = max(self.retryAfter, retryAfter)
  }

  /// The problem that tells most; of equals the first.
  var problem: String? {
    var best: Problem?
    for problem in problems where problem.weight > best?.weight ?? .unreachable || best == nil { best = problem }
    return best.map { "HQ at \($0.endpoint): \($0.text)" }
  }

  /// All of them, for the log.
  var all: String { problems.map { "HQ at \($0.endpoint): \($0.text)" }.joined(separator: "; ") }
}

extension TransportError {
  var weight: ConnectRound.Weight {
    switch code {
    case .tls, .pinMismatch: .wrongServer
    default: .unreachable
    }
  }
}
