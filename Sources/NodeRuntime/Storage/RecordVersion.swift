import Base
package import Causality
package import Merge
package import RecordStore
package import StoreModel
import Transport

/// Which state of a record somebody has seen: an opaque text that is another one after every write of the record, and the same
/// at every node that has seen the same writes.
package struct RecordVersion: Hashable, Sendable {
  package var text: String

  /// A text from outside: it need not be a version of anything.
  package init(text: String) {
    self.text = text
  }

  package init(_ vector: VersionVector) {
    var writer = ByteWriter()
    for entry in vector.entries {
      writer.append(bigEndian: entry.replica.node.rawValue)
      writer.append(bigEndian: entry.replica.incarnation)
      writer.append(bigEndian: entry.time.rawValue)
    }
    // 96 bits: two states of one record never meet by accident, and nobody gains by making them.
    text = Hex.encode(Transport.Digest.sha256(writer.bytes).prefix(12))
  }
}

/// What a writer expects of a record that it writes, so as to overwrite nothing that it has not seen.
package enum Precondition: Hashable, Sendable {
  /// It is there, in one of these versions.
  case versions([RecordVersion])
  /// It is there.
  case exists
  /// It is not there, or deleted.
  case absent

  /// - Parameter state: the record's, within the transaction that is to write it.
  package func isMet(by state: RecordState?, _ schema: EntitySchema) -> Bool {
    let shown = state.flatMap { $0.isDeleted(schema.deletion) ? nil : $0 }
    switch self {
    case .versions(let versions): return shown.map { versions.contains(RecordVersion($0.vector)) } ?? false
    case .exists: return shown != nil
    case .absent: return shown == nil
    }
  }
}

/// A commit and what its writer expects of the records in it.
package struct ConditionalDraft: Hashable, Sendable {
  package var draft: CommitDraft
  /// By the place of the write that it is about.
  package var preconditions: [Int: Precondition]

  package init(_ draft: CommitDraft, preconditions: [Int: Precondition] = [:]) {
    self.draft = draft
    self.preconditions = preconditions
  }
}

package enum ConditionalResult: Hashable, Sendable {
  case done(CommitResult)
  /// The write at this place expects something else of its record; nothing was written.
  case preconditionFailed(Int)
}

extension StoreEngine {
  /// Commits a draft if all that it expects is so: to be used within the transaction that commits it.
  package func commit(
    _ conditional: ConditionalDraft, _ commit: (CommitDraft) throws(StoreError) -> CommitResult
  ) throws(StoreError) -> ConditionalResult {
    let writes = conditional.draft.writes
    for (place, precondition) in conditional.preconditions.sorted(by: { $0.key < $1.key }) {
      guard writes.indices.contains(place), let schema = model.entity(writes[place].entity) else { continue }
      let state = try record(RecordKey(entity: writes[place].entity, id: writes[place].id))
      guard precondition.isMet(by: state, schema) else { return .preconditionFailed(place) }
    }
    return .done(try commit(conditional.draft))
  }
}
