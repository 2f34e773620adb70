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
  private let sketch: RangeSketch

  /// - Parameter sketch: what is known of this end's records, so that they need not all be read again.
  package init(_ source: Source, knowing sketch: RangeSketch = RangeSketch()) {
    self.source = source
    self.sketch = sketch
  }

  /// Sums up all that this end has of some entities.
  /// - Returns: a range of each entity, and what is worth knowing for later questions about parts of them.
  package func survey(
    _ entities: [EntityTag]
  ) throws(StoreError) -> (ranges: [VerifyQuestion.Range], sketch: RangeSketch) {
    var ranges: [VerifyQuestion.Range] = []
    var sketch = RangeSketch()
    for entity in entities {
      let range = RecordRange(entity: entity)
      var builder = StretchBuilder(limit: VerifyLimits.stretchesOfSketch)
      try forEach(in: range) { item in
        builder.add(item)
        return true
      }
      ranges.append(VerifyQuestion.Range(range, builder.stretches.summary))
      sketch.note(builder.stretches, of: entity)
    }
    return (ranges, sketch)
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
    // Each end of a part that lies within a stretch has that stretch read.
    if sketch.whole(in: range, atLeast: 2 * parts.count) != nil { return try sketched(range, parts) }
    var summaries = parts.map { _ in RangeSummary() }
    var index = 0
    try forEach(in: range) { item in
      while index + 1 < parts.count, let through = parts[index].through, item.id > through { index += 1 }
      summaries[index].add(item.digest)
      return true
    }
    return summaries
  }

  private func sketched(_ range: RecordRange, _ parts: [VerifyAnswer.Part]) throws(StoreError) -> [RangeSummary] {
    var summaries: [RangeSummary] = []
    var after = range.after
    for part in parts {
      let through = part.through ?? range.through
      let part = RecordRange(entity: range.entity, after: after, through: through)
      after = through
      guard let whole = sketch.whole(in: part, atLeast: 1), let last = whole.stretches.last else {
        summaries.append(try summary(of: part))
        continue
      }
      var sum = whole.stretches.summary
      if part.after != whole.after {
        sum.add(try summary(of: RecordRange(entity: range.entity, after: part.after, through: whole.after)))
      }
      if through != last.through {
        sum.add(try summary(of: RecordRange(entity: range.entity, after: last.through, through: through)))
      }
      summaries.append(sum)
    }
    return summaries
  }

  /// What a store says of a range of which HQ has `theirs`.
  package func finding(_ range: RecordRange, theirs: RangeSummary) throws(StoreError) -> VerifyAnswer.Finding {
    var stretches = StretchBuilder(limit: VerifyLimits.stretchesOfFinding)
    var first: [VerifyAnswer.Item] = []
    try forEach(in: range) { item in
      stretches.add(item)
      if first.count <= VerifyLimits.itemsOfRange { first.append(item) }
      return true
    }
    if stretches.stretches.summary == theirs { return .equal }
    guard first.count > VerifyLimits.itemsOfRange else { return .items(first) }
    return .parts(parts(stretches.stretches))
  }

  /// Stretches put together to parts of about the same size, so that the records need not be read once more.
  private func parts(_ stretches: [RangeStretch]) -> [VerifyAnswer.Part] {
    let count = UInt64(VerifyLimits.partsOfRange)
    let size = (stretches.summary.count + count - 1) / count
    var parts: [VerifyAnswer.Part] = []
    for stretch in stretches {
      if let last = parts.last, last.summary.count < size || parts.count == VerifyLimits.partsOfRange {
        parts[parts.count - 1].summary.add(stretch.summary)
        parts[parts.count - 1].through = stretch.through
      } else {
        parts.append(VerifyAnswer.Part(through: stretch.through, summary: stretch.summary))
      }
    }
    parts[parts.count - 1].through = nil
    return parts
  }
}
