import Base
import Merge
import RecordStore
import StoreModel
import SyncSession
import Testing
import Wire

/// Records of one end, in memory.
private struct Records: DigestSource {
  var items: [VerifyAnswer.Item]
  var pageCount = 100

  func digests(of entity: EntityTag, after id: RecordID?) -> DigestPage {
    var (low, high) = (0, items.count)
    while let id, low < high {
      let middle = (low + high) / 2
      if items[middle].id <= id { low = middle + 1 } else { high = middle }
    }
    let page = Array(items[low...].prefix(pageCount))
    return DigestPage(items: page, next: page.count < pageCount ? nil : page.last?.id)
  }
}

@Suite struct ReconcilerTests {
  private static let entity = EntityTag(7)

  private struct Outcome {
    var differences: [RecordKey: RangeReconciler.Pair]
    var questions = 0
    var bytes = 0
    var isCutShort = false
    var problem: String?
  }

  /// Lets one end ask and the other answer until all is said.
  /// - Parameter before: what HQ had when it began; nil for the same.
  private func run(
    hq: Records, before: Records? = nil, isSketched: Bool = true, store: Records,
    answering: (VerifyAnswer.Finding) -> VerifyAnswer.Finding = { $0 }
  ) throws -> Outcome {
    let survey = try RangeScanner(before ?? hq).survey([Self.entity])
    let mine = RangeScanner(hq, knowing: isSketched ? survey.sketch : RangeSketch())
    let theirs = RangeScanner(store)
    var reconciler = RangeReconciler(survey.ranges)
    var outcome = Outcome(differences: [:])
    while let ranges = reconciler.next() {
      outcome.questions += 1
      var answer = VerifyAnswer(number: 1)
      for asked in ranges { answer.findings.append(answering(try theirs.finding(asked.range, theirs: asked.summary))) }
      outcome.bytes += Message.verify(VerifyQuestion(number: 1, ranges: ranges)).encoded().count
      outcome.bytes += Message.verified(answer).encoded().count
      outcome.problem = try reconciler.take(answer.findings, scanning: mine)
      if outcome.problem != nil { break }
    }
    outcome.differences = reconciler.differences
    outcome.isCutShort = reconciler.isCutShort
    return outcome
  }

  private func records(_ count: Int, _ generator: inout SeededGenerator) -> [VerifyAnswer.Item] {
    var digests: [RecordID: RecordDigest] = [:]
    while digests.count < count {
      let bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
      digests[RecordID(bytes)] = RecordDigest(UInt128.random(in: 0 ... .max, using: &generator))
    }
    return digests.map { VerifyAnswer.Item(id: $0.key, digest: $0.value) }.sorted { $0.id < $1.id }
  }

  /// Drops, changes and adds some.
  private func drifted(
    _ items: [VerifyAnswer.Item], _ changes: Int, _ generator: inout SeededGenerator
  ) -> [VerifyAnswer.Item] {
    var items = items
    for _ in 0..<changes {
      let index = Int.random(in: 0..<max(items.count, 1), using: &generator)
      switch Int.random(in: 0...2, using: &generator) {
      case 0 where !items.isEmpty: items.remove(at: index)
      case 1 where !items.isEmpty: items[index].digest = RecordDigest(.random(in: 0 ... .max, using: &generator))
      default: items += records(1, &generator)
      }
    }
    return items.sorted { $0.id < $1.id }
  }

  private func differences(_ left: [VerifyAnswer.Item], _ right: [VerifyAnswer.Item]) -> Set<RecordID> {
    Set(Set(left).symmetricDifference(right).map(\.id))
  }

  @Test("FC-48 exactly what differs is found, whatever the sets", arguments: 0..<60)
  func exact(_ number: Int) throws {
    let seed = UInt64(4_800 + number)
    var generator = SeededGenerator(seed: seed)
    let count = [0, 1, 31, 32, 33, 100, 1_000, 5_000][number % 8]
    let changes = [0, 1, 2, 7, 50, 400][number % 6]
    let hq = records(count, &generator)
    let store = drifted(hq, changes, &generator)
    let outcome = try run(hq: Records(items: hq), store: Records(items: store, pageCount: 7))
    let reading = try run(hq: Records(items: hq), isSketched: false, store: Records(items: store))
    #expect(outcome.problem == nil)
    #expect(outcome.differences == reading.differences && outcome.questions == reading.questions, "SEED \(seed)")
    #expect(Set(outcome.differences.keys.map(\.id)) == differences(hq, store), "SEED \(seed)")
    for (key, pair) in outcome.differences {
      #expect(pair.mine == hq.first { $0.id == key.id }?.digest, "SEED \(seed)")
      #expect(pair.theirs == store.first { $0.id == key.id }?.digest, "SEED \(seed)")
    }
    // Four levels are enough for these; each difference may take one question more.
    #expect(outcome.questions <= 5 + differences(hq, store).count, "SEED \(seed)")
  }

