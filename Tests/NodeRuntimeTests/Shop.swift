import Base
import Causality
import Glibc
import RecordStore
import StoreModel
import Testing
import Transport

@testable import NodeRuntime

/// A store's database in a directory of its own.
final class Shop: Sendable {
  let gate: StoreGate
  let directory: DataDirectory
  private let path: String

  init() throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array("\(base)/storesync-gate-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    var generator = SeededGenerator(seed: 1)
    let membership = NodeSettings.Membership(
      endpoints: [Endpoint(host: "127.0.0.1", port: 1)], pin: [UInt8](repeating: 1, count: 32),
      credential: [UInt8](repeating: 2, count: 32))
    directory = DataDirectory(path)
    try NodeCreation.makeStore(
      in: directory, node: NodeNumber(1), membership: membership, model: .retail, using: &generator)
    gate = try StoreGate(path: directory.databasePath, model: .retail, clock: SystemWallClock())
  }

  static func draft(_ number: Int) -> CommitDraft {
    let member = Member(
      id: RecordID(key: "m\(number)"), name: "Member \(number)", homeStore: RecordID(number: 1), visits: 1)
    return CommitDraft([RecordWrite(member)])
  }

  deinit {
    for name in ["storesync.db", "storesync.db-wal", "storesync.db-shm", "storesync.db.lock"] {
      unlink("\(path)/\(name)")
    }
    rmdir(path)
  }
}
