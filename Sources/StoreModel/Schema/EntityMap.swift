/// Something for each of some entities, found by the tag without hashing: tags are small and stay so.
///
/// Inlinable, as it is asked for each record: from another module it would look up its own type each time.
package struct EntityMap<Value> {
  @usableFromInline package var byTag: [Value?] = []

  @inlinable package init() {}

  @inlinable package subscript(tag: EntityTag) -> Value? {
    get {
      let place = Int(tag.rawValue)
      return place < byTag.count ? byTag[place] : nil
    }
    set {
      let place = Int(tag.rawValue)
      if place >= byTag.count {
        guard newValue != nil else { return }
        byTag += Array(repeating: nil, count: place + 1 - byTag.count)
      }
      byTag[place] = newValue
    }
  }
}

extension EntityMap: Sendable where Value: Sendable {}
