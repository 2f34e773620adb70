package import Merge
import RecordStore
package import Wire

/// Tells the records that differ between HQ and a store from those that are on their way.
///
/// A record differs if both ends look the same at it twice, each time when the store had nothing to send, and at the second time
/// HQ neither had, since the first: what HQ makes of what the store has sent must have reached the store too. (A record that
/// the store writes for another one is evicted only then.) What the ranges have shown is no such look.
package struct RepeatedLooks: Sendable {
  package struct Found: Sendable {
    package var pair: RangeReconciler.Pair
    package var mine: VerifyAnswer.Look?
    package var theirs: VerifyAnswer.Look?
  }

  package private(set) var found: [RecordKey: Found] = [:]
  /// Seen to differ twice, in the order in which that was seen.
  package private(set) var confirmed: [RecordKey] = []
  /// To be looked at in the next round.
  package private(set) var moved: [RecordKey]
  private var round = 0

  /// - Parameter differences: what the ranges have shown.
  package init(_ differences: [RecordKey: RangeReconciler.Pair]) {
    found = differences.mapValues { Found(pair: $0) }
    moved = found.keys.sorted()
  }

  /// What to look at once more, when all that HQ has for the store is acknowledged; nil if that is enough.
  package mutating func nextRound() -> [RecordKey]? {
    guard !moved.isEmpty, round < VerifyLimits.rounds else { return nil }
    round += 1
    defer { moved = [] }
    return moved
  }

  package mutating func take(_ key: RecordKey, _ mine: VerifyAnswer.Look?, _ theirs: VerifyAnswer.Look?) {
    let pair = RangeReconciler.Pair(mine: mine?.digest, theirs: theirs?.digest)
    let isSame = round > 1 && found[key]?.pair == pair
    found[key] = Found(pair: pair, mine: mine, theirs: theirs)
    guard !pair.isEqual else { return }
    if isSame { confirmed.append(key) } else { moved.append(key) }
  }
}
