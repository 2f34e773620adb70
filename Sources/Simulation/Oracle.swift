import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// What was committed where, and what every record must be once all of it has met: computed from the commits alone,
/// not by merging.
struct Oracle {
  /// One commit, as the node made it durable.
  struct Commit {
    var node: Int
    var stamp: Stamp
    var sequence: Sequence64
    var lane: Lane
    /// Those that are not lost with a disk.
    var keys: [RecordKey]
    /// Those that are.
    var lostKeys: [RecordKey] = []
    /// Whether the log of the node that wrote it still has it.
    var isInLog = true
    /// The true time.
    var madeAt: Int64
  }

  /// What one commit did to one record.
  struct Touch {
    var node: Int
    /// How often the node's database had been put back before.
    var life: Int
    /// Whether the database that wrote it still has it.
    var isInLog = true
    var stamp: Stamp
    /// What the writer had seen of the record.
    var saw: VersionVector
    var registers: [Target: Value] = [:]
    var added: Set<Target> = []
    var removed: Set<Target> = []
    /// By field, the difference.
    var counted: [FieldTag: Int64] = [:]
    var isDeletion = false
    /// What the record says to have seen beyond its commits, since this one moved to another incarnation: all that the old
    /// one had sent; and up to where that one's shares of counters go. Lost with the commit.
    var floors = VersionVector()
    var shareFloors: [FieldTag: [ReplicaID: Stamp]] = [:]
  }

  /// What was lost, and whose disk had it.
  struct Grave {
    var touch: Touch
    var lostBy: Int
  }

  /// A place in a record that is overwritten by itself: a field, an entry of custom fields, an element of a set.
  struct Target: Hashable {
    var field: FieldTag
    var key: String?
    var element: Value?
  }

  var commits: [Commit] = []
  var touches: [RecordKey: [Touch]] = [:]
  /// What was lost with the only disk that held it, and comes again if that does.
  var graves: [RecordKey: [Grave]] = [:]
  /// What records say to have seen beyond their own commits, since they were changed behind a node's back.
  var floors: [RecordKey: VersionVector] = [:]
  /// How often each node's database was put back.
  var lives: [Int: Int] = [:]

  var keys: [RecordKey] { touches.keys.sorted() }

  mutating func record(
    _ draft: CommitDraft, _ stamp: Stamp, at node: Int, _ backend: SimulatedDisk, before: [RecordKey: RecordState],
    logAfter head: Sequence64, time: Int64
  ) throws(Violation) {
    let sequences = head + 1...max(head + 1, backend.loadNode().head)
    guard let entry = sequences.lazy.compactMap(backend.logEntry).first(where: { $0.stamp == stamp }) else {
      throw Violation("node \(node) committed \(stamp), and its log does not have it")
    }
    var changed: [RecordKey] = []
    for key in draft.keys {
      guard let after = backend.find(key)?.state, after.vector.covers(stamp) else { continue }
      changed.append(key)
      touches[key, default: []].append(touch(stamp, before[key], after, at: node))
    }
    guard changed.count == entry.records.count else {
      throw Violation(
        "node \(node): the log names \(entry.records.count) records of \(stamp), \(changed.count) have it")
    }
    commits.append(
      Commit(node: node, stamp: stamp, sequence: entry.sequence, lane: entry.lane, keys: changed, madeAt: time))
  }

  private func touch(
    _ stamp: Stamp, _ before: RecordState?, _ after: RecordState, at node: Int
  ) -> Touch {
    var touch = Touch(node: node, life: lives[node, default: 0], stamp: stamp, saw: before?.vector ?? VersionVector())
    touch.isDeletion = after.deletions.contains { $0.stamp == stamp }
    for tag in Set((before?.fields ?? []).map(\.tag) + after.fields.map(\.tag)) {
      switch after.content(of: tag) ?? before?.content(of: tag) {
      case .register(let siblings):
        for sibling in siblings where sibling.stamp == stamp { touch.registers[Target(field: tag)] = sibling.value }
      case .map(let entries):
        for entry in entries {
          for sibling in entry.siblings where sibling.stamp == stamp {
            touch.registers[Target(field: tag, key: entry.key)] = sibling.value
          }
        }
      case .counter(let shares):
        guard let share = shares.first(where: { $0.stamp == stamp }) else { break }
        let old = before?.content(of: tag)?.shares?.first { $0.stamp.replica == stamp.replica }
        touch.counted[tag] = share.sum - (old?.sum ?? 0)
      case .set:
        let elements = after.content(of: tag)?.elements ?? []
        for element in elements where element.stamps.contains(stamp) {
          touch.added.insert(Target(field: tag, element: element.value))
        }
        for gone in before?.content(of: tag)?.elements ?? [] where !elements.contains(where: { $0.value == gone.value })
        {
          touch.removed.insert(Target(field: tag, element: gone.value))
        }
      case nil: break
      }
    }
    return touch
  }
}

