package import Base
import Metrics
import RecordStore
import StoreModel
import SyncSession
import Wire

/// What every node counts, from the start of its process on.
package final class NodeMetrics: Sendable {
  /// For the instruments of others: the HTTP API's, the webhooks'.
  package let registry: MetricRegistry

  // MARK: At the writer
  let commits: Counter
  let commitSeconds: Histogram
  let groupCommits: Histogram
  let databaseCommitSeconds: Histogram
  let applySeconds: Histogram
  let writeFailures: Counter
  let receivedRecords: Counter
  let concurrentFields: Counter
  let conflictsOpened: Counter

  // MARK: On links
  let batches: Counter
  let batchBytes: Counter
  let groups: Counter
  let linkBytes: Counter
  let linksOpened: Counter
  let linksClosed: Counter
  let handshakesRefused: Counter
  let connectFailures: Counter
  let logEvents: Counter

  package init(registry: MetricRegistry = MetricRegistry()) {
    self.registry = registry
    commits = registry.counter(
      "storesync_commits_total", "Local commits by result: committed, unchanged or refused.", labels: ["result"])
    commitSeconds = registry.histogram(
      "storesync_commit_duration_seconds",
      "From a local commit's request until it is durable, waiting for the writer included.",
      bounds: Histogram.secondBounds)
    groupCommits = registry.histogram(
      "storesync_group_commit_size", "Requests that were committed together, with one flush of the disk.",
      bounds: [1, 2, 4, 8, 16, 32, 64, 128])
    databaseCommitSeconds = registry.histogram(
      "storesync_database_commit_duration_seconds",
      "SQLite's COMMIT of a transaction that wrote: writing and flushing the write-ahead log, now and then a checkpoint.",
      bounds: Histogram.secondBounds)
    applySeconds = registry.histogram(
      "storesync_batch_apply_duration_seconds", "From a received batch's turn at the writer until it is durable.",
      bounds: Histogram.secondBounds)
    writeFailures = registry.counter(
      "storesync_write_failures_total", "Transactions that failed, by code.", labels: ["code"])
    receivedRecords = registry.counter(
      "storesync_received_records_total",
      "Records received in groups that were applied: new here; replaced (all that was here was known to the sender); "
        + "dominated (nothing new); merged (both sides had something new).", labels: ["result"])
    concurrentFields = registry.counter(
      "storesync_concurrent_fields_total",
      "Fields of merged records that both sides had written; both values are kept, and the rule chose what is shown.",
      labels: ["rule"])
    conflictsOpened = registry.counter(
      "storesync_conflicts_opened_total", "Conflict cases opened, by kind and by whether a person has to decide.",
      labels: ["kind", "status"])
    batches = registry.counter(
      "storesync_batches_total", "Batches sent and received.", labels: ["direction", "lane"])
    batchBytes = registry.counter(
      "storesync_batch_bytes_total", "Bytes of batches as they travelled, compressed.", labels: ["direction", "lane"])
    groups = registry.counter(
      "storesync_received_groups_total", "Received commit groups: applied, parked or refused.", labels: ["result"])
    linkBytes = registry.counter(
      "storesync_link_bytes_total", "Bytes of all messages on links, before TLS.", labels: ["direction"])
    linksOpened = registry.counter("storesync_links_opened_total", "Links that came about.")
    linksClosed = registry.counter(
      "storesync_links_closed_total", "Links that ended, by reason.", labels: ["reason"])
    handshakesRefused = registry.counter(
      "storesync_handshakes_refused_total", "Greetings that were refused, by code, here or by the peer.",
      labels: ["by", "code"])
    connectFailures = registry.counter(
      "storesync_connect_failures_total", "Rounds through all addresses of HQ after which a store had no link.")
    logEvents = registry.counter(
      "storesync_log_events_total", "Log events by level and name, written or held back as repetitions.",
      labels: ["level", "event"])
    show()
  }

  /// The series that an alert waits for are there before the first thing happens: a rate needs a zero to start from.
  private func show() {
    for result in ["committed", "unchanged", "refused"] { commits.add(0, result) }
    for result in ["applied", "parked", "refused"] { groups.add(0, result) }
    for result in ["new", "replaced", "dominated", "merged"] { receivedRecords.add(0, result) }
    for kind in ConflictCase.Subject.Kind.allCases { conflictsOpened.add(0, kind.rawValue, "open") }
    for direction in ["sent", "received"] {
      linkBytes.add(0, direction)
      for lane in Lane.allCases {
        batches.add(0, direction, "\(lane)")
        batchBytes.add(0, direction, "\(lane)")
      }
    }
  }

  func count(_ tally: WorkTally) {
    for (result, count) in [
      ("committed", tally.committed), ("unchanged", tally.unchanged), ("refused", tally.refused),
    ] where count > 0 { commits.add(count, result) }
    for (result, count) in [
      ("new", tally.new), ("replaced", tally.replaced), ("dominated", tally.dominated), ("merged", tally.merged),
    ] where count > 0 { receivedRecords.add(count, result) }
    for (rule, count) in tally.concurrentFields { concurrentFields.add(count, rule) }
    for (opening, count) in tally.openedCases {
      conflictsOpened.add(count, opening.kind.rawValue, opening.status.rawValue)
    }
  }

  func count(_ batch: Batch, _ direction: String) {
    batches.add(1, direction, "\(batch.lane)")
    batchBytes.add(batch.payload.count, direction, "\(batch.lane)")
  }

  func count(_ results: [GroupResult]) {
    var counts = (applied: 0, parked: 0, refused: 0)
    for result in results {
      switch result {
      case .applied: counts.applied += 1
      case .parked: counts.parked += 1
      case .refused: counts.refused += 1
      }
    }
    if counts.applied > 0 { groups.add(counts.applied, "applied") }
    if counts.parked > 0 { groups.add(counts.parked, "parked") }
    if counts.refused > 0 { groups.add(counts.refused, "refused") }
  }

  /// - Parameter wasLinked: whether the link was open; else a greeting has ended.
  func count(_ reason: CloseReason, wasLinked: Bool) {
    if wasLinked { linksClosed.add(1, reason.word) }
    guard !wasLinked else { return }
    switch reason {
    case .refusedByUs(let refusal): handshakesRefused.add(1, "here", refusal.codeWord)
    case .refusedByPeer(let refusal): handshakesRefused.add(1, "peer", refusal.codeWord)
    default: break
    }
  }

  /// A sink that counts what goes into another.
  package func counting(_ sink: @escaping LogSink) -> LogSink {
    { [logEvents] event in
      logEvents.add(1, "\(event.level)", event.name)
      sink(event)
    }
  }
}

extension CloseReason {
  /// One word, for counting.
  var word: String {
    switch self {
    case .refusedByPeer(let refusal): "peer-\(refusal.codeWord)"
    case .refusedByUs(let refusal): refusal.codeWord
    case .disconnected: "disconnected"
    case .timedOut: "timed-out"
    case .stopped: "stopped"
    case .enrolled: "enrolled"
    }
  }
}

extension Refusal {
  /// A peer may say any code; one that this version does not know is no label.
  var codeWord: String { Code(rawValue: code)?.rawValue ?? "unknown" }
}
