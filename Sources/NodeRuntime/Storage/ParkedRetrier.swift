import Base
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Transport

/// Tries all parked groups again when a node starts with another version of the program or the model: what an older one
/// could not read or apply, this one may.
struct ParkedRetrier {
  private static let setting = "parked-tried-by"

  let gate: StoreGate
  let log: LogSink

  func retryAfterUpgrade() throws(StoreError) {
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
        "this version is new here: of \(outcomes.count) parked groups \(applied) are applied now"))
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
