import Base
import Dispatch
import HTTPClient
import RecordStore
import SQLiteStore
import StoreModel
import Wire

// Where HQ posts what changes.

extension ControlService {
  /// - Returns: false if it is no operation of webhooks.
  func handleWebhook(_ operation: String, _ request: CBORValue, _ completion: @escaping Completion) -> Bool {
    let work: (CBORValue, @escaping Completion) -> Void
    switch operation {
    case "webhook-list": work = { _, completion in self.listWebhooks(completion) }
    case "webhook-add": work = addWebhook
    case "webhook-remove": work = removeWebhook
    case "webhook-pause": work = { self.changeWebhook($0, $1) { hook, _ in hook.isPaused = true } }
    case "webhook-resume":
      work = {
        self.changeWebhook($0, $1) { hook, now in
          hook.isPaused = false
          hook.resumedAt = now
        }
      }
    case "webhook-rotate": work = rotateWebhook
    case "webhook-test": work = testWebhook
    default: return false
    }
    if gate.identity.isHQ {
      work(request, completion)
    } else {
      completion(.failure(ControlError(.notAllowed, "this is a store; HQ sends webhooks")))
    }
    return true
  }

  private func listWebhooks(_ completion: @escaping Completion) {
    withSenderProgress { sent in
      self.read(completion) { engine throws(StoreError) in
        try Self.webhooks(sent, engine)
      } then: {
        .success(.object(["schema": .integer(Self.schema), "webhooks": .array($0)]))
      }
    }
  }

  /// Calls back with how far hooks have come by the sender's own account, which the database hears of a second later.
  func withSenderProgress(_ body: @escaping @Sendable ([String: WebhookProgress]) -> Void) {
    node.queue.async {
      guard let sender = self.node.webhooks else { return body([:]) }
      sender.queue.async { body(sender.allProgress) }
    }
  }

  static func webhooks(
    _ sent: [String: WebhookProgress], _ engine: StoreGate.Engine
  ) throws(StoreError) -> [CBORValue] {
    guard engine.identity.isHQ else { return [] }
    var values: [CBORValue] = []
    for (hook, written) in try Webhook.all(engine) {
      let progress = sent[hook.name] ?? written
      var behind: UInt64? = try engine.logHead()
      if let cursor = progress.cursor { behind = try? engine.feedLag(of: cursor).get() }
      values.append(value(of: hook, progress, behind: behind))
    }
    return values
  }

  private static func value(
    of hook: Webhook, _ progress: WebhookProgress, behind: UInt64?, secret: WebhookSecret? = nil
  ) -> CBORValue {
    .object([
      "name": .text(hook.name), "address": .text(hook.address),
      "state": .text(progress.isPaused(hook) ? "paused" : progress.failingSince == nil ? "active" : "failing"),
      "entities": hook.entities.isEmpty ? nil : .array(hook.entities.map(CBORValue.text)),
      "behind": behind.map(CBORValue.unsigned), "createdAt": .text(RFC3339.format(hook.createdAt)),
      "lastDelivery": progress.lastDelivery.map { .text(RFC3339.format($0)) },
      "failingSince": progress.failingSince.map { .text(RFC3339.format($0)) },
      "failures": progress.failures > 0 ? .integer(Int64(progress.failures)) : nil,
      "problem": progress.problem.map(CBORValue.text), "secrets": .integer(Int64(hook.secrets.count)),
      "secret": secret.map { .text($0.text) },
    ])
  }

  // MARK: Changes

  private func addWebhook(_ request: CBORValue, _ completion: @escaping Completion) {
    var generator = SystemRandomness()
    let secret = WebhookSecret(using: &generator)
    let hook: Webhook
    do throws(ControlError) {
      hook = try webhook(request, secret)
    } catch {
      return completion(.failure(error))
    }
    let isFromBeginning = request["from"]?.textValue == "beginning"
    changeWebhooks(completion) { engine throws(StoreError) in
      let present = try Webhook.all(engine).map(\.hook)
      guard !present.contains(where: { $0.name == hook.name }) else {
        return .failure(
          ControlError(.usage, "there is a webhook “\(hook.name)” already; remove it first, or give another name"))
      }
      guard present.count < WebhookLimits.hookCount else {
        return .failure(
          ControlError(.notAllowed, "there are \(present.count) webhooks, and HQ sends to no more; remove one"))
      }
      let progress = WebhookProgress(cursor: isFromBeginning ? nil : try engine.feedEnd())
      try engine.backend.setSettings([
        (Webhook.setting(hook.name), hook.bytes), (Webhook.progressSetting(hook.name), progress.bytes),
      ])
      return .success(Self.value(of: hook, progress, behind: nil, secret: secret))
    }
  }

