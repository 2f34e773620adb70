import CSQLite
import StoreModel

/// Binds the values of one row to a statement that runs for many. Nothing is copied: what is bound stays where it is
/// until all rows are written.
struct RowBinder {
  private let handle: OpaquePointer
  /// The first failure; SQLite's codes.
  private(set) var code = SQLITE_OK

  init(_ handle: OpaquePointer) {
    self.handle = handle
  }

  /// The row is not to be written.
  mutating func fail(_ code: Int32) { note(code) }

  private mutating func note(_ code: Int32) { if self.code == SQLITE_OK { self.code = code } }

  mutating func bindNull(at index: Int) { note(sqlite3_bind_null(handle, Int32(index))) }

  mutating func bind(_ number: Int64, at index: Int) { note(sqlite3_bind_int64(handle, Int32(index), number)) }

  mutating func bind(blob bytes: UnsafeRawBufferPointer, at index: Int) {
    // A null pointer would bind NULL instead of an empty blob.
    guard !bytes.isEmpty else { return note(sqlite3_bind_zeroblob(handle, Int32(index), 0)) }
    note(
      sqlite3_bind_blob64(
        handle, Int32(index), bytes.baseAddress, UInt64(bytes.count), storesync_sqlite_static()))
  }

  /// Valid UTF-8 as text.
  mutating func bind(text utf8: UnsafeRawBufferPointer, at index: Int) {
    // The same of an empty text.
    guard !utf8.isEmpty else {
      return note(sqlite3_bind_text(handle, Int32(index), "", 0, storesync_sqlite_transient()))
    }
    note(
      sqlite3_bind_text64(
        handle, Int32(index), utf8.assumingMemoryBound(to: CChar.self).baseAddress, UInt64(utf8.count),
        storesync_sqlite_static(), UInt8(SQLITE_UTF8)))
  }

  /// A value whose bytes are held in `buffer`, or copied where that is full.
  mutating func bind(_ value: Value, at index: Int, in buffer: BindingBuffer) {
    switch value {
    case .null: bindNull(at: index)
    case .integer(let number): bind(number, at: index)
    case .text(var text):
      text.withUTF8 { utf8 in
        let bytes = UnsafeRawBufferPointer(utf8)
        if let place = buffer.append(bytes) { bind(text: place, at: index) } else { bind(copyOfText: bytes, at: index) }
      }
    case .bytes(let bytes):
      bytes.withUnsafeBytes { bytes in
        if let place = buffer.append(bytes) { bind(blob: place, at: index) } else { bind(copyOfBlob: bytes, at: index) }
      }
    }
  }

  private mutating func bind(copyOfText utf8: UnsafeRawBufferPointer, at index: Int) {
    note(
      sqlite3_bind_text64(
        handle, Int32(index), utf8.assumingMemoryBound(to: CChar.self).baseAddress, UInt64(utf8.count),
        storesync_sqlite_transient(), UInt8(SQLITE_UTF8)))
  }

  private mutating func bind(copyOfBlob bytes: UnsafeRawBufferPointer, at index: Int) {
    note(
      sqlite3_bind_blob64(
        handle, Int32(index), bytes.baseAddress, UInt64(bytes.count), storesync_sqlite_transient()))
  }
}
