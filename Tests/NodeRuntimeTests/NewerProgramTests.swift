import Base
import Causality
import Glibc
import RecordStore
import SQLiteStore
import StoreModel
import Synchronization
import Testing
import Transport

@testable import NodeRuntime

/// A database that another version of the program has had open.
@Suite struct NewerProgramTests {
  @Test func versionsAreOrderedByTheirNumbers() throws {
    let inOrder = ["0.0.9", "0.1", "0.1.1", "0.2.0", "0.10.0", "1", "1.0.1", "2.0"]
    let versions = try inOrder.map { try #require(ProgramVersion($0)) }
    #expect(versions == versions.shuffled().sorted())
    #expect(ProgramVersion("storesync/1.2.0") == ProgramVersion("1.2"))
    #expect(ProgramVersion("1.2")?.hashValue == ProgramVersion("1.2.0.0")?.hashValue)
    #expect(ProgramVersion("1.2.0-rc1") == ProgramVersion("1.2") && ProgramVersion("1.2.0-rc1")?.description == "1.2.0")
    for wrong in ["", "x", "1..2", ".1", "1.", "-1", "99999999999"] {
      #expect(ProgramVersion(wrong) == nil, "\(wrong)")
    }
    #expect(ProgramVersion.present > ProgramVersion("0.0")!)
  }

  /// A store of a version, closed.
  private func store(openedBy version: String?) throws -> ClosedStore {
    let store = try ClosedStore()
    try store.edit { engine throws(StoreError) in
      try engine.backend.setSettings([("opened-by", version.map { Array($0.utf8) })])
    }
    return store
  }

  @Test(
    "a newer version saves the database before it opens it, once, and goes on as the same replica",
    arguments: [nil, "0.0.1"])
  func upgrade(from version: String?) throws {
    let store = try store(openedBy: version)
    let before = store.identity
    let events = Mutex<[String]>([])
    for _ in 0..<2 {
      let gate = try store.open { event in events.withLock { $0.append(event.name) } }
      #expect(gate.identity.replica == before.replica)
    }
    #expect(events.withLock { $0.filter { $0.hasPrefix("upgrade") } } == ["upgrade.saved"])
    let backup = "\(store.directory.backupsPath)/before-\(ProgramVersion.present).db"
    #expect(store.backups == [backup])
    var status = stat()
    #expect(stat(backup, &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(stat(store.directory.backupsPath, &status) == 0 && status.st_mode & 0o777 == 0o700)
    #expect(try LastProgram.version(of: backup) == version.flatMap { ProgramVersion($0) })
    #expect(try LastProgram.version(of: store.directory.databasePath) == .present)
    // It is a backup like any other: the node can be made again from it, as another incarnation.
    let folder = DataDirectory("\(store.directory.path)/again")
    let restored = try Restoration.restore(
      backup, to: folder, isReplacing: false, model: .retail, at: WallTime(milliseconds: 0)
    ) { _ in true }
    #expect(restored.node == before.replica.node && restored.replica.incarnation != before.replica.incarnation)
  }

  @Test func twoBackupsAreKeptAndNoneIsOverwritten() throws {
    let store = try store(openedBy: nil)
    for round in 0..<4 {
      try store.edit { engine throws(StoreError) in
        try engine.backend.setSettings([("opened-by", Array("0.0.\(round)".utf8))])
      }
      _ = try store.open()
    }
    let kept = store.backups
    #expect(kept.count == StorageLimits.upgradeBackups)
    #expect(
      try kept.map { try LastProgram.version(of: $0)?.description }.sorted { $0 ?? "" < $1 ?? "" } == [
        "0.0.2", "0.0.3",
      ])
  }

