import StoreModel

/// A stretch of an entity's ids, narrowed bound by bound. The order of composed ids is that of their parts, so a part's
/// bounds are bounds of the bytes.
struct IDRange {
  typealias Bound = RecordQueryPlan.Bound<RecordID>

  private let schema: EntitySchema
  /// The bytes of the parts that are given, each with what separates it from the next.
  private var prefix: [UInt8] = []
  private var depth = 0
  private(set) var lower: Bound?
  private(set) var upper: Bound?

  init(_ schema: EntitySchema) {
    self.schema = schema
  }

  mutating func raise(_ bound: Bound) {
    guard let present = lower else { return lower = bound }
    if bound.item > present.item || bound.item == present.item && !bound.isInclusive { lower = bound }
  }

  mutating func cap(_ bound: Bound) {
    guard let present = upper else { return upper = bound }
    if bound.item < present.item || bound.item == present.item && !bound.isInclusive { upper = bound }
  }

  /// Only ids with this as their next part.
  mutating func descend(into part: RecordID) {
    raise(part: part, isInclusive: true)
    cap(part: part, isInclusive: true)
    prefix = bytes(of: part)
    depth += 1
  }

  mutating func raise(part: RecordID, isInclusive: Bool) {
    let bytes = bytes(of: part)
    guard !isInclusive else { return raise(Bound(item: RecordID(bytes), isInclusive: true)) }
    if isLast {
      raise(Bound(item: RecordID(bytes), isInclusive: false))
    } else {
      // Nothing comes after the highest bytes.
      raise(Bound(item: RecordID(Self.successor(of: bytes) ?? Self.highest), isInclusive: true))
    }
  }

  mutating func cap(part: RecordID, isInclusive: Bool) {
    let bytes = bytes(of: part)
    guard isInclusive else { return cap(Bound(item: RecordID(bytes), isInclusive: false)) }
    if isLast {
      cap(Bound(item: RecordID(bytes), isInclusive: true))
    } else if let successor = Self.successor(of: bytes) {
      cap(Bound(item: RecordID(successor), isInclusive: false))
    }
  }

  private var isLast: Bool { depth + 1 >= schema.identityFields.count }

  private func bytes(of part: RecordID) -> [UInt8] {
    guard case .composed(let components) = schema.identity, depth < components.count else { return prefix + part.bytes }
    return prefix + part.bytes + (components[depth] == .key && !isLast ? [Identity.separator] : [])
  }

  private static let highest = [UInt8](repeating: .max, count: ModelLimits.recordIDBytes + 1)

  /// The least bytes after all that begin with these; nil if there are none.
  private static func successor(of bytes: [UInt8]) -> [UInt8]? {
    var bytes = bytes
    while let last = bytes.popLast() {
      if last < .max { return bytes + [last + 1] }
    }
    return nil
  }
}
