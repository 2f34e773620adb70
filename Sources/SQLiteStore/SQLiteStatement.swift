import CSQLite
import RecordStore
import StoreModel

/// One SQL statement, prepared at its first use and kept. Bind by index from 1, then `run`, `first`, `forEach` or `all`;
/// each of them resets the statement, so that no read keeps its snapshot longer than it needs it.
final class SQLiteStatement {
  let connection: SQLiteConnection
  private let sql: String
  private var handle: OpaquePointer?
  /// The first failure to prepare or bind since the last reset: thrown by the next step, so that binding reads plainly.
  private var failure: StoreError?

  init(_ connection: SQLiteConnection, _ sql: String) {
    self.connection = connection
    self.sql = sql
  }

  deinit {
    sqlite3_finalize(handle)
  }

  private func prepared() -> OpaquePointer? {
    if let handle { return handle }
    var copy = sql
    let code = copy.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) { text in
        sqlite3_prepare_v3(
          connection.handle, text.baseAddress, Int32(text.count), UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
      }
    }
    if code != SQLITE_OK, failure == nil { failure = connection.error(code, sql: sql) }
    return handle
  }

  private func note(_ code: Int32) {
    if code != SQLITE_OK, failure == nil { failure = connection.error(code, sql: sql) }
  }

  // MARK: Running

  /// Writes. Only inside a transaction: SQLite ends one by itself after some errors, and what follows must not be
  /// committed piece by piece.
  func run() throws(StoreError) {
    defer { reset() }
    guard connection.isInTransaction else { throw outsideTransaction }
    while try step() {}
  }

  func first<Result>(_ read: (SQLiteStatement) throws(StoreError) -> Result) throws(StoreError) -> Result? {
    defer { reset() }
    return try step() ? try read(self) : nil
  }

  func forEach(_ read: (SQLiteStatement) throws(StoreError) -> Void) throws(StoreError) {
    defer { reset() }
    while try step() { try read(self) }
  }

  func all<Result>(_ read: (SQLiteStatement) throws(StoreError) -> Result) throws(StoreError) -> [Result] {
    defer { reset() }
    var results: [Result] = []
    while try step() { results.append(try read(self)) }
    return results
  }

  private func step() throws(StoreError) -> Bool {
    guard let handle = prepared(), failure == nil else {
      throw failure ?? StoreError(.internalError, "“\(sql)” could not be prepared")
    }
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    if code == SQLITE_DONE { return false }
    throw connection.error(code, sql: sql)
  }

  private func reset() {
    sqlite3_reset(handle)
    failure = nil
  }

  /// Runs a write once for each row. What is not bound anew stays as it was for the row before, and is NULL in the first.
  ///
  /// It asks nothing twice that is the same for all rows: half of what a row costs beside SQLite's own work. What `bind`
  /// binds without a copy is to stay until this returns.
  func run(_ rows: Range<Int>, _ bind: (_ row: Int, inout RowBinder) -> Void) throws(StoreError) {
    // Whoever ran the statement row by row has left his values bound.
    clear()
    defer { clear() }
    guard connection.isInTransaction else { throw outsideTransaction }
    guard let handle = prepared(), failure == nil else {
      throw failure ?? StoreError(.internalError, "“\(sql)” could not be prepared")
    }
    var binder = RowBinder(handle)
    for row in rows {
      bind(row, &binder)
      guard binder.code == SQLITE_OK else { throw connection.error(binder.code, sql: sql) }
      let code = sqlite3_step(handle)
      guard code == SQLITE_DONE else { throw connection.error(code, sql: sql) }
      sqlite3_reset(handle)
    }
  }

  /// Nothing stays bound to memory that is the caller's.
  private func clear() {
    reset()
    // Unlike a reset, this needs a statement: there is none where the schema is damaged.
    if let handle { sqlite3_clear_bindings(handle) }
  }

  private var outsideTransaction: StoreError {
    StoreError(.internalError, "\(connection.path): “\(sql)” ran outside a transaction; nothing was written")
  }

  // MARK: Binding

  func bindNull(at index: Int) {
    note(sqlite3_bind_null(prepared(), Int32(index)))
  }

  func bind(_ value: some FixedWidthInteger, at index: Int) {
    note(sqlite3_bind_int64(prepared(), Int32(index), Int64(truncatingIfNeeded: value)))
  }

  func bind(_ value: String, at index: Int) {
    var copy = value
    copy.withUTF8 { bindText($0, at: index) }
  }

  /// Bytes of UTF-8 as text.
  func bind(utf8 bytes: [UInt8], at index: Int) {
    bytes.withUnsafeBufferPointer { bindText($0, at: index) }
  }

  private func bindText(_ utf8: UnsafeBufferPointer<UInt8>, at index: Int) {
    // A null pointer would bind NULL instead of the empty text.
    guard let base = utf8.baseAddress, !utf8.isEmpty else {
      note(sqlite3_bind_text(prepared(), Int32(index), "", 0, storesync_sqlite_transient()))
      return
    }
    base.withMemoryRebound(to: CChar.self, capacity: utf8.count) { text in
      note(
        sqlite3_bind_text64(
          prepared(), Int32(index), text, UInt64(utf8.count), storesync_sqlite_transient(), UInt8(SQLITE_UTF8)))
    }
  }

  func bind(_ bytes: [UInt8], at index: Int) {
    bytes.withUnsafeBytes { buffer in
      let code =
        buffer.isEmpty
        ? sqlite3_bind_zeroblob(prepared(), Int32(index), 0)
        : sqlite3_bind_blob64(
          prepared(), Int32(index), buffer.baseAddress, UInt64(buffer.count), storesync_sqlite_transient())
      note(code)
    }
  }

  func bind(_ value: Value, at index: Int) {
    switch value {
    case .null: bindNull(at: index)
    case .integer(let integer): bind(integer, at: index)
    case .text(let text): bind(text, at: index)
    case .bytes(let bytes): bind(bytes, at: index)
    }
  }

  // MARK: Binding without copies

  /// Bytes in a buffer that stays as it is until the statement has run; copied where the buffer is full.
  func bind(_ bytes: [UInt8], at index: Int, in buffer: BindingBuffer) {
    guard !bytes.isEmpty, let place = buffer.append(bytes) else { return bind(bytes, at: index) }
    note(
      sqlite3_bind_blob64(
        prepared(), Int32(index), place.baseAddress, UInt64(place.count), storesync_sqlite_static()))
  }

  func bind(utf8 bytes: UnsafeRawBufferPointer, at index: Int, in buffer: BindingBuffer) {
    guard !bytes.isEmpty, let place = buffer.append(bytes) else {
      return bindText(bytes.assumingMemoryBound(to: UInt8.self), at: index)
    }
    note(
      sqlite3_bind_text64(
        prepared(), Int32(index), place.assumingMemoryBound(to: CChar.self).baseAddress, UInt64(place.count),
        storesync_sqlite_static(), UInt8(SQLITE_UTF8)))
  }

  func bind(_ value: Value, at index: Int, in buffer: BindingBuffer) {
    switch value {
    case .null: bindNull(at: index)
    case .integer(let integer): bind(integer, at: index)
    case .text(var text): text.withUTF8 { bind(utf8: UnsafeRawBufferPointer($0), at: index, in: buffer) }
    case .bytes(let bytes): bind(bytes, at: index, in: buffer)
    }
  }

  /// All that a buffer holds, which does not change before the statement has run.
  func bindAll(of buffer: BindingBuffer, at index: Int) {
    note(
      sqlite3_bind_blob64(
        prepared(), Int32(index), buffer.bytes.baseAddress, UInt64(buffer.count), storesync_sqlite_static()))
  }

  // MARK: Columns of the present row, counted from 0

  func isNull(_ column: Int) -> Bool {
    sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL
  }

  func integer(_ column: Int) throws(StoreError) -> Int64 {
    try expect(SQLITE_INTEGER, "a whole number", column)
    return sqlite3_column_int64(handle, Int32(column))
  }

  /// An integer that must fit a narrower type.
  func integer<Integer: FixedWidthInteger>(_ column: Int, as type: Integer.Type) throws(StoreError) -> Integer {
    guard let value = Integer(exactly: try integer(column)) else {
      throw unexpected("a whole number from \(Integer.min) to \(Integer.max)", column)
    }
    return value
  }

  /// 64 bits that were bound as they are.
  func bits(_ column: Int) throws(StoreError) -> UInt64 {
    UInt64(bitPattern: try integer(column))
  }

  func text(_ column: Int) throws(StoreError) -> String {
    try expect(SQLITE_TEXT, "text", column)
    guard let text = String(validating: rawText(column), as: UTF8.self) else {
      throw unexpected("valid UTF-8", column)
    }
    return text
  }

  /// The UTF-8 of a text, not validated.
  func utf8(_ column: Int) throws(StoreError) -> [UInt8] {
    try expect(SQLITE_TEXT, "text", column)
    return Array(rawText(column))
  }

  private func rawText(_ column: Int) -> UnsafeBufferPointer<UInt8> {
    let start = sqlite3_column_text(handle, Int32(column))
    return UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column))))
  }

  func bytes(_ column: Int) throws(StoreError) -> [UInt8] {
    try expect(SQLITE_BLOB, "bytes", column)
    let start = sqlite3_column_blob(handle, Int32(column))
    return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column)))))
  }

  func value(_ column: Int) throws(StoreError) -> Value {
    switch sqlite3_column_type(handle, Int32(column)) {
    case SQLITE_NULL: return .null
    case SQLITE_INTEGER: return .integer(sqlite3_column_int64(handle, Int32(column)))
    case SQLITE_TEXT: return .text(try text(column))
    case SQLITE_BLOB: return .bytes(try bytes(column))
    default: throw unexpected("a whole number, text or bytes", column)
    }
  }

  private func expect(_ type: Int32, _ expectation: String, _ column: Int) throws(StoreError) {
    guard sqlite3_column_type(handle, Int32(column)) == type else { throw unexpected(expectation, column) }
  }

  private func unexpected(_ expectation: String, _ column: Int) -> StoreError {
    let name = sqlite3_column_name(handle, Int32(column)).map { String(cString: $0) } ?? String(column)
    return .corrupt(connection.path, "column “\(name)” of “\(sql)”: expected \(expectation), found something else")
  }
}
