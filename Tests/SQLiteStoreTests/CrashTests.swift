import Base
import Causality
import Foundation
import Glibc
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing

/// What a power cut leaves of the files, however far the last write came.
@Suite struct CrashTests {
  private static let recordsOfGroup: UInt64 = 5

  private func draft(_ group: UInt64) -> CommitDraft {
    CommitDraft(
      (0..<Self.recordsOfGroup).map { index in
        RecordWrite(
          entity: Thing.tag, id: uuid(group * 100 + index),
          .write([FieldWrite(FieldTag(1), .set(.text(String(repeating: "\(group)", count: 300))))]))
      })
  }

  private func request(after: Sequence64 = 0) -> OutgoingRequest {
    OutgoingRequest(
      peer: .hq, lane: .normal, after: after, sent: LaneMap(repeating: 0), budgetBytes: 1 << 20, chainBytes: 4 << 20,
      scanLimit: 1_000)
  }

  /// The write-ahead log, cut at each of its writes and in the middle of each; what lies behind is not there, or is the
  /// room that was made for it.
  @Test(
    "FC-2 FC-9 the store is killed at any write: what was committed before is there, and nothing by half",
    arguments: [false, true])
  func cutAnywhere(hasRoom: Bool) throws {
    let original = try Directory()
    let wall = WallTime(milliseconds: 1_700_000_000_000)
    let groups: UInt64 = 6
    var ends: [Int] = []
    let writer = try StoreEngine(SQLiteBackend.create(original))
    let log = original.database + "-wal"
    if hasRoom { writer.backend.makeRoomInLog() }
    let length = try Self.contents(log).count
    ends.append(try Self.usedSize(log))
    for group in 1...groups {
      _ = try writer.commit([draft(group)], at: wall)
      ends.append(try Self.usedSize(log))
    }
    let files = try (Self.contents(original.database), Self.contents(log))
    try #require(Set(ends).count == ends.count, "a commit is in the log when it returns")
    try #require(hasRoom ? files.1.count == length : files.1.count == ends.last)
    let end = ends[ends.count - 1]
    // Frames of a page and 24 bytes behind a head of 32: each is one write.
    var cuts: [Int] = []
    for cut in stride(from: 32, through: end, by: Self.frame) {
      cuts += [cut, min(cut + 2_000, end)]
    }
    for cut in cuts.filter({ $0 >= ends[0] }) {
      let copy = try Directory()
      try copy.write(files.0, to: "node.db")
      let room = [UInt8](repeating: 0, count: hasRoom ? files.1.count - cut : 0)
      try copy.write(files.1.prefix(cut) + room, to: "node.db-wal")
      let store = try StoreEngine(
        SQLiteBackend.open(path: copy.database, model: TestModel.full, mode: .readWrite))
      let committed = UInt64(ends.dropFirst().count { $0 <= cut })
      let things = try store.records(of: Thing.tag, after: nil, limit: 999)
      #expect(things.count == Int(committed * Self.recordsOfGroup), "cut at \(cut) of \(end)")
      let stretch = try store.outgoing(request())
      #expect(stretch.groups.count == Int(committed) && stretch.through == committed)
      #expect(stretch.groups.allSatisfy { $0.records.count == Int(Self.recordsOfGroup) }, "none is sent half")
      #expect(try store.logHead() == committed)
      _ = try store.audit { _ in true }
      // And it sells on, under stamps of its own.
      guard case .committed(let stamp) = try store.commit([draft(9)], at: wall)[0] else {
        Issue.record("no commit after a cut at \(cut)")
        continue
      }
      #expect(stretch.groups.allSatisfy { $0.stamp < stamp })
    }
    withExtendedLifetime(writer) {}
  }

  private static func contents(_ path: String) throws -> [UInt8] {
    Array(try #require(FileManager.default.contents(atPath: path)))
  }

  private static let frame = 4_096 + 24

  /// Up to the last frame in which there is anything.
  private static func usedSize(_ path: String) throws -> Int {
    let last = try #require(contents(path).lastIndex { $0 != 0 })
    return 32 + (last - 32 + frame) / frame * frame
  }
}
