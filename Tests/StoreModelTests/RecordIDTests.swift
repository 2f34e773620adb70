import Base
import StoreModel
import Testing

@Suite struct RecordIDTests {
  /// RFC 9562 §5.7: 48 bits of milliseconds, version 7, variant 10.
  @Test func uuidsAreOfVersionSeven() {
    let id = RecordID(milliseconds: 0x0123_4567_89AB, random: (.max, .max))
    #expect(Identity.uuid.text(of: id) == "01234567-89ab-7fff-bfff-ffffffffffff")
    let zero = RecordID(milliseconds: 0x0123_4567_89AB, random: (0, 0))
    #expect(Identity.uuid.text(of: zero) == "01234567-89ab-7000-8000-000000000000")
  }

  @Test func uuidsAreInTheOrderOfTime() {
    let seed: UInt64 = 7
    var generator = SeededGenerator(seed: seed)
    var previous: RecordID?
    for milliseconds in 0..<1_000 {
      let id = RecordID(at: WallTime(milliseconds: Int64(milliseconds) * 977), using: &generator)
      if let previous { #expect(previous < id, "SEED \(seed)") }
      previous = id
    }
  }

  @Test func timesOutsideOfTheirBitsAreClamped() {
    #expect(RecordID(milliseconds: -1, random: (0, 0)) == RecordID(milliseconds: 0, random: (0, 0)))
    #expect(RecordID(milliseconds: .max, random: (0, 0)) == RecordID(milliseconds: 1 << 48 - 1, random: (0, 0)))
  }

  /// Databases hold ids that came from this derivation: it may never change. (Computed apart from this code.)
  @Test(arguments: [
    (1_496_509_500_000, "till", "A-1", "015c6eea-ca60-70d9-a4c1-6dde08bf6c15"),
    (1_496_509_500_000, "order:367", "31198570044", "015c6eea-ca60-7c57-9997-dfc2868acf37"),
    (0, "", "", "00000000-0000-7f91-9e88-3f80ef120f9d"),
  ])
  func importedIDsArePinned(milliseconds: Int64, source: String, key: String, text: String) {
    let id = RecordID(importedAt: WallTime(milliseconds: milliseconds), source: source, key: key)
    #expect(Identity.uuid.text(of: id) == text)
  }

  @Test func importedIDsDependOnTheSourceTheKeyAndTheTime() {
    let time = WallTime(milliseconds: 1_000)
    let ids = [
      RecordID(importedAt: time, source: "a", key: "bc"), RecordID(importedAt: time, source: "ab", key: "c"),
      RecordID(importedAt: time, source: "bc", key: "a"), RecordID(importedAt: time, source: "", key: "abc"),
      RecordID(importedAt: WallTime(milliseconds: 1_001), source: "a", key: "bc"),
    ]
    #expect(Set(ids).count == ids.count)
  }

  @Test func manyImportedIDsDoNotCollide() {
    let time = WallTime(milliseconds: 1_000)
    let ids = Set((0..<50_000).map { RecordID(importedAt: time, source: "order:1", key: String($0)) })
    #expect(ids.count == 50_000)
  }
}
