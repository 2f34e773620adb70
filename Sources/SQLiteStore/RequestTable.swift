import Base
import RecordStore

/// The answers to requests that took effect. Their numbers ascend with the order in which they came.
final class RequestTable {
  private let load: SQLiteStatement
  private let insert: SQLiteStatement
  private let dropOldest: SQLiteStatement
  private let emptyBodies: SQLiteStatement

  init(_ connection: SQLiteConnection) {
    func statement(_ sql: String) -> SQLiteStatement { SQLiteStatement(connection, sql) }
    load = statement("SELECT at, digest, status, body FROM sync_request WHERE scope = ? AND key = ?")
    insert = statement("INSERT INTO sync_request (scope, key, at, digest, status, body) VALUES (?, ?, ?, ?, ?, ?)")
    emptyBodies = statement("UPDATE sync_request SET body = x'' WHERE instr(body, ?) > 0")
    dropOldest = statement(
      """
      DELETE FROM sync_request WHERE number IN (SELECT number FROM sync_request ORDER BY number LIMIT ?)
        AND (at < ? OR at > ? OR number <= (SELECT max(number) FROM sync_request) - ?)
      """)
  }

  func find(scope: String, key: String) throws(StoreError) -> AnsweredRequest? {
    load.bind(scope, at: 1)
    load.bind(key, at: 2)
    return try load.first { row throws(StoreError) in
      AnsweredRequest(
        request: RequestIdentity(scope: scope, key: key, digest: try row.bytes(1)),
        answer: RequestAnswer(status: try row.integer(2, as: UInt16.self), body: try row.bytes(3)),
        at: WallTime(milliseconds: try row.integer(0)))
    }
  }

  func keep(_ request: AnsweredRequest) throws(StoreError) {
    insert.bind(request.request.scope, at: 1)
    insert.bind(request.request.key, at: 2)
    insert.bind(request.at.milliseconds, at: 3)
    insert.bind(request.request.digest, at: 4)
    insert.bind(request.answer.status, at: 5)
    insert.bind(request.answer.body, at: 6)
    try insert.run()
  }

  func empty(containing bytes: [UInt8]) throws(StoreError) {
    emptyBodies.bind(bytes, at: 1)
    try emptyBodies.run()
  }

  func drop(keptOutside times: ClosedRange<WallTime>, beyond count: Int64, limit: Int) throws(StoreError) {
    dropOldest.bind(limit, at: 1)
    dropOldest.bind(times.lowerBound.milliseconds, at: 2)
    dropOldest.bind(times.upperBound.milliseconds, at: 3)
    dropOldest.bind(count, at: 4)
    try dropOldest.run()
  }
}
