import Base
import Causality
import Glibc
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing
import Transport

@testable import NodeRuntime

/// Bytes of a store's database changed at random: whatever is done with it works or ends with an error that says what to do.
/// Nothing traps, goes round and round, or writes to the damaged file.
@Suite struct DamageTests {
  /// `SEED` in the environment, otherwise a fixed one.
  private static let seed: UInt64 = {
    let seed = getenv("SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_171_030
    print("DamageTests: SEED=\(seed)")
    return seed
  }()
  private static let rounds = getenv("ROUNDS").flatMap { Int(String(cString: $0)) } ?? 200
  private static let commits = 240
  private static let sent = 120

  @Test("FC-30 hundreds of damaged databases: each works, or fails closed with status 4, and gives up what can be read")
  func damaged() throws {
    let folder = try Folder()
    let (bytes, papers) = try Self.sound(folder)
    var generator = SeededGenerator(seed: Self.seed)
    var (opened, recovered, whole, taken) = (0, 0, 0, 0)
    for round in 0..<Self.rounds {
      var random = generator.split()
      let directory = DataDirectory("\(folder.path)/\(round)")
      try directory.create()
      let damaged = Self.damaging(bytes, using: &random)
      try folder.write(damaged, to: directory.databasePath)
      if Self.use(directory, round) { opened += 1 }
      try folder.removeFiles(of: directory)
      try folder.write(damaged, to: directory.databasePath)
      if let report = try Self.recover(directory, papers, round) {
        recovered += 1
        taken += report.taken
        if report.taken == Self.commits - Self.sent { whole += 1 }
        #expect(folder.read(report.old + "/storesync.db") == damaged, "round \(round): the damaged file was written to")
        try Self.checkNew(directory, report, round)
      }
      try folder.remove(directory)
    }
    let unsent = Self.rounds * (Self.commits - Self.sent)
    print(
      "DamageTests: \(opened) of \(Self.rounds) worked, \(recovered) were rebuilt, \(whole) with all commits; "
        + "\(taken) of \(unsent) commits were taken over")
    // The damage does harm to so small a file, and yet much can be had of it.
    #expect(opened < Self.rounds && recovered == Self.rounds && whole > Self.rounds / 6 && taken > unsent / 4)
  }

  /// A store with commits of which HQ has the first half, as the bytes of its file.
  private static func sound(_ folder: Folder) throws -> (bytes: [UInt8], papers: StoreRecovery.Papers) {
    var generator = SeededGenerator(seed: 1)
    let directory = DataDirectory("\(folder.path)/sound")
    let membership = NodeSettings.Membership(
      endpoints: [Endpoint(host: "127.0.0.1", port: 1)], pin: [UInt8](repeating: 1, count: 32),
      credential: [UInt8](repeating: 2, count: 32))
    try NodeCreation.makeStore(
      in: directory, node: NodeNumber(1), membership: membership, model: .retail, using: &generator)
    do {
      let engine = try StoreGate.Engine(
        SQLiteBackend.open(path: directory.databasePath, model: .retail, mode: .readWrite))
      for number in 0..<commits {
        let result = try engine.commit([draft(number)], at: WallTime(milliseconds: 1_500_000_000_000 + Int64(number)))
        guard case .committed? = result.first else { throw StoreError(.internalError, "\(result)") }
        guard number + 1 == sent else { continue }
        let head = try engine.logHead()
        for lane in Lane.allCases { try engine.noteAcknowledged(by: .hq, lane: lane, through: head) }
      }
    }
    return (folder.read(directory.databasePath), try StoreRecovery.papers(in: directory, model: .retail))
  }

  /// A receipt's payment and a member's visit.
  private static func draft(_ number: Int) -> CommitDraft {
    let store = RecordID(number: 1)
    let order = RecordID([UInt8](repeating: 0, count: 12) + (0..<4).map { UInt8(number >> (24 - 8 * $0) & 0xFF) })
    let member = Member(
      id: RecordID(Array("m\(number % 40)".utf8)), name: "Member \(number)", homeStore: store, visits: 1)
    return CommitDraft([
      RecordWrite(Payment(order: order, number: 1, store: store, method: "cash", amount: 100, currency: "EUR")),
      RecordWrite(member),
    ])
  }

  private static func damaging(_ sound: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
    var bytes = sound
    let pages = bytes.count / 4_096
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let page = Int.random(in: 0..<pages, using: &random) * 4_096
      switch Int.random(in: 0..<8, using: &random) {
      case 0: for index in page..<page + 4_096 { bytes[index] = 0 }
      case 1: for index in page..<page + 4_096 { bytes[index] = .random(in: .min ... .max, using: &random) }
      case 2:
        let other = Int.random(in: 0..<pages, using: &random) * 4_096
        for index in 0..<4_096 { bytes.swapAt(page + index, other + index) }
      case 3 where bytes.count > 8 * 4_096 && Bool.random(using: &random):
        // What is behind the end counts as damaged, too; and the end is not always one of a page.
        let length = Int.random(in: 4_096..<bytes.count, using: &random)
        return Array(bytes[..<length])
      case 4, 5:
        // The page's head and its list of cells: where the tree is.
        bytes[page + Int.random(in: 0..<64, using: &random)] = .random(in: .min ... .max, using: &random)
      default:
        for _ in 0..<Int.random(in: 1...40, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
      }
    }
    return bytes
  }

  /// Starts a node's database, and does what a node does.
  /// - Returns: whether all of it worked.
  private static func use(_ directory: DataDirectory, _ round: Int) -> Bool {
    do throws(StoreError) {
      let gate = try unlocked { () throws(StoreError) in
        try StoreGate.open(directory, model: .retail, isStarting: true) { _ in }
      }
      try gate.writeNow { engine throws(StoreError) in
        _ = try engine.commit([draft(100_000 + round)], at: WallTime(milliseconds: 1_600_000_000_000))
        _ = try engine.backend.checkFile(isQuick: true)
        _ = try engine.audit { _ in true }
        _ = try engine.pending(for: .hq, beyond: LaneMap(repeating: 0), entryLimit: 1_000)
        for entity in try engine.heldEntities() { _ = try engine.records(of: entity, after: nil, limit: 1_000) }
        for lane in Lane.allCases {
          _ = try engine.outgoing(
            OutgoingRequest(
              peer: .hq, lane: lane, after: 0, sent: LaneMap(repeating: 0), budgetBytes: 1 << 20, chainBytes: 1 << 22,
              scanLimit: 10_000))
        }
        _ = try engine.repairUnsent(
          UnsentRepair(sent: LogCoverage(cursors: LaneMap(repeating: 0)), incarnation: 7, clock: nil))
        _ = try NodeSettings.membership(engine)
      }
      return true
    } catch {
      // What a node has not been told to join with is missing, in a file that is otherwise sound.
      #expect(error.exitStatus == .unsafe || error.code == .notFound, "round \(round), SEED \(seed): \(error)")
      return false
    }
  }

  private static func recover(
    _ directory: DataDirectory, _ known: StoreRecovery.Papers, _ round: Int
  ) throws -> StoreRecovery.Report? {
    var papers = known
    do throws(StoreError) {
      papers = try StoreRecovery.papers(in: directory, model: .retail)
    } catch {
      #expect(
        error.exitStatus == .unsafe || error.code == .notFound || error.code == .occupied,
        "round \(round), SEED \(seed): \(error)")
    }
    // A number that the damage has changed is found out at HQ; here the store is who it is.
    papers.node = known.node
    return try unlocked { () throws(StoreError) in
      try StoreRecovery.rebuild(
        directory, as: papers, model: .retail, takesIncomplete: false, at: WallTime(milliseconds: 0))
    }
  }