  @Test("FC-48 what differs all the time is found while HQ's records change", arguments: 0..<20)
  func changing(_ number: Int) throws {
    let seed = UInt64(4_900 + number)
    var generator = SeededGenerator(seed: seed)
    let before = records([40, 700, 9_000][number % 3], &generator)
    let after = drifted(before, [3, 60][number % 2], &generator)
    let store = drifted(before, [1, 20][number % 2], &generator)
    let outcome = try run(hq: Records(items: after), before: Records(items: before), store: Records(items: store))
    #expect(outcome.problem == nil)
    let changed = differences(before, after)
    let stable = differences(before, store).subtracting(changed)
    #expect(stable.isSubset(of: outcome.differences.keys.map(\.id)), "SEED \(seed)")
    #expect(Set(outcome.differences.keys.map(\.id)).isSubset(of: differences(after, store)), "SEED \(seed)")
  }

  /// Counts what is read of it.
  private final class CountedRecords: DigestSource {
    let records: Records
    private(set) var count = 0

    init(_ records: Records) {
      self.records = records
    }

    func digests(of entity: EntityTag, after id: RecordID?) -> DigestPage {
      let page = records.digests(of: entity, after: id)
      count += page.items.count
      return page
    }
  }

  @Test("FC-48 HQ reads its records once, and little of them again; so does a store for a question")
  func reading() throws {
    var generator = SeededGenerator(seed: 51)
    let items = records(50_000, &generator)
    let (hq, store) = (CountedRecords(Records(items: items)), CountedRecords(Records(items: items)))
    let survey = try RangeScanner(hq).survey([Self.entity])
    #expect(hq.count == items.count)
    let other = RangeSummary(count: 1, sum: 1)
    let finding = try RangeScanner(store).finding(survey.ranges[0].range, theirs: other)
    #expect(store.count == items.count)
    guard case .parts(let parts) = finding else { throw CancellationError() }
    #expect((VerifyLimits.partsOfRange / 2...VerifyLimits.partsOfRange).contains(parts.count))
    let sums = try RangeScanner(hq, knowing: survey.sketch).summaries(of: survey.ranges[0].range, parts: parts)
    #expect(sums == parts.map(\.summary))
    #expect(hq.count - items.count < items.count / 10)
  }

  @Test("FC-48 what it costs to send grows with the difference, not with the data", arguments: [1_000, 100_000])
  func cost(_ count: Int) throws {
    var generator = SeededGenerator(seed: 48)
    let hq = records(count, &generator)
    let equal = try run(hq: Records(items: hq), store: Records(items: hq))
    #expect(equal.questions == 1 && equal.bytes < 60, "found \(equal.bytes) bytes")
    var store = hq
    store.remove(at: count / 3)
    let one = try run(hq: Records(items: hq), store: Records(items: store))
    #expect(one.differences.count == 1 && one.questions <= 5 && one.bytes < 6_000, "found \(one.bytes) bytes")
  }

  @Test func moreThanOneRunTakesOnIsCutShort() throws {
    var generator = SeededGenerator(seed: 49)
    let hq = records(VerifyLimits.differences + 5, &generator)
    let outcome = try run(hq: Records(items: hq), store: Records(items: []))
    #expect(outcome.isCutShort && outcome.differences.count == VerifyLimits.differences)
  }

  @Test("a store whose answers lead nowhere, or lie outside of what was asked, ends the run")
  func hostile() throws {
    var generator = SeededGenerator(seed: 50)
    let hq = records(100, &generator)
    let digest = RecordDigest(1)
    // Ever smaller parts below the first id.
    var length = 1
    let endless = try run(hq: Records(items: hq), store: Records(items: [])) { _ in
      length += 1
      let id = RecordID([UInt8](repeating: 0, count: length))
      return .parts([
        VerifyAnswer.Part(through: id, summary: RangeSummary(count: 1, sum: 1)),
        VerifyAnswer.Part(through: nil, summary: RangeSummary(count: 1, sum: 1)),
      ])
    }
    #expect(endless.problem != nil)
    let findings: [VerifyAnswer.Finding] = [
      .parts([]), .parts([VerifyAnswer.Part(through: nil, summary: RangeSummary())]),
      .parts([
        VerifyAnswer.Part(through: nil, summary: RangeSummary()),
        VerifyAnswer.Part(through: nil, summary: RangeSummary()),
      ]),
      .items([
        VerifyAnswer.Item(id: RecordID([2]), digest: digest), VerifyAnswer.Item(id: RecordID([1]), digest: digest),
      ]),
    ]
    for finding in findings {
      let outcome = try run(hq: Records(items: hq), store: Records(items: [])) { _ in finding }
      #expect(outcome.problem != nil, "\(finding)")
    }
  }
}
