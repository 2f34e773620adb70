package import Base
package import Dispatch
package import RecordStore
import SQLiteStore
package import StoreModel
import SyncSession

/// Posts to HQ's webhooks what changes, a page at a time and in order, each at its own pace and at least once.
///
/// It reads with the connection of those who have time, and writes down once a second how far it has come; nobody waits for
/// it. Confined to `queue` (`@unchecked Sendable`).
package final class WebhookSender: @unchecked Sendable {
  /// Makes a page into the JSON text of a message's data.
  package typealias Renderer = @Sendable (FeedPage, Model) throws(StoreError) -> String
  /// Calls something back after a time in milliseconds.
  package typealias Delay = @Sendable (Int64, @escaping @Sendable () -> Void) -> Void

  let gate: StoreGate
  package let queue: DispatchQueue
  private let log: LogSink
  private let posting: any WebhookPosting
  private let render: Renderer
  private let delay: Delay
  private var generator: any RandomNumberGenerator
  private var runs: [String: WebhookRun] = [:]
  private var growth: GrowthObservation?
  private var isFlushing = false
  private var isStopped = false

  package init(
    gate: StoreGate, posting: any WebhookPosting, log: @escaping LogSink, render: @escaping Renderer,
    using generator: any RandomNumberGenerator = SystemRandomness(),
    queue: DispatchQueue = DispatchQueue(label: "storesync.webhooks", qos: .utility), delay: Delay? = nil
  ) {
    self.gate = gate
    self.queue = queue
    self.log = log
    self.posting = posting
    self.render = render
    self.generator = generator
    self.delay =
      delay ?? { milliseconds, body in
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(milliseconds)), execute: body)
      }
  }

  /// Goes on where each hook is, and with what is committed from now on.
  package func start() {
    growth = gate.observeGrowth { [weak self] in
      guard let self else { return }
      self.queue.async { for run in self.runs.values { self.wake(run) } }
    }
    reload()
  }

  /// Ends what is on its way, and writes down how far each hook has come.
  package func stop(_ completion: @escaping @Sendable () -> Void) {
    queue.async {
      self.isStopped = true
      self.growth?.end()
      for run in self.runs.values { run.end() }
      self.flush(completion)
    }
  }

  /// A person has added, removed or changed hooks; they are written down.
  package func reload(_ completion: @escaping @Sendable () -> Void = {}) {
    gate.scan { engine throws(StoreError) in
      try Webhook.all(engine)
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(let hooks): self.take(hooks)
        case .failure(let error): self.log(LogEvent(.error, "webhooks.unread", error.description))
        }
        completion()
      }
    }
  }

  private func take(_ hooks: [(hook: Webhook, progress: WebhookProgress)]) {
    let names = Set(hooks.map(\.hook.name))
    for (name, run) in runs where !names.contains(name) {
      run.end()
      runs[name] = nil
    }
    for (hook, progress) in hooks {
      // One of the same name that was removed and added is another.
      if let run = runs[hook.name], run.hook.createdAt == hook.createdAt {
        let wasResumed = hook.resumedAt != run.hook.resumedAt
        run.hook = hook
        if wasResumed {
          run.progress.resume()
          run.cutWaitShort()
          noteChange(of: run)
        }
        if run.progress.isPaused(hook) { run.end() }
      } else {
        runs[hook.name]?.end()
        runs[hook.name] = WebhookRun(hook, progress)
      }
    }
    for run in runs.values { wake(run) }
  }

  // MARK: One hook

  /// Begins with what there is to do for a hook, if it rests.
  private func wake(_ run: WebhookRun) {
    dispatchPrecondition(condition: .onQueue(queue))
    guard !isStopped, !run.progress.isPaused(run.hook) else { return }
    guard run.phase == .resting else {
      run.hasGrown = true
      return
    }
    run.hasGrown = false
    if let reason = run.progress.resetReason {
      return post(
        .reset(reason: reason, hook: run.hook.name, since: run.progress.lastDelivery, at: gate.clock.now), of: run,
        advancingTo: nil)
    }
    read(run)
  }

  private func read(_ run: WebhookRun) {
    let turn = run.begin(.reading)
    let (cursor, names) = (run.progress.cursor, run.hook.entities)
    gate.scan { engine throws(StoreError) in
      let wanted = engine.model.entities.filter { names.contains($0.name) }.map(\.tag)
      return try engine.changes(
        FeedRequest(
          after: cursor, entities: names.isEmpty ? nil : Set(wanted), limit: WebhookLimits.itemCount,
          budgetBytes: WebhookLimits.pageBytes))
    } completion: { result in
      // Rendered on the reader's queue: the sender's has other hooks to serve.
      let message = self.message(of: result, after: cursor, hook: run.hookName)
      self.queue.async {
        guard run.isAt(turn) else { return }
        switch message {
        case .success(let message): self.haveRead(result, message, run)
        case .failure(let error): self.haveRead(.failure(error), nil, run)
        }
      }
    }
  }

  /// Nil if there is nothing to send.
  private func message(
    of result: Result<Result<FeedPage, FeedGone>, StoreError>, after cursor: FeedCursor?, hook: String
  ) -> Result<WebhookMessage?, StoreError> {
    guard case .success(.success(let page)) = result, !page.items.isEmpty else { return .success(nil) }
    return capture { () throws(StoreError) in
      .changes(page, after: cursor, data: try render(page, gate.model), hook: hook, at: gate.clock.now)
    }
  }

  private func haveRead(
    _ result: Result<Result<FeedPage, FeedGone>, StoreError>, _ message: WebhookMessage?, _ run: WebhookRun
  ) {
    switch result {
    case .failure(let error):
      // The disk, most likely: what is written down is right, and is tried again.
      run.progress.problem = error.description
      wait(WebhookLimits.firstRetryMilliseconds, run)
    case .success(.failure(let gone)):
      run.progress.cursor = nil
      run.progress.resetReason = gone.rawValue
      noteChange(of: run)
      log(
        LogEvent(
          .warning, "webhook.reset",
          "webhook “\(run.hook.name)”: this database was restored, or commits were stamped anew; its receiver is told, and gets "
            + "all from the beginning"))
      rest(run)
    case .success(.success(let page)):
      if let message { return post(message, of: run, advancingTo: page.next) }
      if run.progress.cursor != page.next {
        run.progress.cursor = page.next
        noteChange(of: run)
      }
      if page.hasMore { run.hasGrown = true }
      rest(run, unlessIdle: true)
    }
  }

  /// - Parameter next: where the hook is once it has this; nil if it is where it was.
  private func post(_ message: WebhookMessage, of run: WebhookRun, advancingTo next: FeedCursor?) {
    let turn = run.begin(.posting)
    run.cancel = send(message, to: run.hook) { outcome in
      self.queue.async {
        guard run.isAt(turn) else { return }
        self.haveAnswer(outcome, advancingTo: next, run)
      }
    }
  }

  private func send(
    _ message: WebhookMessage, to hook: Webhook, _ completion: @escaping @Sendable (WebhookOutcome) -> Void
  ) -> @Sendable () -> Void {
    let seconds = gate.clock.now.milliseconds / 1_000
    let headers = [
      ("content-type", "application/json"), ("user-agent", "StoreSync/\(SoftwareVersion.text)"),
      ("webhook-id", message.id), ("webhook-timestamp", "\(seconds)"),
      ("webhook-signature", hook.signatures(id: message.id, seconds: seconds, body: message.body)),
    ]
    return posting.post(
      message.body, to: hook.address, headers: headers, allowsPlainHTTP: hook.allowsPlainHTTP,
      timeoutMilliseconds: WebhookLimits.timeoutMilliseconds, answerLimitBytes: WebhookLimits.answerBytes,
      completion: completion)
  }

  private func haveAnswer(_ outcome: WebhookOutcome, advancingTo next: FeedCursor?, _ run: WebhookRun) {
    let wasFailing = run.progress.failingSince != nil
    let verdict = run.progress.note(outcome, at: gate.clock.now, using: &generator)
    noteChange(of: run)
    let name = run.hook.name
    switch verdict {
    case .delivered:
      if let next { run.progress.cursor = next } else { run.progress.resetReason = nil }
      if wasFailing { log(LogEvent(.info, "webhook.back", "webhook “\(name)” is delivered again")) }
      rest(run)
    case .retry(let milliseconds):
      if !wasFailing {
        log(
          LogEvent(.warning, "webhook.failing", "webhook “\(name)”: \(run.progress.problem ?? ""); it is tried again"))
      }
      wait(milliseconds, run)
    case .paused:
      log(
        LogEvent(
          .error, "webhook.paused",
          "webhook “\(name)”: \(run.progress.problem ?? ""); `syncctl webhook resume \(name)` lets it go on"))
      run.end()
    }
  }

  private func wait(_ milliseconds: Int64, _ run: WebhookRun) {
    let turn = run.begin(.waiting)
    delay(milliseconds) {
      self.queue.async {
        guard run.isAt(turn) else { return }
        self.rest(run)
      }
    }
  }

  /// A step is done; goes on with the next.
  private func rest(_ run: WebhookRun, unlessIdle: Bool = false) {
    let hasGrown = run.hasGrown
    run.end()
    if hasGrown || !unlessIdle { wake(run) }
  }

  // MARK: Asked by others

  /// Sends a message that says nothing, and tells what became of it.
  package func test(_ hook: Webhook, completion: @escaping @Sendable (WebhookOutcome) -> Void) {
    _ = send(.test(hook: hook.name, at: gate.clock.now), to: hook, completion)
  }

  /// How far each hook is now, written down or not. On `queue`.
  package var allProgress: [String: WebhookProgress] {
    dispatchPrecondition(condition: .onQueue(queue))
    return runs.mapValues(\.progress)
  }

  // MARK: Writing down

  private func noteChange(of run: WebhookRun) {
    run.isUnwritten = true
    guard !isFlushing, !isStopped else { return }
    isFlushing = true
    delay(WebhookLimits.flushMilliseconds) { self.queue.async { self.flush {} } }
  }

  private func flush(_ completion: @escaping @Sendable () -> Void) {
    dispatchPrecondition(condition: .onQueue(queue))
    isFlushing = false
    let changed = runs.values.filter(\.isUnwritten).map { ($0.hook, $0.progress) }
    for run in runs.values { run.isUnwritten = false }
    guard !changed.isEmpty else { return completion() }
    gate.write { engine throws(StoreError) in
      var settings: [(name: String, value: [UInt8]?)] = []
      for (hook, progress) in changed {
        // It may have been removed meanwhile, and another one have its name.
        guard let present = try Webhook.find(hook.name, engine)?.hook, present.createdAt == hook.createdAt else {
          continue
        }
        settings.append((Webhook.progressSetting(hook.name), progress.bytes))
      }
      try engine.backend.setSettings(settings)
    } completion: { [log] result in
      if case .failure(let error) = result { log(LogEvent(.warning, "webhooks.unwritten", error.description)) }
      completion()
    }
  }
}

/// One hook at work. Confined to the sender's queue (`@unchecked Sendable`).
private final class WebhookRun: @unchecked Sendable {
  enum Phase: Equatable {
    case resting, reading, posting, waiting
  }

  var hook: Webhook
  var progress: WebhookProgress
  var isUnwritten = false
  private(set) var phase = Phase.resting
  /// The log has grown since the last look.
  var hasGrown = false
  var cancel: (@Sendable () -> Void)?
  /// Tells the answer that is waited for from those to steps that were ended.
  private var turn = 0
  let hookName: String

  init(_ hook: Webhook, _ progress: WebhookProgress) {
    self.hook = hook
    self.progress = progress
    hookName = hook.name
  }

  func begin(_ phase: Phase) -> Int {
    self.phase = phase
    turn += 1
    return turn
  }

  func isAt(_ turn: Int) -> Bool { self.turn == turn }

  /// Whatever is on is taken back, and its answer counts no more.
  func end() {
    turn += 1
    phase = .resting
    hasGrown = false
    let cancel = cancel
    self.cancel = nil
    cancel?()
  }

  func cutWaitShort() {
    if phase == .waiting { end() }
  }
}