  /// What was made anew is sound, and holds whole commits only.
  private static func checkNew(_ directory: DataDirectory, _ report: StoreRecovery.Report, _ round: Int) throws {
    let engine = try unlocked { () throws(StoreError) in
      try StoreGate.Engine(SQLiteBackend.open(path: directory.databasePath, model: .retail, mode: .readWrite))
    }
    try engine.backend.checkFile()
    let audit = try engine.audit { _ in true }
    #expect(audit.entries == report.taken, "round \(round), SEED \(seed): \(report)")
    #expect(try engine.count(of: Payment.tag) <= report.taken, "round \(round), SEED \(seed)")
    if report.lost.isEmpty, report.unreadableEntries == 0, report.taken == commits - sent {
      var visits: Int64 = 0
      for member in try engine.records(of: Member.tag, after: nil, limit: 1_000) {
        let shares = member.content(of: FieldTag(Member.Field.visits.rawValue))?.shares ?? []
        visits += shares.filter { $0.stamp.replica == report.replica }.reduce(0) { $0 + $1.sum }
      }
      // Unless the damage is in the steps themselves, which nothing else can tell.
      #expect(visits <= Int64(commits), "round \(round), SEED \(seed)")
    }
  }
}

/// A folder of a test's own, gone with it.
private final class Folder {
  let path: String

  init() throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array("\(base)/storesync-damage-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    try? remove(DataDirectory("\(path)/sound"))
    rmdir(path)
  }

  func read(_ file: String) -> [UInt8] {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    return Console.readToEnd(descriptor, limit: 1 << 30)
  }

  func write(_ bytes: [UInt8], to file: String) throws {
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      try #require(count > 0)
      rest = rest.dropFirst(count)
    }
  }

  private func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  func removeFiles(of directory: DataDirectory) throws {
    for name in names(in: directory.path) {
      let path = "\(directory.path)/\(name)"
      if unlink(path) != 0 { try remove(DataDirectory(path)) }
    }
  }

  func remove(_ directory: DataDirectory) throws {
    try removeFiles(of: directory)
    rmdir(directory.path)
  }
}
