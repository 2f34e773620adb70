import Base
import RecordStore
import StoreModel
import Wire

// Those who follow the change feed under a name.

extension ControlService {
  func listConsumers(_ completion: @escaping Completion) {
    let (gate, now) = (gate, gate.clock.now)
    read(completion) { engine throws(StoreError) in
      try Self.consumers(gate.consumers, engine, at: now)
    } then: {
      .success(.object(["schema": .integer(Self.schema), "consumers": .array($0)]))
    }
  }

  func forgetConsumer(_ request: CBORValue, _ completion: @escaping Completion) {
    let name = request["name"]?.textValue ?? ""
    gate.forgetConsumer(name) { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(false):
        completion(
          .failure(ControlError(.notFound, "there is no consumer “\(name)”; `syncctl consumers list` has all")))
      case .success(true): completion(.success(.object(["schema": .integer(Self.schema), "forgotten": .text(name)])))
      }
    }
  }

  static func consumers(
    _ register: ConsumerRegister, _ engine: StoreGate.Engine, at now: WallTime
  ) throws(StoreError) -> [CBORValue] {
    var values: [CBORValue] = []
    let head = try engine.logHead()
    for consumer in try register.all(engine) {
      var behind: UInt64? = head
      if let cursor = consumer.cursor { behind = try? engine.feedLag(of: cursor).get() }
      let isAway = now.milliseconds(since: consumer.seenAt) > FeedLimits.consumerAwayMilliseconds
      let beginsAnew = isAway || consumer.awaySince != nil || behind == nil
      values.append(
        .object([
          "name": .text(consumer.name), "lastSeen": .text(RFC3339.format(consumer.seenAt)),
          "behind": .unsigned(beginsAnew ? head : behind ?? head), "beginsAnew": .boolean(beginsAnew),
        ]))
    }
    return values
  }
}
