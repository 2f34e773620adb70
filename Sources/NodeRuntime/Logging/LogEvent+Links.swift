import Base
import RecordStore
import Wire

// Events that several places tell of, in one wording.

extension LogEvent {
  static func storageFailed(_ problem: StoreError) -> LogEvent {
    LogEvent(
      .error, "storage.failed", "a link was closed, because its changes cannot be written here: \(problem.message)",
      [.init("code", problem.code.rawValue)])
  }

  static func enrolmentUnwritten(_ error: StoreError, _ whose: String) -> LogEvent {
    LogEvent(
      .warning, "enrolment.unwritten", "what is known \(whose) could not be written down: \(error.description)",
      [.init("code", error.code.rawValue)])
  }

  static func batchReceived(_ batch: Batch, _ peer: String) -> LogEvent {
    LogEvent(
      .debug, "batch.received", "a batch of \(peer) with \(batch.groupCount) groups is stored",
      [.init("lane", "\(batch.lane)"), .init("bytes", "\(batch.payload.count)")])
  }
}
