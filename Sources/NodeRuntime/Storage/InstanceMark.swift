import Base
import CLinux
import Glibc
package import RecordStore
import SQLiteStore
import Transport
import Wire

/// What tells a node before its first write that its database was restored or copied: a database that is put back to an
/// earlier state would write other commits under stamps that its peers know already.
///
/// The database says which file it is, on which machine, and which token lies in a file beside it, a new one at each
/// start. A copy is another file; a database that was written over in place has an old token. What is not noticed so, such
/// as a whole machine that went back to a snapshot, HQ notices (`Lineage`).
///
/// In doubt it is a restored one: that costs a new incarnation and nothing else.
package struct InstanceMark: Hashable, Sendable {
  private static let setting = "instance"
  private static let tokenBytes = 16
  private static let machineFile = "/etc/machine-id"

  /// A digest of the machine's id (machine-id(5)); empty where it has none.
  var machine: [UInt8]
  /// The database file's number, and when it was made, in nanoseconds since 1970; 0 where the file system keeps no such time.
  var file: UInt64
  var made: Int64
  /// Lies beside the database, too.
  var token: [UInt8]

  /// Finds whether the database in `directory`, which `engine` has open for writing, is the one that this node used last.
  /// Nothing is written.
  /// - Returns: why not, for a person; nil if it is.
  package static func problem(
    _ directory: DataDirectory, _ engine: StoreGate.Engine
  ) throws(StoreError) -> String? {
    if let time = try Backup.time(in: engine) { return "it is the backup of \(RFC3339.format(time))" }
    let present = try InstanceMark(fileAt: directory.databasePath, token: [])
    return try known(engine)?.difference(from: present, tokens: tokens(in: directory))
  }

  /// Marks the database as the one in use, under a new token.
  ///
  /// Only once whatever follows from a `problem` is durable: a node that is cut off in between finds the problem again.
  package static func mark(
    _ directory: DataDirectory, _ engine: StoreGate.Engine, using generator: inout some RandomNumberGenerator
  ) throws(StoreError) {
    let present = try InstanceMark(
      fileAt: directory.databasePath, token: (0..<tokenBytes).map { _ in .random(in: .min ... .max, using: &generator) }
    )
    // Both tokens lie there while the database takes the new one: whichever it has after a power cut fits.
    try write([present.token] + (try known(engine).map { [$0.token] } ?? []), in: directory)
    try engine.backend.setSettings([(setting, present.bytes), (Backup.setting, nil), (Move.setting, nil)])
    try write([present.token], in: directory)
  }

  /// Whether the database was ever marked.
  package static func isMarked(_ engine: StoreGate.Engine) throws(StoreError) -> Bool { try known(engine) != nil }

  private static func known(_ engine: StoreGate.Engine) throws(StoreError) -> InstanceMark? {
    try engine.backend.setting(setting).flatMap(InstanceMark.init(bytes:))
  }

  private init(fileAt path: String, token: [UInt8]) throws(StoreError) {
    var number: UInt64 = 0
    var made: Int64 = 0
    guard storesync_file_birth(path, &number, &made) == 0 else {
      throw StoreError(.io, "\(path): \(String(cString: strerror(errno)))")
    }
    machine = Self.contents(of: Self.machineFile).map { Array(Digest.sha256($0).prefix(16)) } ?? []
    file = number
    self.made = made
    self.token = token
  }

  private func difference(from present: InstanceMark, tokens: [[UInt8]]) -> String? {
    if !machine.isEmpty, !present.machine.isEmpty, machine != present.machine {
      return "it was last used on another machine"
    }
    if file != present.file || made != 0 && present.made != 0 && made != present.made {
      return "its file is not the one that was last used"
    }
    if !tokens.contains(token) {
      return tokens.isEmpty
        ? "the file “instance” beside it is missing" : "it is older than the file “instance” beside it"
    }
    return nil
  }
}

// MARK: - Files

extension InstanceMark {
  private static func tokens(in directory: DataDirectory) -> [[UInt8]] {
    guard let bytes = contents(of: directory.instancePath), bytes.count % tokenBytes == 0 else { return [] }
    return stride(from: 0, to: bytes.count, by: tokenBytes).map { Array(bytes[$0..<$0 + tokenBytes]) }
  }

  /// At most two tokens' bytes, or a machine's id.
  private static func contents(of path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &buffer, buffer.count)
    return count >= 0 ? Array(buffer.prefix(count)) : nil
  }

  /// Replaces the file whole, durably: after a power cut it is the old one or the new one.
  private static func write(_ tokens: [[UInt8]], in directory: DataDirectory) throws(StoreError) {
    let path = directory.instancePath
    let bytes = tokens.flatMap(\.self)
    let descriptor = open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw problem(path) }
    let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
    close(descriptor)
    guard isWritten, rename(path + ".new", path) == 0 else { throw problem(path) }
    let folder = open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  private static func problem(_ path: String) -> StoreError {
    StoreError(
      errno == ENOSPC ? .diskFull : .notWritable,
      "\(path): \(String(cString: strerror(errno))); the node must be able to write in its directory")
  }
}

// MARK: - Bytes

extension InstanceMark {
  private var bytes: [UInt8] {
    CBORValue.object([
      "machine": .bytes(machine), "file": .unsigned(file), "made": .integer(made), "token": .bytes(token),
    ]).encoded()
  }

  private init?(bytes: [UInt8]) {
    guard let value = try? CBORValue(decoding: bytes), let machine = value["machine"]?.bytesValue,
      case .unsigned(let file) = value["file"], let made = value["made"]?.integerValue,
      let token = value["token"]?.bytesValue
    else { return nil }
    (self.machine, self.file, self.made, self.token) = (machine, file, made, token)
  }
}
