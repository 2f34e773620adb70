import Causality
import StoreModel

/// What a merge did to the state that was already there.
package enum MergeOutcome: Hashable, Sendable {
  /// The other state had nothing new.
  case unchanged
  /// The other state had seen everything here, and was taken as it is.
  case replaced
  /// Each side had something that the other had not seen.
  case joined
}

extension RecordState {
  /// Takes in another state of the same record.
  ///
  /// The vectors decide: a state that has seen all of the other one is the result. Otherwise field by field: a value
  /// whose stamp one side holds and the other side's vector covers was overwritten or removed there, and goes; the
  /// rest stay. This is the join of a state-based CRDT with one vector as the causal context of all fields (Preguiça
  /// et al., "Dotted Version Vectors", 2010; Almeida, Shoker, Baquero, "Delta State Replicated Data Types", 2018, §7).
  @discardableResult
  package mutating func merge(_ other: RecordState) -> MergeOutcome {
    precondition(entity == other.entity && id == other.id, "a record merges with its own states only")
    switch vector.compare(other.vector) {
    case .equal, .dominates: return .unchanged
    case .dominated:
      self = other
      return .replaced
    case .concurrent:
      join(other)
      return .joined
    }
  }

  /// The join by its definition, without the short cuts for ordered states, which give the same.
  package mutating func join(_ other: RecordState) {
    let sides = Sides(mine: vector, theirs: other.vector)
    fields = mergeSorted(fields, other.fields, by: { $0.tag.rawValue }) { mine, theirs in
      let content = sides.join(mine?.content, theirs?.content)
      guard let tag = mine?.tag ?? theirs?.tag, let content, !content.isEmpty else { return nil }
      return FieldState(tag: tag, content: content)
    }
    if !deletions.isEmpty || !other.deletions.isEmpty {
      deletions = sides.join(deletions, other.deletions) { $0.stamp }
    }
    vector.join(other.vector)
  }
}

/// The vectors of the two states of a join, and how what stands under them joins.
private struct Sides {
  var mine: VersionVector
  var theirs: VersionVector

  /// The survivors of two lists that ascend by stamp: what both have, and what the other side has not seen.
  ///
  /// Closures, as key paths are made anew at each call in generic code.
  func join<Item>(_ left: [Item], _ right: [Item], stamp: (Item) -> Stamp) -> [Item] {
    mergeSorted(left, right, by: stamp) { left, right in
      if let left, right != nil { return left }
      if let left { return theirs.covers(stamp(left)) ? nil : left }
      guard let right else { return nil }
      return mine.covers(stamp(right)) ? nil : right
    }
  }

  /// The same of two registers, which nearly always have one value each.
  private func join(_ left: Siblings, _ right: Siblings) -> Siblings {
    guard let mine = left.only, let theirs = right.only else {
      return Siblings(join(Array(left), Array(right)) { $0.stamp })
    }
    if mine.stamp == theirs.stamp { return left }
    switch (self.theirs.covers(mine.stamp), self.mine.covers(theirs.stamp)) {
    case (false, false): return Siblings(mine.stamp < theirs.stamp ? [mine, theirs] : [theirs, mine])
    case (false, true): return left
    case (true, false): return right
    case (true, true): return []
    }
  }

  /// Nil stands for a field that was never written on that side.
  func join(_ left: FieldState.Content?, _ right: FieldState.Content?) -> FieldState.Content? {
    switch (left ?? right?.emptied, right ?? left?.emptied) {
    case (.register(let left), .register(let right)):
      return .register(join(left, right))
    case (.set(let left), .set(let right)):
      return .set(
        mergeSorted(left, right, by: { $0.value }) { left, right in
          guard let value = left?.value ?? right?.value else { return nil }
          let stamps = join(left?.stamps ?? [], right?.stamps ?? []) { $0 }
          return stamps.isEmpty ? nil : Element(value: value, stamps: stamps)
        })
    case (.counter(let left), .counter(let right)):
      return .counter(
        mergeSorted(left, right, by: { $0.stamp.replica }) { left, right in
          if let left, let right { return left.stamp.time >= right.stamp.time ? left : right }
          // A share that one side has seen and has no more was erased there.
          if let left { return theirs.covers(left.stamp) ? nil : left }
          guard let right else { return nil }
          return mine.covers(right.stamp) ? nil : right
        })
    case (.map(let left), .map(let right)):
      return .map(
        mergeSorted(left, right, by: { $0.orderedKey }) { left, right in
          guard let key = left?.key ?? right?.key else { return nil }
          let siblings = join(left?.siblings ?? [], right?.siblings ?? []) { $0.stamp }
          return siblings.isEmpty ? nil : MapEntry(key: key, siblings: siblings)
        })
    case (let left?, let right?):
      // A tag has one kind for good, so this is a mistake or a lie; known fields of another kind are parked before they
      // come here. One of the two stays, so that nothing traps; with three kinds the order of delivery would show.
      return left.kind < right.kind ? left : right
    default:
      return nil
    }
  }
}

extension FieldState.Content {
  /// A content of the same kind with nothing in it.
  fileprivate var emptied: FieldState.Content {
    switch self {
    case .register: .register([])
    case .set: .set([])
    case .counter: .counter([])
    case .map: .map([])
    }
  }
}

extension MapEntry {
  fileprivate var orderedKey: OrderedText { OrderedText(key) }
}

/// Text in the order of its UTF-8 bytes.
package struct OrderedText: Comparable {
  private let text: String

  package init(_ text: String) {
    self.text = text
  }

  package static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

  package static func < (left: Self, right: Self) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }
}

/// Walks two lists that ascend strictly by `key` side by side; `combine` gets what stands under each key.
private func mergeSorted<Item, Key: Comparable>(
  _ left: [Item], _ right: [Item], by key: (Item) -> Key, _ combine: (Item?, Item?) -> Item?
) -> [Item] {
  var result: [Item] = []
  result.reserveCapacity(max(left.count, right.count))
  var leftIndex = 0
  var rightIndex = 0
  while leftIndex < left.count || rightIndex < right.count {
    let mine = leftIndex < left.count ? left[leftIndex] : nil
    let theirs = rightIndex < right.count ? right[rightIndex] : nil
    let takesMine = mine.map { mine in theirs.map { key(mine) <= key($0) } ?? true } ?? false
    let takesTheirs = theirs.map { theirs in mine.map { key(theirs) <= key($0) } ?? true } ?? false
    if let item = combine(takesMine ? mine : nil, takesTheirs ? theirs : nil) { result.append(item) }
    leftIndex += takesMine ? 1 : 0
    rightIndex += takesTheirs ? 1 : 0
  }
  return result
}
