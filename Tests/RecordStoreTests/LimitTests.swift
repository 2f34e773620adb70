import Base
import Merge
import RecordStore
import StoreModel
import Testing

/// FC-17: what is too large is refused when it is written, with an error that names the limit.
@Suite struct LimitTests {
  private func expectTooLarge(_ result: CommitResult, _ limit: Int, sourceLocation: SourceLocation = #_sourceLocation) {
    guard case .refused(let error) = result else {
      Issue.record("expected a refusal, found \(result)", sourceLocation: sourceLocation)
      return
    }
    #expect(error.code == .tooLarge || error.code == .invalidValue, sourceLocation: sourceLocation)
    #expect(error.reason.contains("\(limit)"), "\(error)", sourceLocation: sourceLocation)
  }

  @Test("FC-17 text", arguments: BackendKind.allCases) func text(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let longest = String(repeating: "x", count: ModelLimits.textBytes)
    try node.mustCommit(.note("n", store: 1, text: longest))
    expectTooLarge(try node.commit(.note("n", text: longest + "x")), ModelLimits.textBytes)
    let tag = { FieldWrite(Note.tags, .addElements([.text($0)])) }
    try node.mustCommit(.note("n", [tag(longest)]))
    expectTooLarge(try node.commit(.note("n", [tag(longest + "x")])), ModelLimits.textBytes)
    let custom = { FieldWrite(Note.custom, .put(key: "k", .text($0))) }
    try node.mustCommit(.note("n", [custom(longest)]))
    expectTooLarge(try node.commit(.note("n", [custom(longest + "x")])), ModelLimits.textBytes)
  }

  @Test("FC-17 elements of a set", arguments: BackendKind.allCases) func elements(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    func tags(_ numbers: Range<Int>) -> FieldWrite {
      FieldWrite(Note.tags, .addElements(numbers.map { .text("\($0)") }))
    }
    let limit = ModelLimits.collectionCount
    try node.mustCommit(.note("n", store: 1, [tags(0..<limit)]))
    expectTooLarge(try node.commit(.note("n", [tags(limit..<limit + 1)])), limit)
    expectTooLarge(try node.commit(.note("m", store: 1, [tags(0..<limit + 1)])), limit)
    expectTooLarge(try node.commit(.note("m", store: 1, [tags(0..<limit), tags(limit..<limit + 1)])), limit)
    try node.mustCommit(.note("n", [FieldWrite(Note.tags, .removeElements([.text("0")]))]))
    try node.mustCommit(.note("n", [tags(limit..<limit + 1)]))
  }

  @Test("FC-17 entries of custom fields", arguments: BackendKind.allCases) func entries(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    func entries(_ numbers: Range<Int>) -> [FieldWrite] {
      numbers.map { FieldWrite(Note.custom, .put(key: "\($0)", .integer(1))) }
    }
    let limit = ModelLimits.collectionCount
    expectTooLarge(try node.commit(.note("n", store: 1, entries(0..<limit + 1))), limit)
    try node.mustCommit(.note("n", store: 1, entries(0..<limit)))
    expectTooLarge(try node.commit(.note("n", entries(limit..<limit + 1))), limit)
    try node.mustCommit(.note("n", [FieldWrite(Note.custom, .put(key: "0", .integer(2)))]))
  }

  @Test("FC-17 keys", arguments: BackendKind.allCases) func keys(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let longest = String(repeating: "k", count: ModelLimits.keyBytes)
    try node.mustCommit(.note(longest, store: 1, [FieldWrite(Note.custom, .put(key: longest, .integer(1)))]))
    #expect(try node.commit(.note(longest + "k", store: 1)).refusal == .invalidID)
    expectTooLarge(
      try node.commit(.note("n", store: 1, [FieldWrite(Note.custom, .put(key: longest + "k", .integer(1)))])),
      ModelLimits.keyBytes)
    expectTooLarge(
      try node.commit(.note("n", store: 1, [FieldWrite(Note.custom, .put(key: "", .integer(1)))])), ModelLimits.keyBytes
    )
  }

  @Test("FC-17 a record", arguments: BackendKind.allCases) func record(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    try node.mustCommit(.photo("p", "fits", bytes: ModelLimits.recordBytes - 1_000))
    expectTooLarge(try node.commit(.photo("q", "too large", bytes: ModelLimits.recordBytes)), ModelLimits.recordBytes)
    let more = RecordWrite(
      entity: Shop.photo, id: RecordID(key: "p"),
      .write([FieldWrite(FieldTag(19), .set(.text(String(repeating: "x", count: 2_000))))]))
    expectTooLarge(try node.commit(more), ModelLimits.recordBytes)
  }

  @Test("FC-17 bytes of a group", arguments: BackendKind.allCases) func groupBytes(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let large = ModelLimits.recordBytes - 1_000
    let fitting = (0..<4).map { RecordWrite.photo("p\($0)", "x", bytes: large) }
    let over = fitting + [.photo("q", "one more", bytes: 8_000)]
    expectTooLarge(try node.store.commit([CommitDraft(over)], at: node.wall)[0], ModelLimits.groupBytes)
    #expect(try node.store.count(of: Shop.photo) == 0, "a refused commit writes nothing")
    #expect(try node.store.commit([CommitDraft(fitting)], at: node.wall)[0].stamp != nil)
  }

  @Test("FC-17 records of a group", arguments: BackendKind.allCases) func groupRecords(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let writes = (0...ModelLimits.groupRecordCount).map { RecordWrite.note("n\($0)", store: 1) }
    expectTooLarge(try node.store.commit([CommitDraft(writes)], at: node.wall)[0], ModelLimits.groupRecordCount)
    #expect(try node.store.count(of: Shop.note) == 0)
    #expect(try node.store.commit([CommitDraft(writes.dropLast())], at: node.wall)[0].stamp != nil)
    #expect(try node.store.count(of: Shop.note) == ModelLimits.groupRecordCount)
  }

  /// The receiver merges what two sides wrote within their limits; what comes out may be too large for both.
  @Test("FC-17 a merge that grows too large is parked", arguments: BackendKind.allCases)
  func mergedRecord(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    let half = ModelLimits.recordBytes / 2 + 10_000
    try hq.mustCommit(.photo("p", "hq", bytes: half))
    try store.mustCommit(.photo("p", "store", bytes: half))
    let before = try hq.state(Shop.photo, "p")
    #expect(try store.send(to: hq).map(\.code) == ["too-large"])
    #expect(try hq.state(Shop.photo, "p") == before)
  }
}
