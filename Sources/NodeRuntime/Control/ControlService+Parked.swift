import Base
import Causality
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Wire

// What could not be applied: groups that are parked here, and those that a peer has not applied.

extension ControlService {
  /// All, or the one with the `number`.
  func parked(_ request: CBORValue, _ completion: @escaping Completion) {
    let number = request["number"]?.integerValue
    let model = gate.model
    read(completion) { engine throws(StoreError) -> (groups: [ParkedGroup], exceptions: [PeerException]) in
      if let number {
        return (groups: try engine.backend.parkedGroup(number).map { [$0] } ?? [], exceptions: [])
      }
      return (groups: try engine.backend.parkedSummaries(), exceptions: try engine.allExceptions())
    } then: { found in
      if let number, found.groups.isEmpty { return .failure(Self.noParked(number)) }
      return .success(
        .object([
          "schema": .integer(Self.schema),
          "parked": .array(found.groups.map { $0.value(model) }),
          "notApplied": number == nil ? .array(found.exceptions.map { $0.value(model) }) : nil,
        ]))
    }
  }

  static func noParked(_ number: Int64) -> ControlError {
    ControlError(.notFound, "no group is parked under the number \(number); `syncctl parked list` has those that are")
  }

  func retryParked(_ request: CBORValue, _ completion: @escaping Completion) {
    let number = request["number"]?.integerValue
    let isTrusting = request["trusting"]?.booleanValue ?? false
    guard !isTrusting || gate.identity.isHQ else {
      return completion(.failure(ControlError(.usage, "--trust is for HQ: a store takes from HQ whatever it says")))
    }
    let (model, clock, log) = (gate.model, gate.clock, node.log)
    gate.write { engine throws(StoreError) -> [ParkedRetry]? in
      if let number, try engine.backend.parkedGroup(number) == nil { return nil }
      return try engine.retryParked(number, at: clock.now, trusting: isTrusting, decoding: StoreGate.decodeParked)
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(nil): completion(.failure(Self.noParked(number ?? 0)))
      case .success(let outcomes?):
        for outcome in outcomes where outcome.isApplied {
          let group = outcome.group
          log(
            LogEvent(
              .info, "parked.applied",
              "the parked group \(group.number) of node \(group.peer) was tried again by a person and is applied"
                + (isTrusting ? ", as they vouch for it" : ""),
              [.init("code", group.code), .init("receivedAt", RFC3339.format(group.receivedAt))]))
        }
        completion(
          .success(
            .object([
              "schema": .integer(Self.schema),
              "applied": .integer(Int64(outcomes.count { $0.isApplied })),
              "stillParked": .integer(Int64(outcomes.count { !$0.isApplied })),
              "groups": .array(
                outcomes.map { outcome in
                  .object(["isApplied": .boolean(outcome.isApplied), "group": outcome.group.value(model)])
                }),
            ])))
      }
    }
  }

  /// Only by a person, with a reason, which goes into the log.
  func dropParked(_ request: CBORValue, _ completion: @escaping Completion) {
    guard let number = request["number"]?.integerValue, let reason = Self.note(request["reason"]) else {
      return completion(.failure(Self.needsReason))
    }
    let model = gate.model
    let log = node.log
    gate.write { engine throws(StoreError) -> ParkedGroup? in
      try engine.dropParked(number)
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(nil): completion(.failure(Self.noParked(number)))
      case .success(let group?):
        log(
          LogEvent(
            .warning, "parked.dropped", "the parked group \(number) of node \(group.peer) was dropped: \(reason)",
            [.init("code", group.code)]))
        completion(.success(.object(["schema": .integer(Self.schema), "dropped": group.value(model)])))
      }
    }
  }

  /// Takes what a peer has not applied off the list.
  func forgetExceptions(_ request: CBORValue, _ completion: @escaping Completion) {
    guard let reason = Self.note(request["reason"]) else { return completion(.failure(Self.needsReason)) }
    let number = request["number"]?.integerValue
    let log = node.log
    gate.write { engine throws(StoreError) -> [PeerException] in
      let found = try engine.allExceptions().filter { number == nil || $0.number == number }
      try engine.forgetExceptions(found.map(\.number))
      return found
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(let found) where found.isEmpty && number != nil:
        completion(
          .failure(
            ControlError(.notFound, "nothing is noted as not applied under the number \(number ?? 0)")))
      case .success(let found):
        for exception in found {
          log(
            LogEvent(
              .warning, "exception.forgotten",
              "that a group was \(exception.outcome) (node \(exception.peer)) was taken off the list: \(reason)",
              [.init("code", exception.code)]))
        }
        completion(
          .success(.object(["schema": .integer(Self.schema), "forgotten": .integer(Int64(found.count))])))
      }
    }
  }

  static let needsReason = ControlError(
    .usage,
    "expected a number, and --reason with 1 to \(StoreLimits.noteBytes) bytes of text: it is for those who ask later")

  /// Whether a text may be a person's note.
  package static func isNote(_ text: String) -> Bool { note(.text(text)) != nil }

  /// A note of a person; nil if it is empty or too long.
  static func note(_ value: CBORValue?) -> String? {
    guard let text = value?.textValue, (1...StoreLimits.noteBytes).contains(text.utf8.count) else { return nil }
    return text
  }
}

extension StoreGate.Engine {
  /// Between this node and all its peers.
  func allExceptions() throws(StoreError) -> [PeerException] {
    guard identity.isHQ else {
      return try exceptions(of: .hq, acknowledged: try acknowledged(by: .hq))
    }
    var all: [PeerException] = []
    for (node, _) in try NodeSettings.enrolments(self) {
      all += try exceptions(of: node, acknowledged: try acknowledged(by: node))
    }
    return all.sorted { $0.number < $1.number }
  }
}

extension [RecordKey] {
  func values(_ model: Model) -> CBORValue {
    .array(
      map { key in
        let schema = model.entity(key.entity)
        return .object([
          "entity": .text(schema?.name ?? "\(key.entity)"),
          "id": .text(schema?.identity.text(of: key.id) ?? key.id.description),
        ])
      })
  }
}

extension ParkedGroup {
  fileprivate func value(_ model: Model) -> CBORValue {
    .object([
      "number": .integer(number), "from": .text("\(peer)"), "lane": .text("\(lane)"),
      "receivedAt": .text(RFC3339.format(receivedAt)), "code": .text(code), "reason": .text(reason),
      "records": .integer(Int64(keys.count)), "touches": keys.values(model),
      "bytes": payload.isEmpty ? nil : .integer(Int64(payload.count)),
      "payload": payload.isEmpty ? nil : .bytes(payload),
    ])
  }
}

extension PeerException {
  fileprivate func value(_ model: Model) -> CBORValue {
    .object([
      "number": .integer(number), "peer": .text("\(peer)"),
      "by": .text(side == .here ? "this node" : peer == .hq ? "HQ" : "store \(peer)"), "outcome": .text(outcome),
      "notedAt": .text(RFC3339.format(notedAt)), "code": .text(code), "reason": .text(reason),
      "stamp": stamp.map { .text("\($0)") }, "touches": keys.values(model),
    ])
  }
}