  @Test("a newer version's database is refused, untouched, and the message names the way back")
  func downgrade() throws {
    let store = try store(openedBy: nil)
    _ = try store.open()
    try store.edit { engine throws(StoreError) in
      try engine.backend.setSettings([("opened-by", Array("9.1.0".utf8))])
    }
    let saved = "\(store.directory.backupsPath)/before-9.1.0.db"
    #expect(rename(store.backups[0], saved) == 0)
    #expect {
      _ = try store.open()
    } throws: { error in
      guard let error = error as? StoreError else { return false }
      return error.code == .newerFormat && error.exitStatus == .unsafe
        && error.message.contains(
          "was last opened by version 9.1.0, this is \(ProgramVersion.present): install version 9.1.0")
        && error.message.contains("syncctl restore \(saved) --replace --data \(store.directory.path)")
    }
    #expect(store.backups == [saved])
    // Nor does a backup of the newer version take its place.
    #expect(throws: StoreError.self) {
      _ = try Restoration.restore(
        store.directory.databasePath, to: DataDirectory("\(store.directory.path)/again"), isReplacing: false,
        model: .retail,
        at: WallTime(milliseconds: 0)
      ) { _ in true }
    }
    #expect(throws: StoreError.self) { _ = try StoreGate.open(store.directory, model: .retail) { _ in } }
  }

  @Test("without room for a backup the node comes up, and says that there is no way back")
  func withoutRoom() throws {
    let store = try store(openedBy: "0.0.1")
    // A file stands where the folder would be.
    close(creat(store.directory.backupsPath, 0o600))
    let events = Mutex<[LogEvent]>([])
    _ = try store.open { event in events.withLock { $0.append(event) } }
    let unsaved = events.withLock { $0.first { $0.name == "upgrade.unsaved" } }
    #expect(unsaved?.level == .warning && unsaved?.message.contains("no way back") == true)
    #expect(try LastProgram.version(of: store.directory.databasePath) == .present)
  }

  @Test func aFileThatIsNoDatabaseIsLeftToWhoeverOpensIt() throws {
    let store = try ClosedStore()
    let descriptor = open(store.directory.databasePath, O_WRONLY | O_TRUNC)
    _ = write(descriptor, "no database", 11)
    close(descriptor)
    #expect {
      _ = try store.open()
    } throws: {
      ($0 as? StoreError)?.code == .corrupt
    }
    #expect(store.backups == [])
  }
}

/// A store's directory, gone with it.
private final class ClosedStore {
  let directory: DataDirectory
  let identity: NodeIdentity

  init() throws {
    var template = Array("\(P_tmpdir)/storesync-upgrade-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    directory = DataDirectory(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
    var generator = SeededGenerator(seed: 1)
    let membership = NodeSettings.Membership(
      endpoints: [Endpoint(host: "127.0.0.1", port: 1)], pin: [UInt8](repeating: 1, count: 32),
      credential: [UInt8](repeating: 2, count: 32))
    try NodeCreation.makeStore(
      in: directory, node: NodeNumber(1), membership: membership, model: .retail, using: &generator)
    identity = try StoreGate.open(directory, model: .retail, isStarting: false) { _ in }.identity
  }

  deinit { remove(directory.path) }

  private func remove(_ folder: String) {
    for name in DurableFile.names(in: folder) where unlink("\(folder)/\(name)") != 0 { remove("\(folder)/\(name)") }
    rmdir(folder)
  }

  var backups: [String] {
    DurableFile.names(in: directory.backupsPath).sorted().map { "\(directory.backupsPath)/\($0)" }
  }

  /// As a daemon does. Other tests start processes, which hold a lock for the moment before they become another program.
  func open(log: @escaping LogSink = { _ in }) throws(StoreError) -> StoreGate {
    try DatabaseWait.open(directory, model: .retail, isStarting: true, for: 5_000, log: log)
  }

  /// Changes the database as no program does.
  func edit(_ body: (StoreGate.Engine) throws(StoreError) -> Void) throws {
    try unlocked { () throws(StoreError) in
      try body(
        StoreGate.Engine(SQLiteBackend.open(path: self.directory.databasePath, model: .retail, mode: .readWrite)))
    }
  }
}
