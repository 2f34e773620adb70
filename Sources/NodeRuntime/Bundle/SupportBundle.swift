package import Base
import Causality
import Glibc
import Metrics
package import RecordStore
import SQLiteStore
package import StoreModel
import Wire

/// What somebody who helps from afar needs to know of a node, in one file: without personal data and without secrets, of a node
/// that runs, of one that does not, and of one whose database is damaged.
///
/// All that is in it is listed by name, and what is not listed is left out. Free text, by whomever, never is.
package struct SupportBundle {
  private let directory: DataDirectory
  private let model: Model
  private let now: WallTime
  private let pseudonyms: Pseudonyms
  private var archive: TarArchive
  private var problems: [CBORValue] = []
  /// The files in it.
  package private(set) var names: [String] = []
  /// Those that should be in it, and could not be made.
  package private(set) var missing: [String] = []

  /// Makes a bundle of a node, and changes nothing at it.
  /// - Parameters:
  ///   - file: nothing may be there. With `.zst` at the end it is compressed.
  ///   - log: the log's file; nil for what journald has.
  ///   - salt: random, and for this one bundle.
  /// - Throws: `notFound` if there is no node, `occupied` if there is such a file, `notWritable` or `diskFull`.
  package static func make(
    of directory: DataDirectory, to file: String, log: String?, model: Model, at now: WallTime, salt: [UInt8]
  ) throws(StoreError) -> SupportBundle {
    try directory.checkDatabase()
    var bundle = SupportBundle(
      directory: directory, model: model, now: now, pseudonyms: Pseudonyms(salt: salt), archive: TarArchive(at: now))
    bundle.gather(log)
    try write(bundle.archive.finished, to: file)
    return bundle
  }

  private init(
    directory: DataDirectory, model: Model, now: WallTime, pseudonyms: Pseudonyms, archive: TarArchive
  ) {
    self.directory = directory
    self.model = model
    self.now = now
    self.pseudonyms = pseudonyms
    self.archive = archive
  }

  private mutating func gather(_ log: String?) {
    add("README.txt", Self.readMe)
    add("versions.json", BundleSystem.versions(at: now).json)
    add("system.json", BundleSystem.system(directory).json)
    add("files.json", BundleSystem.files(directory, pseudonyms).json)
    let running = try? ControlClient(running: directory)
    section("schema.sql") { bundle throws(StoreError) in
      try bundle.backend().schema().map { $0 + ";\n" }.joined()
    }
    var engine: StoreGate.Engine?
    section("settings.json") { bundle throws(StoreError) in
      let opened = try StoreGate.Engine(bundle.backend())
      engine = opened
      return try BundleDatabase(opened, bundle.pseudonyms).settings().json
    }
    if let engine {
      let database = BundleDatabase(engine, pseudonyms)
      section("enrolments.json") { _ throws(StoreError) in try database.enrolments().json }
      section("counts.json") { _ throws(StoreError) in try database.counts().json }
      section("conflicts.json") { _ throws(StoreError) in try database.conflicts().json }
      section("parked.json") { _ throws(StoreError) in try database.parked().json }
    }
    section("status.json") { bundle throws(StoreError) in try bundle.status(running, engine) }
    section("metrics.prom") { bundle throws(StoreError) in try bundle.metrics(running, engine) }
    let unit = engine?.identity.isHQ == true ? "hq-node" : "store-node"
    if let lines = BundleLog.lines(log, unit: unit) {
      add("log.txt", lines.map { $0 + "\n" }.joined())
    } else {
      note("log.txt", log == nil ? "no-journal" : "unreadable")
    }
    add("problems.json", CBORValue.array(problems).json)
  }

  // MARK: Sections

  private mutating func add(_ name: String, _ text: String) {
    archive.add("bundle/" + name, Array((text.hasSuffix("\n") || text.isEmpty ? text : text + "\n").utf8))
    names.append(name)
  }

  /// What cannot be found out is noted, and does not keep the rest from being told.
  private mutating func section(_ name: String, _ body: (Self) throws(StoreError) -> String) {
    do throws(StoreError) {
      add(name, try body(self))
    } catch {
      note(name, error.code.rawValue)
    }
  }

  private mutating func note(_ name: String, _ code: String) {
    missing.append(name)
    problems.append(.object(["section": .text(name), "code": .text(code)]))
  }

  /// Opened to read, without a look at what is in it.
  private func backend() throws(StoreError) -> SQLiteBackend {
    try SQLiteBackend.openUnchecked(path: directory.databasePath, model: model, isAlone: false)
  }

  private func status(_ running: ControlClient?, _ engine: StoreGate.Engine?) throws(StoreError) -> String {
    let report: CBORValue
    if let running {
      report = try Self.ask(running, "status")
    } else if let engine {
      report = try ControlService.restingStatus(engine, at: now)
    } else {
      throw StoreError(.corrupt, "the node does not run, and its database cannot be read")
    }
    return (Self.statusMembers.part(of: report) ?? .null).json
  }

  private func metrics(_ running: ControlClient?, _ engine: StoreGate.Engine?) throws(StoreError) -> String {
    if let running { return try Self.ask(running, "metrics")["text"]?.textValue ?? "" }
    guard let engine else {
      return Exposition.text(StorageMetrics.disk(directory.databasePath, DiskHistory()))
    }
    let disk = StorageMetrics.disk(directory.databasePath, try NodeSettings.diskHistory(engine))
    return Exposition.text(try MetricsReader(now: now).families(engine) + disk)
  }

  private static func ask(_ client: ControlClient, _ operation: String) throws(StoreError) -> CBORValue {
    do throws(ControlError) {
      return try client.request(operation)
    } catch {
      throw StoreError(.io, error.description)
    }
  }

  /// Without names, addresses, reasons and problems.
  private static let statusMembers = Allowed.object(
    Allowed.words(
      "schema", "at", "role", "node", "replica", "epoch", "software", "protocolVersion", "isRunning", "inSync",
      "logHead",
      "parked", "conflictsOpen", "conflictsDecided", "conflictsAccepted"
    ).merging([
      "stores": .object(
        Allowed.words("enrolled", "inSync", "connected", "notConnected", "notJoined", "revoked")),
      "peers": .list(
        .object(
          Allowed.words(
            "node", "inSync", "state", "hasJoined", "fencedAt", "isConnected", "isCaughtUp", "software",
            "protocolVersion", "connectedAt", "lastContact", "notHeardSince", "clockOffsetMilliseconds",
            "pendingGroups",
            "pendingBytes", "pendingIsAtLeast", "pendingSince", "incoming", "firstLoadPercent", "parked", "notApplied",
            "refused", "hasEndpoints", "lastVerified", "differing"))),
    ]) { first, _ in first })

  private static let readMe = """
    A support bundle of a StoreSync node, made by `syncctl bundle`.

    It holds counts, times, codes, versions and sizes. It holds no values of records, no names, phone numbers or notes, no free
    text of people or peers, no keys, credentials, tokens or join codes. Ids and addresses of stores are names such as
    id-0123456789abcdef, the same within this bundle and others in the next. Of log lines it holds what stands before the
    first colon of their sentence, and codes. HQ's own addresses are in settings.json.

    problems.json names what could not be found out.
    """

  // MARK: The file

  private static func write(_ bytes: [UInt8], to file: String) throws(StoreError) {
    let contents = file.hasSuffix(".zst") ? ZstdCodec.frame(bytes) : bytes
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      guard errno == EEXIST else { throw DurableFile.problem(file) }
      throw StoreError(
        .occupied, "“\(file)” is there already, and is not overwritten; move it away, or give another name")
    }
    defer { close(descriptor) }
    var rest = contents[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else {
        let problem = DurableFile.problem(file)
        unlink(file)
        throw problem
      }
      rest = rest.dropFirst(max(count, 0))
    }
  }
}
