package import Causality
package import Merge
package import RecordStore
package import StoreModel

/// The forms of bytes in a database, apart from any database: for those who try what damaged ones do.
package final class StoredForms {
  private let replicas: ReplicaTable

  /// - Parameter replicas: those that records may name, by their number.
  package init(replicas known: [ReplicaID]) throws(StoreError) {
    let connection = try SQLiteConnection(path: ":memory:", access: .create, lock: nil)
    try connection.execute(
      "CREATE TABLE sync_replica (idx INTEGER PRIMARY KEY, node INTEGER NOT NULL, incarnation INTEGER NOT NULL)")
    // Never ended: nothing of it is to stay.
    try connection.execute("BEGIN")
    replicas = ReplicaTable(connection)
    for replica in known { _ = try replicas.index(of: replica) }
  }

  /// What a record's metadata say, beside the columns of its row; or alone, if it has no row.
  package func body(
    _ metadata: [UInt8], _ key: RecordKey, row: (schema: EntitySchema, values: [Value])?
  ) throws(StoreError) -> StoredRecord.Body {
    let columns = row.map { RowColumns(fields: $0.schema.fields, values: $0.values) }
    return try MetaDecoder.decode(metadata, key, columns: columns, replicas, path: ":memory:")
  }

  /// The metadata of a record without a row.
  package func metadata(_ body: StoredRecord.Body) throws(StoreError) -> [UInt8] {
    switch body {
    case .held(let state): try MetaEncoder.encodeWhole(state, replicas)
    case .stub(let vector): try MetaEncoder.encodeStub(vector, replicas)
    }
  }

  package static func ancestors(_ setting: [UInt8]) -> [Lineage.Ancestor]? { LineageSetting.unpack(setting) }
  package static func setting(_ ancestors: [Lineage.Ancestor]) -> [UInt8] { LineageSetting.pack(ancestors) }

  package static func partedLogs(_ setting: [UInt8]) -> [PartedLog]? { PartedLogSetting.unpack(setting) }
  package static func setting(_ logs: [PartedLog]) -> [UInt8] { PartedLogSetting.pack(logs) }
}
