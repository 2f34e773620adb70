package import Merge
package import RecordStore
import StoreModel
package import Wire

/// Finds the records in which two nodes differ, by summing up ranges and splitting those that are not equal: range-based set
/// reconciliation (Meyer, “Range-Based Set Reconciliation”, 2022). What it costs to send grows with the differences, and with the
/// logarithm of the number of records.
///
/// This is HQ's side, a pure value: questions out, answers in. The store's side has no memory: `RangeScanner.finding`.
package struct RangeReconciler: Sendable {
  /// What each end has of a record; nil where it has none.
  package struct Pair: Hashable, Sendable {
    package var mine: RecordDigest?
    package var theirs: RecordDigest?

    package init(mine: RecordDigest?, theirs: RecordDigest?) {
      self.mine = mine
      self.theirs = theirs
    }

    package var isEqual: Bool { mine == theirs }
  }

  private var waiting: [VerifyQuestion.Range]
  private var asked: [VerifyQuestion.Range] = []
  private var questions: UInt64 = 0
  package private(set) var differences: [RecordKey: Pair] = [:]
  /// There are more differences than one run takes on.
  package private(set) var isCutShort = false

  /// - Parameter ranges: what this node has, an entity each.
  package init(_ ranges: [VerifyQuestion.Range]) {
    waiting = ranges.reversed()
  }

  package var isDone: Bool { waiting.isEmpty && asked.isEmpty }

  /// The next ranges to ask about; nil if there are none.
  package mutating func next() -> [VerifyQuestion.Range]? {
    guard asked.isEmpty, !waiting.isEmpty else { return nil }
    questions += 1
    let count = min(waiting.count, VerifyLimits.rangesOfQuestion)
    asked = waiting.suffix(count).reversed()
    waiting.removeLast(count)
    return asked
  }

  /// Takes the answer to what `next` gave last.
  /// - Returns: what is wrong with it, if it is no answer to that.
  package mutating func take(
    _ findings: [VerifyAnswer.Finding], scanning scanner: RangeScanner<some DigestSource>
  ) throws(StoreError) -> String? {
    let ranges = asked
    asked = []
    guard findings.count == ranges.count else { return "found \(findings.count) findings for \(ranges.count) ranges" }
    guard questions < VerifyLimits.questions else { return "the answers of \(questions) questions lead to no end" }
    for (asked, finding) in zip(ranges, findings) {
      switch finding {
      case .equal: break
      case .items(let items):
        guard items.ascend(in: asked.range) else { return "found records that are out of order or out of their range" }
        try compare(items, in: asked.range, scanner)
      case .parts(let parts):
        guard parts.ascend(in: asked.range) else { return "found parts that do not make up their range" }
        try split(asked.range, parts, scanner)
      }
      guard !isCutShort else {
        waiting = []
        return nil
      }
    }
    return nil
  }

  private mutating func split(
    _ range: RecordRange, _ parts: [VerifyAnswer.Part], _ scanner: RangeScanner<some DigestSource>
  ) throws(StoreError) {
    let mine = try scanner.summaries(of: range, parts: parts)
    var after = range.after
    var unequal: [VerifyQuestion.Range] = []
    for (part, summary) in zip(parts, mine) {
      let through = part.through ?? range.through
      if part.summary != summary {
        unequal.append(
          VerifyQuestion.Range(RecordRange(entity: range.entity, after: after, through: through), summary))
      }
      after = through
    }
    waiting += unequal.reversed()
  }

  private mutating func compare(
    _ theirs: [VerifyAnswer.Item], in range: RecordRange, _ scanner: RangeScanner<some DigestSource>
  ) throws(StoreError) {
    // More than both limits together would not be taken in anyway.
    let mine = try scanner.items(in: range, limit: VerifyLimits.differences + VerifyLimits.itemsOfRange + 1)
    var pairs: [RecordID: Pair] = [:]
    for item in mine { pairs[item.id] = Pair(mine: item.digest, theirs: nil) }
    for item in theirs { pairs[item.id, default: Pair(mine: nil, theirs: nil)].theirs = item.digest }
    for id in pairs.keys.sorted() {
      guard let pair = pairs[id], !pair.isEqual else { continue }
      guard differences.count < VerifyLimits.differences else {
        isCutShort = true
        return
      }
      differences[RecordKey(entity: range.entity, id: id)] = pair
    }
  }
}

extension [VerifyAnswer.Item] {
  fileprivate func ascend(in range: RecordRange) -> Bool {
    count <= VerifyLimits.itemsOfRange && allSatisfy { range.contains($0.id) }
      && zip(self, dropFirst()).allSatisfy { $0.id < $1.id }
  }
}

extension [VerifyAnswer.Part] {
  fileprivate func ascend(in range: RecordRange) -> Bool {
    let bounds = dropLast().compactMap(\.through)
    return (2...VerifyLimits.partsOfRange).contains(count) && last?.through == nil && bounds.count == count - 1
      && bounds.allSatisfy { range.contains($0) && $0 != range.through }
      && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }
  }
}
