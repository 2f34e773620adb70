import CSQLite
import Causality
import RecordStore
import StoreModel

/// The SQL function `storesync_newer("row", sequence, meta, …)`: whether a state that is at hand has seen all of a row.
///
/// With it in the WHERE clause, one statement finds a record, holds it against a received state and writes that; reading
/// the row first takes a second statement and a second way down the table.
final class NewerComparison {
  enum Verdict {
    /// The state has seen the row, which has one value a field and shows the same in the columns that were passed.
    case newer
    /// The same, but the columns show something else. The row is as it was.
    case newerElsewhere
    /// The row has seen the state.
    case seen
    /// Neither, or a row that takes a closer look.
    case undecided
  }

  static let function = "storesync_newer"
  private let replicas: ReplicaTable
  /// Of the state at hand.
  private var entries: [VersionVector.Entry] = []
  private var columns: [Value] = []
  /// Whether the statement found a row.
  private(set) var hasMet = false
  /// Of the row that was met last.
  private(set) var verdict = Verdict.undecided
  private(set) var row: Int64 = 0
  private(set) var sequence: UInt64 = 0
  /// Which of the passed columns show something else.
  private(set) var changed: [Int] = []

  /// Whoever prepares a statement with the function keeps this as long as the statement.
  init(_ connection: SQLiteConnection, _ replicas: ReplicaTable) throws(StoreError) {
    self.replicas = replicas
    // Never from within the schema: what it writes down is only for the statement at hand.
    let code = sqlite3_create_function_v2(
      connection.handle, Self.function, -1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
      Unmanaged.passUnretained(self).toOpaque(), { NewerComparison.call($0, $1, $2) }, nil, nil, nil)
    guard code == SQLITE_OK else { throw connection.error(code, sql: Self.function) }
  }

  /// - Parameter columns: what the columns that the statement passes are expected to show.
  func expect(_ entries: [VersionVector.Entry], _ columns: [Value]) {
    self.entries = entries
    self.columns = columns
    hasMet = false
    verdict = .undecided
  }

  private static func call(
    _ context: OpaquePointer?, _ count: Int32, _ arguments: UnsafeMutablePointer<OpaquePointer?>?
  ) {
    guard let arguments, let pointer = sqlite3_user_data(context), count >= 3 else {
      return sqlite3_result_int(context, 0)
    }
    let comparison = Unmanaged<NewerComparison>.fromOpaque(pointer).takeUnretainedValue()
    let all = UnsafeBufferPointer(start: arguments, count: Int(count))
    sqlite3_result_int(context, comparison.meet(all) ? 1 : 0)
  }

  private func meet(_ arguments: UnsafeBufferPointer<OpaquePointer?>) -> Bool {
    hasMet = true
    let meta = UnsafeRawBufferPointer(
      start: sqlite3_value_blob(arguments[2]), count: Int(sqlite3_value_bytes(arguments[2])))
    guard sqlite3_value_type(arguments[2]) == SQLITE_BLOB, arguments.count == columns.count + 3 else { return false }
    var reader = MetaGlance(meta, replicas)
    guard let order = reader.order(of: entries) else { return false }
    switch order {
    case .concurrent: return false
    case .equal, .dominated:
      verdict = .seen
      return false
    case .dominates: break
    }
    guard reader.restIsPlain() else { return false }
    row = sqlite3_value_int64(arguments[0])
    sequence = UInt64(bitPattern: sqlite3_value_int64(arguments[1]))
    changed.removeAll(keepingCapacity: true)
    for (index, value) in columns.enumerated() where !value.isColumn(arguments[index + 3]) { changed.append(index) }
    verdict = changed.isEmpty ? .newer : .newerElsewhere
    return changed.isEmpty
  }
}

