import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// What one end of a link has not applied is remembered until it is.
@Suite struct ExceptionTests {
  private let one = NodeNumber(1)
  private let nothing = LaneMap<Sequence64>(repeating: 0)

  private func parked(_ code: String = "invalid-value") -> NotApplied {
    NotApplied(outcome: "parked", code: code, reason: "a reason")
  }

  @Test(arguments: BackendKind.allCases) func aRefusalIsRememberedUntilTheRecordIsTaken(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    let forged = store.group((Shop.note, "n", [(Note.store, .integer(1)), (Note.fromHQ, .text("x"))]))
    #expect(try hq.receive([forged], from: one).map(\.code) == ["not-allowed"])
    #expect(try hq.receive([forged], from: one).map(\.code) == ["not-allowed"])
    let found = try hq.store.exceptions(of: one, acknowledged: nothing)
    #expect(found.map(\.code) == ["not-allowed"], "the same group again is one refusal")
    #expect(found.first?.side == .here && found.first?.stamp == forged.stamp)
    #expect(found.first?.keys == forged.records.map(\.key))
    #expect(try hq.store.exceptions(of: NodeNumber(2), acknowledged: nothing) == [])
    try hq.receive([store.note("other", store: 1, text: "x")], from: one)
    #expect(try hq.store.exceptions(of: one, acknowledged: nothing).count == 1)
    try hq.receive([store.note("n", store: 1, text: "as it should be")], from: one)
    #expect(try hq.store.exceptions(of: one, acknowledged: nothing) == [])
  }

  @Test(arguments: BackendKind.allCases) func whatHQParkedIsClearedWhenItComesBack(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try store.mustCommit(.note("n", store: 1, text: "x"))
    try store.store.noteNotApplied([parked()], by: .hq, lane: .normal, after: 0, through: 1, at: store.wall)
    let found = try store.store.exceptions(of: .hq, acknowledged: LaneMap(repeating: 9))
    #expect(found.map(\.side) == [.there] && found.map(\.sequence) == [1])
    // HQ has applied it after all, and sends it back.
    try store.send(to: hq)
    try hq.mustCommit(.note("n", text: "seen"))
    try hq.send(to: store)
    #expect(try store.store.exceptions(of: .hq, acknowledged: nothing) == [])
  }

  @Test(arguments: BackendKind.allCases) func whatWasWrittenAgainAndTakenIsOver(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    try store.mustCommit(.note("n", store: 1, text: "x"))
    try store.store.noteNotApplied([parked()], by: .hq, lane: .normal, after: 0, through: 1, at: store.wall)
    try store.mustCommit(.note("n", text: "y"))
    #expect(try store.store.exceptions(of: .hq, acknowledged: LaneMap(repeating: 1)).count == 1)
    #expect(try store.store.exceptions(of: .hq, acknowledged: LaneMap(repeating: 2)).count == 0)
    // The second was not taken either.
    try store.store.noteNotApplied([parked()], by: .hq, lane: .normal, after: 1, through: 2, at: store.wall)
    #expect(try store.store.exceptions(of: .hq, acknowledged: LaneMap(repeating: 2)).count == 2)
  }

  @Test(arguments: BackendKind.allCases) func whereItIsNotKnownWhichItStays(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try store.mustCommit(.note("n", store: 1, text: "x"))
    try store.mustCommit(.note("m", store: 1, text: "x"))
    try store.store.noteNotApplied([parked()], by: .hq, lane: .normal, after: 0, through: 2, at: store.wall)
    try exchange(hq, store)
    try hq.mustCommit(.note("n", text: "seen"), .note("m", text: "seen"))
    try exchange(hq, store)
    #expect(try store.store.exceptions(of: .hq, acknowledged: LaneMap(repeating: 9)).map(\.stamp) == [nil])
  }

  @Test("FC-17 the oldest are forgotten", arguments: BackendKind.allCases) func bounded(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    let many = (0..<StoreLimits.exceptionCount + 5).map { parked("code-\($0)") }
    try store.store.noteNotApplied(many, by: .hq, lane: .normal, after: 0, through: 9, at: store.wall)
    let found = try store.store.exceptions(of: .hq, acknowledged: nothing)
    #expect(found.count == StoreLimits.exceptionCount && found.first?.code == "code-5")
  }
}
