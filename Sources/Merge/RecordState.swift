package import Causality
package import StoreModel

/// A deletion: its stamp, and what the one who deleted had seen of the record.
package struct DeletionMark: Hashable, Sendable {
  package var stamp: Stamp
  package var saw: VersionVector

  package init(stamp: Stamp, saw: VersionVector) {
    self.stamp = stamp
    self.saw = saw
  }
}

/// A record's whole state, the unit of replication: any message that carries it heals the whole record.
///
/// Two states of one record merge into one by `merge(_:)`, a join: commutative, associative, idempotent. Invariant:
/// every stamp in the state is covered by its vector.
package struct RecordState: Hashable, Sendable {
  package var entity: EntityTag
  package var id: RecordID
  package var vector: VersionVector
  /// Ascending by tag; no field without content.
  package var fields: [FieldState]
  /// Ascending by stamp.
  package var deletions: [DeletionMark]

  package init(
    entity: EntityTag, id: RecordID, vector: VersionVector = VersionVector(), fields: [FieldState] = [],
    deletions: [DeletionMark] = []
  ) {
    self.entity = entity
    self.id = id
    self.vector = vector
    self.fields = fields
    self.deletions = deletions
  }

  package func content(of tag: FieldTag) -> FieldState.Content? {
    let index = firstIndex(notBelow: tag)
    return index < fields.count && fields[index].tag == tag ? fields[index].content : nil
  }

  package mutating func setContent(_ content: FieldState.Content, of tag: FieldTag) {
    let index = firstIndex(notBelow: tag)
    let exists = index < fields.count && fields[index].tag == tag
    switch (exists, content.isEmpty) {
    case (true, true): fields.remove(at: index)
    case (true, false): fields[index].content = content
    case (false, true): break
    case (false, false): fields.insert(FieldState(tag: tag, content: content), at: index)
    }
  }

  private func firstIndex(notBelow tag: FieldTag) -> Int {
    fields.firstIndex { $0.tag >= tag } ?? fields.count
  }

  /// The only stamp of a record that was written once and never since; nil for any other.
  ///
  /// Most records of a retail chain are facts of this kind: their metadata is one stamp.
  package var onlyStamp: Stamp? {
    guard deletions.isEmpty, vector.entries.count == 1 else { return nil }
    let stamp = Stamp(time: vector.entries[0].time, replica: vector.entries[0].replica)
    for field in fields {
      guard case .register(let siblings) = field.content, siblings.count == 1, siblings[0].stamp == stamp,
        siblings[0].value != .null
      else { return nil }
    }
    return stamp
  }

  /// Whether HQ has deleted the record and nothing of it is left: so it shows at every node that it was erased.
  package var isErased: Bool { fields.isEmpty && deletions.contains { $0.stamp.replica.node == .hq } }

  /// The stamps of all values that are alive.
  package func forEachStamp(_ body: (Stamp) -> Void) {
    for field in fields { field.content.forEachStamp(body) }
  }
}
