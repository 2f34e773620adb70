import Base
import Metrics
import RecordStore

/// How far behind those are who follow what changes: consumers of the feed, and HQ's webhooks. Both are few
/// (`FeedLimits.consumerCount`, `WebhookLimits`), and their names are the administrator's.
enum FollowerMetrics {
  static func families(
    _ register: ConsumerRegister, _ engine: StoreGate.Engine, at now: WallTime
  ) throws(StoreError) -> [MetricFamily] {
    try consumers(register, engine, at: now) + (engine.identity.isHQ ? webhooks(engine) : [])
  }

  private static func consumers(
    _ register: ConsumerRegister, _ engine: StoreGate.Engine, at now: WallTime
  ) throws(StoreError) -> [MetricFamily] {
    var behind = MetricFamily(
      MetricDefinition(
        .gauge, "storesync_consumer_behind_entries", "Entries of the log that a consumer has yet to take.",
        labels: ["consumer"]))
    var unseen = MetricFamily(
      MetricDefinition(
        .gauge, "storesync_consumer_unseen_seconds", "How long ago a consumer last asked.", labels: ["consumer"]))
    for consumer in try register.all(engine) {
      behind.add(Double(try lag(of: consumer.cursor, engine)), consumer.name)
      unseen.add(max(0, Double(now.milliseconds(since: consumer.seenAt)) / 1_000), consumer.name)
    }
    return [behind, unseen]
  }

  /// As the database has it, which hears of each delivery a second later.
  private static func webhooks(_ engine: StoreGate.Engine) throws(StoreError) -> [MetricFamily] {
    var behind = MetricFamily(
      MetricDefinition(
        .gauge, "storesync_webhook_behind_entries", "Entries of the log that a webhook has yet to be sent.",
        labels: ["webhook"]))
    var paused = MetricFamily(
      MetricDefinition(
        .gauge, "storesync_webhook_paused", "1 for a webhook that is sent nothing until a person resumes it.",
        labels: ["webhook"]))
    for (hook, progress) in try Webhook.all(engine) {
      behind.add(Double(try lag(of: progress.cursor, engine)), hook.name)
      paused.add(progress.isPaused(hook) ? 1 : 0, hook.name)
    }
    return [behind, paused]
  }

  /// All of the log for whoever begins anew.
  private static func lag(of cursor: FeedCursor?, _ engine: StoreGate.Engine) throws(StoreError) -> UInt64 {
    if let cursor, let lag = try? engine.feedLag(of: cursor).get() { return lag }
    return try engine.logHead()
  }
}