// MARK: - What a record must be

extension Oracle {
  /// The state of a record that has met every commit.
  func expected(_ key: RecordKey, isImmutable: Bool) -> RecordState {
    let touches = touches[key] ?? []
    var state = RecordState(entity: key.entity, id: key.id)
    for touch in touches {
      state.vector.insert(touch.stamp)
      state.vector.join(touch.floors)
    }
    if let floor = floors[key] { state.vector.join(floor) }
    for touch in touches where touch.isDeletion && !touches.contains(where: { $0.saw.covers(touch.stamp) }) {
      state.deletions.append(DeletionMark(stamp: touch.stamp, saw: touch.saw))
    }
    state.deletions.sort { $0.stamp < $1.stamp }
    var registers: [Target: [Sibling]] = [:]
    var elements: [Target: [Stamp]] = [:]
    var shares: [FieldTag: [ReplicaID: Share]] = [:]
    for touch in touches {
      for (target, value) in touch.registers {
        let isOverwritten = touches.contains { $0.registers[target] != nil && $0.saw.covers(touch.stamp) }
        if isImmutable || !isOverwritten {
          registers[target, default: []].append(Sibling(stamp: touch.stamp, value: value))
        }
      }
      for target in touch.added {
        let isGone = touches.contains {
          ($0.added.contains(target) || $0.removed.contains(target)) && $0.saw.covers(touch.stamp)
        }
        if !isGone { elements[target, default: []].append(touch.stamp) }
      }
      for (tag, difference) in touch.counted {
        var share = shares[tag]?[touch.stamp.replica] ?? Share(stamp: touch.stamp, sum: 0)
        share.sum += difference
        share.stamp = max(share.stamp, touch.stamp)
        shares[tag, default: [:]][touch.stamp.replica] = share
      }
    }
    for (tag, floors) in touches.lazy.flatMap(\.shareFloors) {
      for (replica, floor) in floors {
        guard let share = shares[tag]?[replica] else { continue }
        shares[tag]?[replica]?.stamp = max(share.stamp, floor)
      }
    }
    Self.fill(&state, registers, elements, shares)
    return state
  }

  private static func fill(
    _ state: inout RecordState, _ registers: [Target: [Sibling]], _ elements: [Target: [Stamp]],
    _ shares: [FieldTag: [ReplicaID: Share]]
  ) {
    var maps: [FieldTag: [MapEntry]] = [:]
    for (target, siblings) in registers {
      let ascending = siblings.sorted { $0.stamp < $1.stamp }
      if let key = target.key {
        maps[target.field, default: []].append(MapEntry(key: key, siblings: ascending))
      } else {
        state.setContent(.register(Siblings(ascending)), of: target.field)
      }
    }
    for (tag, entries) in maps {
      state.setContent(.map(entries.sorted { OrderedText($0.key) < OrderedText($1.key) }), of: tag)
    }
    var sets: [FieldTag: [Element]] = [:]
    for (target, stamps) in elements {
      guard let value = target.element else { continue }
      sets[target.field, default: []].append(Element(value: value, stamps: stamps.sorted()))
    }
    for (tag, elements) in sets { state.setContent(.set(elements.sorted { $0.value < $1.value }), of: tag) }
    for (tag, shares) in shares {
      state.setContent(.counter(shares.values.sorted { $0.stamp.replica < $1.stamp.replica }), of: tag)
    }
  }
}
