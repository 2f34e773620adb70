import Base
import Glibc
import Merge
import RecordStore
import StoreModel

/// The list of what HQ has erased, in a file of its own beside the database: a database that is put back to a backup of before
/// must not bring anybody back.
///
/// A line each: the entity's number, the id in hexadecimal, when it was asked for in milliseconds since 1970, and why.
struct ErasureFile {
  struct Entry: Hashable {
    var key: RecordKey
    var requestedAt: WallTime
    var reason: String

    init(_ erasure: Erasure) {
      key = erasure.key
      requestedAt = erasure.requestedAt
      reason = erasure.reason
    }

    var line: String {
      let id = key.id.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      let words = reason.split(whereSeparator: \.isNewline).joined(separator: " ")
      return "\(key.entity.rawValue) \(id) \(requestedAt.milliseconds) \(words)\n"
    }

    /// Nil for what is no such line.
    init?(_ line: Substring) {
      let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: true)
      guard parts.count == 4, let entity = UInt16(parts[0]), let id = Self.bytes(parts[1]), let at = Int64(parts[2])
      else { return nil }
      key = RecordKey(entity: EntityTag(entity), id: RecordID(id))
      requestedAt = WallTime(milliseconds: at)
      reason = String(parts[3])
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
      let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue.map(UInt8.init) }
      guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2), !digits.isEmpty else { return nil }
      return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
  }

  let path: String

  init(_ directory: DataDirectory) {
    path = directory.path + "/erasures"
  }

  init(path: String) {
    self.path = path
  }

  /// What cannot be read of it is passed over: a line that a power cut has cut short is one that was not promised yet.
  func entries() throws(StoreError) -> [Entry] {
    guard let bytes = try contents() else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { Entry($0) }
  }

  private func contents() throws(StoreError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw DurableFile.problem(path)
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count >= 0 else { throw DurableFile.problem(path) }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  /// Adds lines, durably; before the database hears of them.
  func append(_ entries: [Entry]) throws(StoreError) {
    guard !entries.isEmpty else { return }
    let isNew = !DurableFile.exists(path)
    let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw DurableFile.problem(path) }
    defer { close(descriptor) }
    // A line that was cut short ends here.
    let end = lseek(descriptor, 0, SEEK_END)
    var last: UInt8 = UInt8(ascii: "\n")
    if end > 0 { _ = pread(descriptor, &last, 1, end - 1) }
    let text = (last == UInt8(ascii: "\n") ? "" : "\n") + entries.map(\.line).joined()
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { throw DurableFile.problem(path) }
      written += count
    }
    guard fsync(descriptor) == 0 else { throw DurableFile.problem(path) }
    if isNew { try DurableFile.flush(DurableFile.directory(of: path)) }
  }

  /// Brings the file and HQ's database to the same list: a restored database erases again what it has forgotten, and a file that is
  /// new, because HQ has moved, gets what the database knows.
  /// - Returns: how many records were erased again.
  func reconcile(_ engine: StoreGate.Engine, at now: WallTime) throws(StoreError) -> Int {
    let listed = try entries()
    let known = try engine.erasures()
    let listedKeys = Set(listed.map(\.key))
    try append(known.filter { !listedKeys.contains($0.key) }.map(Entry.init))
    let knownKeys = Set(known.map(\.key))
    var count = 0
    for entry in listed where !knownKeys.contains(entry.key) {
      let result = try engine.erase(
        entry.key, reason: entry.reason, requestedAt: entry.requestedAt, mayBeUnknown: true, at: now)
      if case .erased = result { count += 1 }
    }
    return count
  }
}
