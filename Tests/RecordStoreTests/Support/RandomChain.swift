import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// HQ, a store and the twins of another one, which write what they like about a few records that all of them know.
struct RandomChain {
  let twins: Twins
  private let hq: TestNode
  private let other: TestNode
  private var generator: SeededGenerator
  /// What was delivered before, to come again.
  private var delivered: [(lane: Lane, groups: [CommitGroup])] = []

  init(_ kind: BackendKind, seed: UInt64) throws {
    twins = try Twins(kind, model: .retail)
    hq = try TestNode(.memory, 0, model: .retail)
    other = try TestNode(.memory, 2, model: .retail)
    generator = SeededGenerator(seed: seed)
  }

  private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }
  private mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  mutating func step(_ note: Comment) throws {
    let wall = hq.wall.advanced(byMilliseconds: Int64(below(3)) * 500)
    for node in [hq, other] { node.wall = wall }
    twins.wall = wall
    switch below(10) {
    case 0...3: _ = try hq.store.commit([CommitDraft(try writes(hq))], at: wall)
    case 4:
      _ = try other.store.commit([CommitDraft(try writes(other))], at: wall)
      try other.send(to: hq)
      if chance(50) { try hq.send(to: other) }
    case 5: try twins.commit(try writes(twins.quick), note)
    case 6: try twins.quick.send(to: hq)
    case 7: try again(note)
    default: try deliver(note)
    }
  }

  private mutating func deliver(_ note: Comment) throws {
    for lane in Lane.allCases {
      let cursors = try twins.quick.store.receiveCursors(from: .hq, epoch: hq.epoch)
      var sent = LaneMap<Sequence64>(repeating: 0)
      for lane in Lane.allCases { sent[lane] = cursors[lane].through }
      let stretch = try hq.stretch(for: NodeNumber(1), lane, after: sent[lane], sent: sent)
      guard stretch.through > stretch.after else { continue }
      var groups = stretch.groups
      if chance(20) { for place in groups.indices { groups[place].records.shuffle(using: &generator) } }
      try twins.receive(
        groups, epoch: hq.epoch, lane: lane, after: stretch.after, through: stretch.through, note)
      delivered.append((lane, groups))
    }
  }

  /// What came long ago, or just now.
  private mutating func again(_ note: Comment) throws {
    guard !delivered.isEmpty else { return }
    let old = delivered[below(delivered.count)]
    let cursor = try twins.quick.store.receiveCursors(from: .hq, epoch: hq.epoch)[old.lane].through
    try twins.receive(old.groups, epoch: hq.epoch, lane: old.lane, after: cursor, through: cursor, note)
  }

  // MARK: Writes

  private mutating func writes(_ node: TestNode) throws -> [RecordWrite] {
    var writes: [RecordWrite] = []
    for _ in 0...below(4) {
      let write = try write(node)
      if !writes.contains(where: { $0.entity == write.entity && $0.id == write.id }) { writes.append(write) }
    }
    return writes
  }

  private mutating func write(_ node: TestNode) throws -> RecordWrite {
    // What a node may not write would have the whole draft refused.
    let isHQ = node.number == .hq
    let tags = [Product.tag, StoreTask.tag, Product.tag, StoreTask.tag, Listing.tag, Listing.tag, Campaign.tag]
    let tag = tags[below(isHQ ? 7 : node.number == other.number ? 4 : 6)]
    let schema = try #require(Model.retail.entity(tag))
    let number = below(4)
    let id: RecordID =
      switch schema.identity {
      case .key: RecordID(key: "k\(number)")
      case .uuid: RecordID(milliseconds: 1_700_000_000_000, random: (UInt64(number), 1))
      default: Listing.identity.joining([RecordID(number: 1), RecordID(key: "k\(number)")])
      }
    if chance(4) { return RecordWrite(entity: tag, id: id, .delete) }
    let isNew = try node.store.record(RecordKey(entity: tag, id: id)) == nil
    var fields: [FieldWrite] = []
    for field in schema.fields where (isHQ || field.writers != .hq) && (field.isRequired && isNew || chance(40)) {
      fields.append(FieldWrite(field.tag, .set(value(field, tag, number))))
    }
    return RecordWrite(entity: tag, id: id, .write(fields))
  }

  private mutating func value(_ field: FieldSchema, _ entity: EntityTag, _ number: Int) -> Value {
    if !field.isRequired, chance(10) { return .null }
    switch field.type {
    case .text: return .text(["", "a", "b", "Schrödinger"][below(4)])
    case .integer, .money, .quantity: return .integer(Int64(below(3)))
    case .boolean: return .integer(Int64(below(2)))
    case .timestamp: return .integer(1_700_000_000_000 + Int64(below(3)))
    case .day: return .integer(20_240_101 + Int64(below(3)))
    case .choice(let words): return .text(words[below(words.count)])
    case .reference(_, let identity), .identifier(let identity):
      switch identity {
      // A task may go to another store, and leaves this one.
      case .number: return .integer(entity == StoreTask.tag && chance(15) ? 2 : 1)
      case .key: return .text("k\(number)")
      default: return .bytes([UInt8](repeating: UInt8(below(3)), count: 16))
      }
    }
  }
}
