package import RecordStore

/// Named values that a node keeps beside its records: keys, addresses, enrolments. They never travel.
final class SettingTable {
  private let load: SQLiteStatement
  private let save: SQLiteStatement
  private let list: SQLiteStatement
  private let remove: SQLiteStatement

  init(_ connection: SQLiteConnection) {
    load = SQLiteStatement(connection, "SELECT value FROM sync_setting WHERE name = ?")
    save = SQLiteStatement(connection, "INSERT OR REPLACE INTO sync_setting (name, value) VALUES (?, ?)")
    list = SQLiteStatement(connection, "SELECT name FROM sync_setting ORDER BY name")
    remove = SQLiteStatement(connection, "DELETE FROM sync_setting WHERE name = ?")
  }

  func value(_ name: String) throws(StoreError) -> [UInt8]? {
    load.bind(name, at: 1)
    return try load.first { row throws(StoreError) in try row.bytes(0) }
  }

  func set(_ name: String, _ value: [UInt8]?) throws(StoreError) {
    guard let value else {
      remove.bind(name, at: 1)
      return try remove.run()
    }
    save.bind(name, at: 1)
    save.bind(value, at: 2)
    try save.run()
  }

  func names() throws(StoreError) -> [String] {
    var names: [String] = []
    try list.forEach { row throws(StoreError) in names.append(try row.text(0)) }
    return names
  }
}

extension SQLiteBackend {
  package func setting(_ name: String) throws(StoreError) -> [UInt8]? { try settings.value(name) }

  /// Sets several values in one transaction; nil removes one.
  package func setSettings(_ values: [(name: String, value: [UInt8]?)]) throws(StoreError) {
    try transaction { () throws(StoreError) in
      for (name, value) in values { try settings.set(name, value) }
    }
  }

  /// The names that begin with `prefix`, ascending.
  package func settingNames(prefix: String) throws(StoreError) -> [String] {
    try settings.names().filter { $0.hasPrefix(prefix) }
  }
}
