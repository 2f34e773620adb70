import Causality
import Merge
import RecordStore
import StoreModel

// What becomes of commits where a database is put back, and where a store gives its unsent commits new stamps.

extension Oracle {
  /// A node's database is another one from now on.
  /// - Parameters:
  ///   - own: the stamps of the node's own commits in the log before, and in the one now.
  ///   - hasForgotten: whether the node held a commit's part of a record, and does no more.
  ///   - isElsewhere: whether anybody else holds it.
  ///   - isUntold: whether nobody has seen anything of this life of the node: what others hold under its stamps, and what the
  ///     other database does, is of another life.
  /// - Returns: how many parts of records are gone for good, and how many others have to bring back.
  mutating func forget(
    at node: Int, isUntold: Bool, own: (before: Set<Stamp>, now: Set<Stamp>),
    _ hasForgotten: (RecordKey, Stamp) -> Bool, isElsewhere: (RecordKey, Stamp) -> Bool
  ) -> (lost: Int, owed: Int) {
    let life = lives[node, default: 0]
    lives[node] = life + 1
    var lost: [RecordKey: Set<Stamp>] = [:]
    var count = (lost: 0, owed: 0)
    for key in touches.keys.sorted() {
      for (index, touch) in (touches[key] ?? []).enumerated() {
        if touch.node == node, !own.now.contains(touch.stamp) { touches[key]?[index].isInLog = false }
        let isUnseen = isUntold && touch.node == node && touch.life == life
        let isGone =
          isUnseen
          ? own.before.contains(touch.stamp) && !own.now.contains(touch.stamp) : hasForgotten(key, touch.stamp)
        guard isGone else { continue }
        if !isUnseen, isElsewhere(key, touch.stamp) {
          count.owed += 1
        } else {
          lost[key, default: []].insert(touch.stamp)
          count.lost += 1
        }
      }
    }
    for key in lost.keys.sorted() {
      let stamps = lost[key] ?? []
      let buried = (touches[key] ?? []).filter { stamps.contains($0.stamp) }
      graves[key, default: []] += buried.map { Grave(touch: $0, lostBy: node) }
      touches[key]?.removeAll { stamps.contains($0.stamp) }
      if touches[key]?.isEmpty ?? false { touches[key] = nil }
    }
    for index in commits.indices {
      let stamp = commits[index].stamp
      if commits[index].node == node, !own.now.contains(stamp) { commits[index].isInLog = false }
      commits[index].lostKeys += commits[index].keys.filter { lost[$0]?.contains(stamp) ?? false }
      commits[index].keys.removeAll { lost[$0]?.contains(stamp) ?? false }
    }
    return count
  }

  /// What was lost with a disk is there again with it.
  /// - Parameters:
  ///   - own: the stamps of what the disk's log has of its own.
  ///   - holds: whether the disk has another node's commit's part of a record.
  /// - Returns: how many parts of records.
  mutating func recall(at node: Int, own: Set<Stamp>, holds: (RecordKey, Stamp) -> Bool) -> Int {
    var recalled: [RecordKey: Set<Stamp>] = [:]
    var count = 0
    for key in graves.keys.sorted() {
      for grave in graves[key] ?? [] where grave.lostBy == node {
        var touch = grave.touch
        // Stamps of another life of the node may cover its own.
        guard touch.node == node ? own.contains(touch.stamp) : holds(key, touch.stamp) else { continue }
        // Nobody else has it.
        if touch.node == node { touch.life = lives[node, default: 0] }
        touches[key, default: []].append(touch)
        recalled[key, default: []].insert(touch.stamp)
        count += 1
      }
      graves[key]?.removeAll { $0.lostBy == node && recalled[key]?.contains($0.touch.stamp) ?? false }
    }
    for index in commits.indices {
      let stamp = commits[index].stamp
      let keys = commits[index].lostKeys.filter { recalled[$0]?.contains(stamp) ?? false }
      commits[index].lostKeys.removeAll { keys.contains($0) }
      commits[index].keys += keys
      if commits[index].node == node, own.contains(stamp) { commits[index].isInLog = true }
    }
    for key in touches.keys.sorted() {
      for (index, touch) in (touches[key] ?? []).enumerated() where touch.node == node && own.contains(touch.stamp) {
        touches[key]?[index].isInLog = true
      }
    }
    return count
  }

  /// A node has given commits of its log new stamps.
  mutating func rename(_ restamping: Restamping, at node: Int, isImmutable: (RecordKey) -> Bool) {
    for index in commits.indices where commits[index].node == node && commits[index].isInLog {
      commits[index].stamp = restamping.name(commits[index].stamp)
    }
    for key in touches.keys.sorted() {
      var moved: [Int] = []
      var stays: [FieldTag: Int64] = [:]
      var moves: Set<FieldTag> = []
      for (index, touch) in (touches[key] ?? []).enumerated() where touch.node == node && touch.isInLog {
        let stamp = restamping.name(touch.stamp)
        if stamp == touch.stamp, touch.stamp.replica == restamping.replica {
          for (tag, difference) in touch.counted { stays[tag, default: 0] += difference }
        }
        if stamp.replica != touch.stamp.replica {
          moved.append(index)
          moves.formUnion(touch.counted.keys)
        }
        touches[key]?[index].stamp = stamp
        touches[key]?[index].saw = touch.saw.restamped(restamping, isImmutable: isImmutable(key))
      }
      guard !isImmutable(key), restamping.lastSent > .zero else { continue }
      // The record goes on to say that it has seen all that the old replica has sent.
      let floor = Stamp(time: restamping.lastSent, replica: restamping.replica)
      for index in moved {
        touches[key]?[index].floors.insert(floor)
        for tag in moves where stays[tag, default: 0] != 0 {
          let known = touches[key]?[index].shareFloors[tag]?[floor.replica]
          touches[key]?[index].shareFloors[tag, default: [:]][floor.replica] = max(known ?? floor, floor)
        }
      }
    }
  }
}
