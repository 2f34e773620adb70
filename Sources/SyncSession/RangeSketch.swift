import StoreModel
import Wire

/// What one end has, in stretches of neighbouring records, each summed up. HQ keeps it for the time of one `verify`, so that it
/// does not read a range anew for each question about it.
///
/// A sum may be older than what is there by now. It was true once during the same `verify`, as every sum that is compared is: what
/// has changed since is on its way, and what differs is looked at anew anyway (`RepeatedLooks`).
package struct RangeSketch: Sendable {
  private var stretches: [EntityTag: [RangeStretch]] = [:]

  package init() {}

  mutating func note(_ stretches: [RangeStretch], of entity: EntityTag) { self.stretches[entity] = stretches }

  /// The stretches that lie in a range as a whole, neighbours of each other; none if these are too few to spare much reading.
  /// - Parameter count: how many there have to be.
  func whole(in range: RecordRange, atLeast count: Int) -> (after: RecordID?, stretches: ArraySlice<RangeStretch>)? {
    guard let all = stretches[range.entity] else { return nil }
    // The first that begins at the range's beginning or behind it …
    let first = range.after.map { after in all.partitioningIndex { $0.through >= after } + 1 } ?? 0
    // … to the last that ends where the range does or before.
    let end = range.through.map { through in all.partitioningIndex { $0.through > through } } ?? all.count
    guard first < end, end - first >= count else { return nil }
    return (first > 0 ? all[first - 1].through : nil, all[first..<end])
  }
}

/// Records that follow each other, up to and including `through`.
struct RangeStretch: Hashable, Sendable {
  var through: RecordID
  var summary: RangeSummary
}

/// Puts records together into stretches as they come, few or many: of about the same size, and never more than a limit.
struct StretchBuilder {
  private(set) var stretches: [RangeStretch] = []
  /// Records of a stretch; the last may have fewer.
  private var size: UInt64 = 1
  /// Even, so that stretches put together in pairs are all full.
  private let limit: Int

  init(limit: Int) {
    precondition(limit > 0 && limit % 2 == 0, "stretches are put together in pairs")
    self.limit = limit
  }

  mutating func add(_ item: VerifyAnswer.Item) {
    let isFull = stretches.last.map { $0.summary.count >= size } ?? true
    guard isFull else { return extend(with: item) }
    if stretches.count == limit { putTogether() }
    var summary = RangeSummary()
    summary.add(item.digest)
    stretches.append(RangeStretch(through: item.id, summary: summary))
  }

  private mutating func extend(with item: VerifyAnswer.Item) {
    stretches[stretches.count - 1].through = item.id
    stretches[stretches.count - 1].summary.add(item.digest)
  }

  private mutating func putTogether() {
    stretches = stride(from: 1, to: stretches.count, by: 2).map { index in
      var summary = stretches[index - 1].summary
      summary.add(stretches[index].summary)
      return RangeStretch(through: stretches[index].through, summary: summary)
    }
    size *= 2
  }
}

extension RangeSummary {
  mutating func add(_ other: RangeSummary) {
    count += other.count
    sum &+= other.sum
  }
}

extension Sequence<RangeStretch> {
  /// Of all together.
  var summary: RangeSummary {
    reduce(into: RangeSummary()) { $0.add($1.summary) }
  }
}

extension [RangeStretch] {
  /// The first index whose element and all behind it fit.
  fileprivate func partitioningIndex(_ fits: (RangeStretch) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if fits(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
