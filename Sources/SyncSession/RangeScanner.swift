package import RecordStore
package import StoreModel
package import Wire

/// Gives the digests of what a node has, in the order of ids, a page at a time.
package protocol DigestSource {
  func digests(of entity: EntityTag, after id: RecordID?) throws(StoreError) -> DigestPage
}

package struct DigestPage: Sendable {
  package var items: [VerifyAnswer.Item]
  /// Where the next page starts; nil if there is none. A page may be empty though there is more.
  package var next: RecordID?

  package init(items: [VerifyAnswer.Item], next: RecordID?) {
    self.items = items
    self.next = next
  }
}

/// Sums up ranges of records, for either end of `verify`.
package struct RangeScanner<Source: DigestSource> {
  private let source: Source

  package init(_ source: Source) {
    self.source = source
  }

  /// - Parameter body: gives false to stop.
  private func forEach(
    in range: RecordRange, _ body: (VerifyAnswer.Item) -> Bool
  ) throws(StoreError) {
    var position = range.after
    while true {
      let page = try source.digests(of: range.entity, after: position)
      for item in page.items {
        if let through = range.through, item.id > through { return }
        if !body(item) { return }
      }
      guard let next = page.next else { return }
      if let through = range.through, next >= through { return }
      position = next
    }
  }

  package func summary(of range: RecordRange) throws(StoreError) -> RangeSummary {
    var summary = RangeSummary()
    try forEach(in: range) { item in
      summary.add(item.digest)
      return true
    }
    return summary
  }

  /// The first records of a range.
  package func items(in range: RecordRange, limit: Int) throws(StoreError) -> [VerifyAnswer.Item] {
    var items: [VerifyAnswer.Item] = []
    guard limit > 0 else { return items }
    try forEach(in: range) { item in
      items.append(item)
      return items.count < limit
    }
    return items
  }

  /// The same range as parts that end where others say.
  package func summaries(of range: RecordRange, parts: [VerifyAnswer.Part]) throws(StoreError) -> [RangeSummary] {
    var summaries = parts.map { _ in RangeSummary() }
    var index = 0
    try forEach(in: range) { item in
      while index + 1 < parts.count, let through = parts[index].through, item.id > through { index += 1 }
      summaries[index].add(item.digest)
      return true
    }
    return summaries
  }

  /// What a store says of a range of which HQ has `theirs`.
  package func finding(_ range: RecordRange, theirs: RangeSummary) throws(StoreError) -> VerifyAnswer.Finding {
    var mine = RangeSummary()
    var first: [VerifyAnswer.Item] = []
    try forEach(in: range) { item in
      mine.add(item.digest)
      if first.count <= VerifyLimits.itemsOfRange { first.append(item) }
      return true
    }
    if mine == theirs { return .equal }
    guard first.count > VerifyLimits.itemsOfRange else { return .items(first) }
    let size = (mine.count + UInt64(VerifyLimits.partsOfRange) - 1) / UInt64(VerifyLimits.partsOfRange)
    var parts = [VerifyAnswer.Part(through: nil, summary: RangeSummary())]
    try forEach(in: range) { item in
      if parts[parts.count - 1].summary.count >= size, parts.count < VerifyLimits.partsOfRange {
        parts.append(VerifyAnswer.Part(through: nil, summary: RangeSummary()))
      }
      parts[parts.count - 1].summary.add(item.digest)
      parts[parts.count - 1].through = item.id
      return true
    }
    parts[parts.count - 1].through = nil
    // Others may have written meanwhile: less than two parts would lead nowhere.
    return parts.count > 1 ? .parts(parts) : .items(Array(first.prefix(VerifyLimits.itemsOfRange)))
  }
}
