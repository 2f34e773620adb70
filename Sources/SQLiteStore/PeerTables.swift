import Causality
import RecordStore
import StoreModel

/// What a node remembers of its peers: how far each has come, and which records have left a store.
final class PeerTables {
  private let loadCursor: SQLiteStatement
  private let saveCursor: SQLiteStatement
  private let loadLog: SQLiteStatement
  private let saveLog: SQLiteStatement
  private let loadAcknowledged: SQLiteStatement
  private let saveAcknowledged: SQLiteStatement
  private let loadDepartures: SQLiteStatement
  private let addDeparture: SQLiteStatement
  private let removeDeparture: SQLiteStatement

  init(_ connection: SQLiteConnection) {
    func statement(_ sql: String) -> SQLiteStatement { SQLiteStatement(connection, sql) }
    loadCursor = statement("SELECT epoch, through, incomplete_until FROM sync_cursor WHERE peer = ? AND lane = ?")
    saveCursor = statement(
      "INSERT OR REPLACE INTO sync_cursor (peer, lane, epoch, through, incomplete_until) VALUES (?, ?, ?, ?, ?)")
    loadLog = statement("SELECT epoch, met_at FROM sync_peer WHERE peer = ?")
    saveLog = statement("INSERT OR REPLACE INTO sync_peer (peer, epoch, met_at) VALUES (?, ?, ?)")
    loadAcknowledged = statement("SELECT through FROM sync_ack WHERE peer = ? AND lane = ?")
    saveAcknowledged = statement("INSERT OR REPLACE INTO sync_ack (peer, lane, through) VALUES (?, ?, ?)")
    loadDepartures = statement("SELECT node FROM sync_departure WHERE entity = ? AND \"row\" = ? ORDER BY node")
    addDeparture = statement("INSERT OR IGNORE INTO sync_departure (entity, \"row\", node) VALUES (?, ?, ?)")
    removeDeparture = statement("DELETE FROM sync_departure WHERE entity = ? AND \"row\" = ? AND node = ?")
  }

  func receiveCursor(peer: NodeNumber, lane: Lane) throws(StoreError) -> ReceiveCursor? {
    loadCursor.bind(peer.rawValue, at: 1)
    loadCursor.bind(lane.rawValue, at: 2)
    return try loadCursor.first { row throws(StoreError) in
      ReceiveCursor(
        epoch: Epoch(rawValue: try row.bits(0)), through: try row.bits(1), incompleteUntil: try row.bits(2))
    }
  }

  func setReceiveCursor(_ cursor: ReceiveCursor, peer: NodeNumber, lane: Lane) throws(StoreError) {
    saveCursor.bind(peer.rawValue, at: 1)
    saveCursor.bind(lane.rawValue, at: 2)
    saveCursor.bind(cursor.epoch.rawValue, at: 3)
    saveCursor.bind(cursor.through, at: 4)
    saveCursor.bind(cursor.incompleteUntil, at: 5)
    try saveCursor.run()
  }

  func log(of peer: NodeNumber) throws(StoreError) -> PeerLog? {
    loadLog.bind(peer.rawValue, at: 1)
    return try loadLog.first { row throws(StoreError) in
      PeerLog(epoch: Epoch(rawValue: try row.bits(0)), metAt: try row.bits(1))
    }
  }

  func setLog(_ log: PeerLog, of peer: NodeNumber) throws(StoreError) {
    saveLog.bind(peer.rawValue, at: 1)
    saveLog.bind(log.epoch.rawValue, at: 2)
    saveLog.bind(log.metAt, at: 3)
    try saveLog.run()
  }

  func acknowledged(peer: NodeNumber, lane: Lane) throws(StoreError) -> Sequence64 {
    loadAcknowledged.bind(peer.rawValue, at: 1)
    loadAcknowledged.bind(lane.rawValue, at: 2)
    return try loadAcknowledged.first { row throws(StoreError) in try row.bits(0) } ?? 0
  }

  func setAcknowledged(_ through: Sequence64, peer: NodeNumber, lane: Lane) throws(StoreError) {
    saveAcknowledged.bind(peer.rawValue, at: 1)
    saveAcknowledged.bind(lane.rawValue, at: 2)
    saveAcknowledged.bind(through, at: 3)
    try saveAcknowledged.run()
  }

  func departures(of ref: RecordRef) throws(StoreError) -> [NodeNumber] {
    loadDepartures.bind(ref.entity.rawValue, at: 1)
    loadDepartures.bind(ref.row, at: 2)
    return try loadDepartures.all { row throws(StoreError) in NodeNumber(try row.integer(0, as: UInt32.self)) }
  }

  func setDeparted(_ isDeparted: Bool, _ node: NodeNumber, from ref: RecordRef) throws(StoreError) {
    let statement = isDeparted ? addDeparture : removeDeparture
    statement.bind(ref.entity.rawValue, at: 1)
    statement.bind(ref.row, at: 2)
    statement.bind(node.rawValue, at: 3)
    try statement.run()
  }
}
