/// Something for each of some entities, found by the tag without hashing: tags are small and stay so.
package struct EntityMap<Value> {
  private var byTag: [Value?] = []

  package init() {}

  package subscript(tag: EntityTag) -> Value? {
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