extension Value {
  /// Whether a column holds this value.
  fileprivate func isColumn(_ column: OpaquePointer?) -> Bool {
    switch (self, sqlite3_value_type(column)) {
    case (.null, SQLITE_NULL): return true
    case (.integer(let number), SQLITE_INTEGER): return number == sqlite3_value_int64(column)
    case (.text(var text), SQLITE_TEXT):
      let start = sqlite3_value_text(column)
      let found = UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(column)))
      return text.withUTF8 { found.elementsEqual(UnsafeRawBufferPointer($0)) }
    case (.bytes(let bytes), SQLITE_BLOB):
      let start = sqlite3_value_blob(column)
      let found = UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(column)))
      return bytes.withUnsafeBytes { found.elementsEqual($0) }
    default: return false
    }
  }
}

/// A look into the metadata of a row (`MetaForm`) that makes no state of it. What it cannot tell, it does not guess: nil or
/// false, and somebody reads all of it.
private struct MetaGlance {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0
  private let replicas: ReplicaTable
  private var isGeneral = false
  private var hasDefault = false
  private var entryCount: UInt64 = 0

  init(_ bytes: UnsafeRawBufferPointer, _ replicas: ReplicaTable) {
    self.bytes = bytes
    self.replicas = replicas
  }

  /// How a vector stands to the row's: the merge-join of `VersionVector.compare`, over the row's entries as they are read.
  mutating func order(of entries: [VersionVector.Entry]) -> CausalOrder? {
    guard readHead() else { return nil }
    var ahead = false
    var behind = false
    var place = 0
    for _ in 0..<entryCount {
      guard let index = varint(), let replica = replicas.known(at: index), let time = time() else { return nil }
      while place < entries.count, entries[place].replica < replica {
        ahead = true
        place += 1
      }
      if place < entries.count, entries[place].replica == replica {
        ahead = ahead || entries[place].time > time
        behind = behind || entries[place].time < time
        place += 1
      } else {
        behind = true
      }
    }
    ahead = ahead || place < entries.count
    switch (ahead, behind) {
    case (false, false): return .equal
    case (true, false): return .dominates
    case (false, true): return .dominated
    case (true, true): return .concurrent
    }
  }

  /// Up to the vector's first entry.
  private mutating func readHead() -> Bool {
    switch byte() {
    case MetaForm.once.rawValue:
      entryCount = 1
      return true
    case MetaForm.general.rawValue:
      // A deletion mark is for those who look closer.
      guard let flags = byte(), flags & ~MetaFlags.hasDefault == 0, let count = varint(), count <= bytes.count else {
        return false
      }
      isGeneral = true
      hasDefault = flags & MetaFlags.hasDefault != 0
      entryCount = count
      return true
    default:
      return false
    }
  }

  /// Behind the vector: whether every field has one value, and that lies in its column or is null.
  mutating func restIsPlain() -> Bool {
    guard isGeneral else { return offset == bytes.count }
    if hasDefault, !skipStamp() { return false }
    guard let count = varint(), count <= bytes.count else { return false }
    for _ in 0..<count {
      guard varint() != nil, varint() == 1 << 2 | MetaContent.register, let item = byte() else { return false }
      let kind = item & ~MetaItem.defaultStamp
      guard kind == MetaItem.null || kind == MetaItem.column else { return false }
      if item & MetaItem.defaultStamp == 0, !skipStamp() { return false }
    }
    return offset == bytes.count
  }

  private mutating func skipStamp() -> Bool {
    guard let index = varint() else { return false }
    // Each replica of a plain row stands in its vector.
    return index < entryCount && varint() != nil
  }

  private mutating func time() -> HybridTimestamp? {
    guard let milliseconds = varint(), let counter = varint(),
      milliseconds <= UInt64(HybridTimestamp.maximumMilliseconds), counter <= UInt64(UInt16.max)
    else { return nil }
    return HybridTimestamp(rawValue: milliseconds << 16 | counter)
  }

  private mutating func byte() -> UInt8? {
    guard offset < bytes.count else { return nil }
    defer { offset += 1 }
    return bytes[offset]
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while offset < bytes.count, shift < 63 {
      let byte = bytes[offset]
      offset += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    // Ten bytes are none of a time or a count; a difference of times may be.
    guard offset < bytes.count, bytes[offset] <= 1 else { return nil }
    offset += 1
    return value | UInt64(bytes[offset - 1]) << 63
  }
}
