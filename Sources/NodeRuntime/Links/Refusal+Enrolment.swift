package import Causality
import SyncSession
package import Wire

extension Refusal {
  /// Why a store in this state is kept out; nil if it is not.
  package init?(ofStore node: NodeNumber, in state: Enrolment.State) {
    switch state {
    case .active: return nil
    case .revoked:
      self.init(
        .revoked,
        "HQ has revoked store \(node): it can go on selling here, but nothing is exchanged with HQ any more; ask HQ for a new join code",
        retryAfter: Self.closedRetryMilliseconds)
    case .retired:
      self.init(
        .retired, "HQ has retired store \(node): nothing is exchanged with it any more, and nothing waits for it",
        retryAfter: Self.closedRetryMilliseconds)
    }
  }

  /// A store that is kept out asks again now and then, in case HQ changes its mind.
  static let closedRetryMilliseconds = StoreHistory.closedRetryMilliseconds
}
