import Base
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Transport

/// What a node does when it starts with another version of the program or the model: it tries all parked groups again, since
/// what an older one could not read or apply, this one may; and it opens the conflict cases of fields that it did not know.
struct UpgradeChores: Sendable {
  private static let setting = "parked-tried-by"
  private static let reviewSetting = "cases-reviewed-by"

  let gate: StoreGate
  let log: LogSink

  func retryParked() throws(StoreError) {
    let fingerprint = Self.fingerprint(gate.model)
    let now = gate.clock.now
    let outcomes = try gate.writeNow { engine throws(StoreError) -> [ParkedRetry] in
      guard try engine.backend.setting(Self.setting) != fingerprint else { return [] }
      let outcomes = try engine.retryParked(nil, at: now, trusting: false, decoding: StoreGate.decodeParked)
      try engine.backend.setSettings([(Self.setting, fingerprint)])
      return outcomes
    }
    guard !outcomes.isEmpty else { return }
    let applied = outcomes.count { $0.isApplied }
    log(
      LogEvent(
        .info, "parked.retried",
        "of \(outcomes.count) parked groups \(applied) are applied now, as this version is new here"))
  }

  /// Goes on in the background, turn by turn with whatever else is to be written. Begins anew if the node ends meanwhile.
  func reviewConflictCases(from last: RecordKey? = nil) {
    let fingerprint = Self.fingerprint(gate.model)
    let clock = gate.clock
    gate.write { engine throws(StoreError) -> RecordKey? in
      guard try engine.backend.setting(Self.reviewSetting) != fingerprint else { return nil }
      let next = try engine.reviewConflictCases(after: last, at: clock.now)
      if next == nil { try engine.backend.setSettings([(Self.reviewSetting, fingerprint)]) }
      return next
    } completion: { result in
      switch result {
      case .success(let next?): self.reviewConflictCases(from: next)
      case .success(nil): break
      case .failure(let error):
        log(
          LogEvent(
            .warning, "cases.unreviewed", "conflict cases of newly known fields are not shown yet: \(error.message)"))
      }
    }
  }

  /// What decides whether a group can be applied: the program, and all that the model says.
  private static func fingerprint(_ model: Model) -> [UInt8] {
    var text = SoftwareVersion.text
    for entity in model.entities {
      text +=
        "\n\(entity.tag) \(entity.name) \(entity.identity) \(entity.mutability) \(entity.deletion) \(entity.scope)"
      for field in entity.fields {
        text += "\n  \(field.tag) \(field.name) \(field.type) \(field.rule) \(field.writers) \(field.isRequired)"
      }
    }
    return Digest.sha256(Array(text.utf8))
  }
}
