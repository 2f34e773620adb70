/// The concurrent values of a register, ascending by stamp.
///
/// Nearly every field of a chain has one value: that one lies in place. As an array it would be an allocation a field, the
/// largest part of what it costs to take in a record.
package struct Siblings: Hashable, Sendable {
  private enum Storage: Hashable, Sendable {
    case one(Sibling)
    /// None, or several.
    case others([Sibling])
  }

  private var storage: Storage

  package init(_ sibling: Sibling) {
    storage = .one(sibling)
  }

  package init(_ siblings: some Collection<Sibling>) {
    if siblings.count == 1, let only = siblings.first {
      storage = .one(only)
    } else {
      storage = .others(Array(siblings))
    }
  }

  /// The only one; nil if there are several or none.
  package var only: Sibling? { if case .one(let sibling) = storage { sibling } else { nil } }
}

extension Siblings: RandomAccessCollection {
  package var startIndex: Int { 0 }

  package var endIndex: Int {
    switch storage {
    case .one: 1
    case .others(let siblings): siblings.count
    }
  }

  package subscript(position: Int) -> Sibling {
    switch storage {
    case .one(let sibling):
      precondition(position == 0, "one sibling, found place \(position)")
      return sibling
    case .others(let siblings): return siblings[position]
    }
  }
}

extension Siblings: ExpressibleByArrayLiteral {
  package init(arrayLiteral elements: Sibling...) {
    self.init(elements)
  }
}
