import Base
import Causality
import Dispatch
import Merge
import RecordStore
import Retail
import StoreModel
import Transport
import Wire

// Letting go of old facts at a store.

extension ControlService {
  private static let dayMilliseconds: Int64 = 86_400_000

  /// One turn: whoever wants all asks again with what `next` says. So a sale waits for one turn at the most, and a purge
  /// can be ended between two.
  func purge(_ request: CBORValue, _ completion: @escaping Completion) {
    guard !gate.identity.isHQ else {
      return completion(
        .failure(ControlError(.notAllowed, "HQ keeps what its stores let go of; purge at a store")))
    }
    let now = gate.clock.now
    let isDryRun = request["isDryRun"]?.booleanValue ?? false
    let held = request["daysAtHQ"]?.integerValue ?? Int64(Self.daysAtHQ)
    guard (0...Int64(NodeSettings.acknowledgedDayCount)).contains(held) else {
      return completion(
        .failure(
          ControlError(
            .usage, "found \(held) days at HQ, expected 0 to \(NodeSettings.acknowledgedDayCount)")))
    }
    node.queue.async {
      // The database hears of it a moment later.
      let atHQ = self.node.peerStatuses().first { $0.node == .hq }?.acknowledged
      self.purge(request, now, held: Int(held), atHQ: atHQ, isDryRun: isDryRun, completion)
    }
  }

  private func purge(
    _ request: CBORValue, _ now: WallTime, held: Int, atHQ: LaneMap<Sequence64>?, isDryRun: Bool,
    _ completion: @escaping Completion
  ) {
    let from = request["from"]?.bytesValue.map { RecordID($0) }
    let work: @Sendable (StoreGate.Engine) throws(StoreError) -> Result<(PurgeSlice, WallTime), ControlError> = {
      engine throws(StoreError) in
      let calendar = try Self.calendar(engine)
      let before: WallTime
      do throws(ControlError) {
        before = try Self.limit(request, now, calendar)
      } catch {
        return .failure(error)
      }
      var known = try engine.acknowledged(by: .hq)
      if let atHQ { known = atHQ }
      let through = try NodeSettings.acknowledged(forDays: held, known: known, at: now, engine)
      let slice = try engine.purge(
        PurgeRequest(before: before, through: through, from: from, isDryRun: isDryRun)
      ) { RecordDigest($0, sha256: Digest.sha256).bytes }
      return .success((slice, before))
    }
    let finish: @Sendable (Result<Result<(PurgeSlice, WallTime), ControlError>, StoreError>) -> Void = { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(.failure(let error)): completion(.failure(error))
      case .success(.success((let slice, let before))):
        completion(.success(self.value(of: slice, before: before, isDryRun: isDryRun)))
      }
    }
    if isDryRun { gate.read(work, completion: finish) } else { gate.write(work, completion: finish) }
  }

  /// HQ's backup of two weeks ago is restored only after a very bad day.
  static let daysAtHQ = 14

  private func value(of slice: PurgeSlice, before: WallTime, isDryRun: Bool) -> CBORValue {
    let model = gate.model
    return .object([
      "schema": .integer(Self.schema), "before": .text(RFC3339.format(before)), "isDryRun": .boolean(isDryRun),
      "dropped": .array(
        slice.dropped.sorted { $0.key < $1.key }.map { tag, count in
          .object(["entity": .text(model.entity(tag)?.name ?? "\(tag)"), "records": .integer(Int64(count))])
        }),
      "kept": .array(
        PurgeObstacle.allCases.compactMap { obstacle in
          slice.kept[obstacle].map { .object(["reason": .text(obstacle.rawValue), "records": .integer(Int64($0))]) }
        }),
      "next": slice.next.map { .bytes($0.bytes) },
    ])
  }

  /// The shop's own days; UTC's while the shop's record has not come.
  private static func calendar(_ engine: StoreGate.Engine) throws(StoreError) -> BusinessCalendar? {
    let store = try engine.shown(Store.self, RecordID(number: engine.identity.replica.node.rawValue))
    return store.flatMap { try? BusinessCalendar(timeZone: $0.timeZone) }
  }

  /// Before which a document must have been made.
  private static func limit(
    _ request: CBORValue, _ now: WallTime, _ calendar: BusinessCalendar?
  ) throws(ControlError) -> WallTime {
    let youngest = now.advanced(byMilliseconds: -Int64(StoreLimits.purgeAgeDays) * dayMilliseconds)
    let limit: WallTime
    switch (request["before"]?.textValue, request["olderThanDays"]?.integerValue) {
    case (let text?, nil):
      guard let day = CivilDay(text) else {
        throw ControlError(.usage, "found the day “\(text)”, expected one such as 2026-01-31")
      }
      let midnight = Int64(day.daysSince1970) * dayMilliseconds
      // The offset at the local midnight, found from one that is off by less than a day.
      var time = WallTime(milliseconds: midnight)
      for _ in 0..<2 {
        let offset = Int64(calendar?.offsetSeconds(at: time) ?? 0) * 1_000
        time = WallTime(milliseconds: midnight - offset)
      }
      limit = time
    case (nil, let days?):
      guard (0...100_000).contains(days) else {
        throw ControlError(.usage, "found \(days) days, expected \(StoreLimits.purgeAgeDays) or more")
      }
      limit = now.advanced(byMilliseconds: -days * dayMilliseconds)
    default: throw ControlError(.usage, "expected either --before DATE or --older-than DAYS")
    }
    guard limit <= youngest else {
      throw ControlError(
        .usage,
        "found a limit of \(RFC3339.format(limit)), expected one \(StoreLimits.purgeAgeDays) days ago or earlier: returns "
          + "and voids need the sales of the last weeks")
    }
    return limit
  }
}

extension CivilDay {
  /// A day as ISO 8601 writes it, 2026-01-31.
  fileprivate init?(_ text: String) {
    let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int(String(decoding: $0, as: UTF8.self)) }
    guard parts.map(\.count) == [4, 2, 2], numbers.count == 3 else { return nil }
    self.init(year: numbers[0], month: numbers[1], day: numbers[2])
  }
}