  private func webhook(_ request: CBORValue, _ secret: WebhookSecret) throws(ControlError) -> Webhook {
    let name = request["name"]?.textValue ?? ""
    guard FeedName.isValid(name) else {
      throw ControlError(.usage, "found the name “\(name)”, expected \(FeedName.expectation)")
    }
    let address = request["address"]?.textValue ?? ""
    let allowsPlainHTTP = request["allowsPlainHTTP"]?.booleanValue ?? false
    do throws(HTTPError) {
      _ = try HTTPAddress(address, allowsPlainHTTP: allowsPlainHTTP)
    } catch {
      throw ControlError(.usage, "\(error)")
    }
    let entities = (request["entities"]?.arrayValue ?? []).compactMap(\.textValue)
    if let unknown = entities.first(where: { name in !gate.model.entities.contains { $0.name == name } }) {
      let known = gate.model.entities.map(\.name).joined(separator: ", ")
      throw ControlError(.usage, "found the entity “\(unknown)”, expected some of \(known)")
    }
    return Webhook(
      name: name, address: address, allowsPlainHTTP: allowsPlainHTTP, entities: entities, secrets: [secret],
      createdAt: gate.clock.now)
  }

  private func removeWebhook(_ request: CBORValue, _ completion: @escaping Completion) {
    let name = request["name"]?.textValue ?? ""
    changeWebhooks(completion) { engine throws(StoreError) in
      guard try Webhook.find(name, engine) != nil else { return .failure(Self.noWebhook(name)) }
      try engine.backend.setSettings([(Webhook.setting(name), nil), (Webhook.progressSetting(name), nil)])
      return .success(.object(["name": .text(name), "state": .text("removed")]))
    }
  }

  private func changeWebhook(
    _ request: CBORValue, _ completion: @escaping Completion, secret: WebhookSecret? = nil,
    _ change: @escaping @Sendable (inout Webhook, WallTime) -> Void
  ) {
    let (name, now) = (request["name"]?.textValue ?? "", gate.clock.now)
    changeWebhooks(completion) { engine throws(StoreError) in
      guard var (hook, progress) = try Webhook.find(name, engine) else { return .failure(Self.noWebhook(name)) }
      change(&hook, now)
      if let resumedAt = hook.resumedAt, resumedAt >= now { progress.resume() }
      try engine.backend.setSettings([(Webhook.setting(name), hook.bytes)])
      return .success(Self.value(of: hook, progress, behind: nil, secret: secret))
    }
  }

  private func rotateWebhook(_ request: CBORValue, _ completion: @escaping Completion) {
    let hours = request["overlapHours"]?.integerValue ?? WebhookLimits.overlapHours
    guard (0...WebhookLimits.highestOverlapHours).contains(hours) else {
      return completion(
        .failure(
          ControlError(.usage, "found an overlap of \(hours) hours, expected 0 to \(WebhookLimits.highestOverlapHours)")
        )
      )
    }
    var generator = SystemRandomness()
    let secret = WebhookSecret(using: &generator)
    changeWebhook(request, completion, secret: secret) { hook, now in
      let end = now.advanced(byMilliseconds: hours * 3_600_000)
      hook.replaceSecret(with: secret, overlappingUntil: end, at: now)
    }
  }

  private static func noWebhook(_ name: String) -> ControlError {
    ControlError(.notFound, "there is no webhook “\(name)”; `syncctl webhook list` has all")
  }

  /// Changes what is written down, and tells the sender of it.
  private func changeWebhooks(
    _ completion: @escaping Completion,
    _ body: @escaping @Sendable (StoreGate.Engine) throws(StoreError) -> Result<CBORValue, ControlError>
  ) {
    gate.write(body) { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(.failure(let error)): completion(.failure(error))
      case .success(.success(let webhook)):
        let answer = CBORValue.object(["schema": .integer(Self.schema), "webhook": webhook])
        self.node.queue.async {
          guard let sender = self.node.webhooks else { return completion(.success(answer)) }
          sender.reload { completion(.success(answer)) }
        }
      }
    }
  }

  /// Posts a message that says nothing, and tells what the receiver has answered.
  private func testWebhook(_ request: CBORValue, _ completion: @escaping Completion) {
    let name = request["name"]?.textValue ?? ""
    node.queue.async {
      guard self.node.isRunning, let sender = self.node.webhooks else {
        return completion(.failure(ControlError(.unreachable, "HQ's node does not run; it is what sends")))
      }
      self.gate.read { engine throws(StoreError) in
        try Webhook.find(name, engine)?.hook
      } completion: { result in
        switch result {
        case .failure(let error): completion(.failure(ControlError(error)))
        case .success(nil): completion(.failure(Self.noWebhook(name)))
        case .success(let hook?): sender.test(hook) { completion(.success(Self.value(of: $0, hook))) }
        }
      }
    }
  }

  private static func value(of outcome: WebhookOutcome, _ hook: Webhook) -> CBORValue {
    var (status, problem): (Int?, String?)
    switch outcome {
    case .answered(let number, _):
      status = number
      problem = (200..<300).contains(number) ? nil : "the receiver answered \(number), expected 200 to 299"
    case .failed(let reason): problem = reason
    }
    return .object([
      "schema": .integer(schema), "name": .text(hook.name), "isDelivered": .boolean(problem == nil),
      "status": status.map { .integer(Int64($0)) }, "problem": problem.map(CBORValue.text),
    ])
  }
}
