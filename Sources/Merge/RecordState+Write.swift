package import Causality
package import StoreModel

extension RecordState {
  /// Writes fields as one commit that has seen this whole state: it replaces the values it writes, and takes away the
  /// deletion marks that it has seen, so that writing a deleted record brings it back.
  ///
  /// The edits have been checked against the model. `stamp` is later than every stamp of its replica in the vector.
  package mutating func write(_ writes: [FieldWrite], stamp: Stamp) {
    precondition(!vector.covers(stamp), "a replica never writes the same stamp twice")
    deletions = []
    for write in writes { apply(write, stamp: stamp) }
    vector.insert(stamp)
  }

  /// Marks the record as deleted. Its fields stay: clearing them would lose counters and concurrent edits.
  package mutating func delete(stamp: Stamp) {
    precondition(!vector.covers(stamp), "a replica never writes the same stamp twice")
    deletions = [DeletionMark(stamp: stamp, saw: vector)]
    vector.insert(stamp)
  }

  /// Takes every value away, for a person who wants to be forgotten: what is left is the mark of a deletion that has seen them
  /// all, so that wherever it comes to, siblings, elements, shares and entries go as well.
  package mutating func erase(stamp: Stamp) {
    delete(stamp: stamp)
    fields = []
  }

  /// Adds other contents of an immutable record beside those that are there, as if the writer had not seen them: both
  /// stay, the lowest stamp is shown, and every replica sees the conflict. As in contents that come first, a null is
  /// no content: it must not tell two writers apart who wrote the same.
  package mutating func writeBeside(_ writes: [FieldWrite], stamp: Stamp) {
    precondition(!vector.covers(stamp), "a replica never writes the same stamp twice")
    for write in writes {
      guard case .set(let value) = write.edit, !value.isNull else { continue }
      let siblings = (content(of: write.field)?.siblings ?? []).filter { $0.stamp != stamp }
      let all = (siblings + [Sibling(stamp: stamp, value: value)]).sorted { $0.stamp < $1.stamp }
      setContent(.register(Siblings(all)), of: write.field)
    }
    vector.insert(stamp)
  }

  private mutating func apply(_ write: FieldWrite, stamp: Stamp) {
    let content = content(of: write.field)
    switch write.edit {
    case .set(let value):
      // A field that was never written stays so: a null beside nothing would only cost space.
      if value == .null, content == nil { return }
      setContent(.register(Siblings(Sibling(stamp: stamp, value: value))), of: write.field)
    case .addElements(let values):
      var elements = content?.elements ?? []
      for value in values {
        elements.removeAll { $0.value == value }
        elements.append(Element(value: value, stamps: [stamp]))
      }
      setContent(.set(elements.sorted { $0.value < $1.value }), of: write.field)
    case .removeElements(let values):
      let elements = content?.elements ?? []
      setContent(.set(elements.filter { !values.contains($0.value) }), of: write.field)
    case .replaceElements(let values):
      let kept = (content?.elements ?? []).filter { values.contains($0.value) }
      let added = values.filter { value in !kept.contains { $0.value == value } }
      let elements = kept + added.map { Element(value: $0, stamps: [stamp]) }
      setContent(.set(elements.sorted { $0.value < $1.value }), of: write.field)
    case .add(let difference):
      var shares = content?.shares ?? []
      let own = shares.firstIndex { $0.stamp.replica == stamp.replica }
      let sum = own.map { shares[$0].sum } ?? 0
      shares.removeAll { $0.stamp.replica == stamp.replica }
      shares.append(Share(stamp: stamp, sum: sum.addingSaturating(difference)))
      setContent(.counter(shares.sorted { $0.stamp.replica < $1.stamp.replica }), of: write.field)
    case .put(let key, let value):
      var entries = content?.entries ?? []
      let exists = entries.contains { OrderedText($0.key) == OrderedText(key) }
      if value == .null, !exists { return }
      entries.removeAll { OrderedText($0.key) == OrderedText(key) }
      entries.append(MapEntry(key: key, siblings: [Sibling(stamp: stamp, value: value)]))
      setContent(.map(entries.sorted { OrderedText($0.key) < OrderedText($1.key) }), of: write.field)
    }
  }
}

extension FieldState.Content {
  package var siblings: Siblings? { if case .register(let siblings) = self { siblings } else { nil } }
  package var elements: [Element]? { if case .set(let elements) = self { elements } else { nil } }
  package var shares: [Share]? { if case .counter(let shares) = self { shares } else { nil } }
  package var entries: [MapEntry]? { if case .map(let entries) = self { entries } else { nil } }
}

extension Int64 {
  /// The sum, held at the ends of the range: a counter must not trap, and no shop counts that far.
  package func addingSaturating(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
