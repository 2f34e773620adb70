package import Causality
package import StoreModel

/// One of several concurrent values of a field, with the stamp of the commit that wrote it.
package struct Sibling: Hashable, Sendable {
  package var stamp: Stamp
  package var value: Value

  package init(stamp: Stamp, value: Value) {
    self.stamp = stamp
    self.value = value
  }
}

/// An element of a `set` field and the additions that nobody has removed yet.
package struct Element: Hashable, Sendable {
  package var value: Value
  /// Ascending; not empty.
  package var stamps: [Stamp]

  package init(value: Value, stamps: [Stamp]) {
    self.value = value
    self.stamps = stamps
  }
}

/// What one replica has added to a `counter` field so far, and its last commit that did.
package struct Share: Hashable, Sendable {
  package var stamp: Stamp
  package var sum: Int64

  package init(stamp: Stamp, sum: Int64) {
    self.stamp = stamp
    self.sum = sum
  }
}

/// The concurrent values of one entry of a `customFields` field.
package struct MapEntry: Hashable, Sendable {
  package var key: String
  /// Ascending by stamp; not empty.
  package var siblings: [Sibling]

  package init(key: String, siblings: [Sibling]) {
    self.key = key
    self.siblings = siblings
  }
}

/// A field of a record with the stamps that own it. Which kind it is travels with it, so that a node merges a field
/// that it does not know yet by the same laws.
package struct FieldState: Hashable, Sendable {
  package enum Content: Hashable, Sendable {
    /// Ascending by stamp.
    case register(Siblings)
    /// Ascending by value.
    case set([Element])
    /// Ascending by replica.
    case counter([Share])
    /// Ascending by the key's UTF-8 bytes.
    case map([MapEntry])
  }

  package var tag: FieldTag
  package var content: Content

  package init(tag: FieldTag, content: Content) {
    self.tag = tag
    self.content = content
  }
}

extension FieldState.Content {
  package var isEmpty: Bool {
    switch self {
    case .register(let siblings): siblings.isEmpty
    case .set(let elements): elements.isEmpty
    case .counter(let shares): shares.isEmpty
    case .map(let entries): entries.isEmpty
    }
  }

  /// The stamps of all that is alive in the field.
  package func forEachStamp(_ body: (Stamp) -> Void) {
    switch self {
    case .register(let siblings): for sibling in siblings { body(sibling.stamp) }
    case .set(let elements): for element in elements { for stamp in element.stamps { body(stamp) } }
    case .counter(let shares): for share in shares { body(share.stamp) }
    case .map(let entries): for entry in entries { for sibling in entry.siblings { body(sibling.stamp) } }
    }
  }

  /// The order of the kinds, for a field that two versions of the model declare differently.
  var kind: Int {
    switch self {
    case .register: 0
    case .set: 1
    case .counter: 2
    case .map: 3
    }
  }
}
