/// What a record must be, worked out the slow way: every commit ever made, each with the plain set of commits that its
/// writer had seen. No vectors, no states, no merging; what somebody knows is a set of commits too.
///
/// It shares no type with the modules under test; `Driver` translates.
struct ReferenceModel {
  enum Value: Hashable, Comparable {
    case nothing
    case number(Int)
    case word(String)
  }

  /// The name of a commit.
  struct Name: Hashable, Comparable {
    var time: UInt64
    var node: UInt32
    var incarnation: UInt32

    static func < (left: Self, right: Self) -> Bool {
      (left.time, left.node, left.incarnation) < (right.time, right.node, right.incarnation)
    }
  }

  enum Edit: Hashable {
    case set(Value)
    case insert(Value)
    case remove(Value)
    case count(Int)
    case put(String, Value)
  }

  enum Kind: Hashable {
    case write
    /// Contents put beside those that are there, as if unseen.
    case beside
    case delete
  }

  struct Commit {
    var name: Name
    var seen: Set<Int>
    var kind: Kind
  }

  /// One edit of one field within a commit.
  struct Atom {
    var commit: Int
    var position: Int
    var edit: Edit
  }

  struct Named: Hashable {
    var name: Name
    var value: Value
  }

  private(set) var commits: [Commit] = []
  private(set) var atoms: [Int: [Atom]] = [:]

  /// Adds a commit and gives its index, by which knowledge refers to it.
  mutating func record(_ name: Name, seen: Set<Int>, _ kind: Kind, _ edits: [(field: Int, edit: Edit)] = []) -> Int {
    let index = commits.count
    commits.append(Commit(name: name, seen: seen, kind: kind))
    for (position, (field, edit)) in edits.enumerated() {
      guard !takesAwayNothing(edit, field, seen.union([index]), kind) else { continue }
      atoms[field, default: []].append(Atom(commit: index, position: position, edit: edit))
    }
    return index
  }

  /// A null written where the writer knows of no value is no write at all.
  private func takesAwayNothing(_ edit: Edit, _ field: Int, _ knowledge: Set<Int>, _ kind: Kind) -> Bool {
    switch edit {
    case .set(.nothing): kind == .beside || atoms(field, knowledge).isEmpty
    case .put(let key, .nothing): entry(field, key, knowledge).isEmpty
    default: false
    }
  }

  func atoms(_ field: Int, _ knowledge: Set<Int>) -> [Atom] {
    (atoms[field] ?? []).filter { knowledge.contains($0.commit) }
  }

  /// Whether the writer of `later` had seen `earlier`.
  func saw(_ later: Atom, _ earlier: Atom) -> Bool {
    later.commit == earlier.commit
      ? later.position > earlier.position : commits[later.commit].seen.contains(earlier.commit)
  }

  // MARK: What is alive

  /// The atoms on a field that none of those that overwrite their kind has seen.
  func alive(_ field: Int, _ knowledge: Set<Int>) -> [Atom] {
    let known = atoms(field, knowledge)
    return known.filter { atom in !known.contains { overwrites($0, atom) && saw($0, atom) } }
      .filter { if case .remove = $0.edit { false } else { true } }
  }

  private func overwrites(_ later: Atom, _ earlier: Atom) -> Bool {
    guard commits[later.commit].kind != .beside else { return false }
    return switch (later.edit, earlier.edit) {
    case (.set, .set): true
    case (.insert(let new), .insert(let old)), (.remove(let new), .insert(let old)): new == old
    case (.put(let new, _), .put(let old, _)): new == old
    default: false
    }
  }

  /// Concurrent values, ascending by name.
  func values(_ field: Int, _ knowledge: Set<Int>) -> [Named] {
    alive(field, knowledge).compactMap { atom in
      guard case .set(let value) = atom.edit else { return nil }
      return Named(name: commits[atom.commit].name, value: value)
    }.sorted { $0.name < $1.name }
  }

  func elements(_ field: Int, _ knowledge: Set<Int>) -> [Value: Set<Name>] {
    var result: [Value: Set<Name>] = [:]
    for atom in alive(field, knowledge) {
      if case .insert(let value) = atom.edit { result[value, default: []].insert(commits[atom.commit].name) }
    }
    return result
  }

  func total(_ field: Int, _ knowledge: Set<Int>) -> Int {
    atoms(field, knowledge).reduce(0) { sum, atom in if case .count(let delta) = atom.edit { sum + delta } else { sum }
    }
  }

  func entry(_ field: Int, _ key: String, _ knowledge: Set<Int>) -> [Named] {
    alive(field, knowledge).compactMap { atom in
      guard case .put(key, let value) = atom.edit else { return nil }
      return Named(name: commits[atom.commit].name, value: value)
    }.sorted { $0.name < $1.name }
  }

  func entries(_ field: Int, _ knowledge: Set<Int>) -> [String: [Named]] {
    let keys = atoms(field, knowledge).compactMap { if case .put(let key, _) = $0.edit { key } else { nil } }
    return Dictionary(Set(keys).map { ($0, entry(field, $0, knowledge)) }, uniquingKeysWith: { old, _ in old })
  }

  // MARK: Deletion

  /// The deletions that nobody who had seen them wrote over, or repeated.
  func marks(_ knowledge: Set<Int>) -> Set<Int> {
    knowledge.filter { mark in
      commits[mark].kind == .delete
        && !knowledge.contains { commits[$0].kind != .beside && commits[$0].seen.contains(mark) }
    }
  }

  /// Whether something alive was unknown to every deletion that stands.
  func hasEditsBesideDeletions(_ knowledge: Set<Int>) -> Bool {
    let marks = marks(knowledge)
    guard !marks.isEmpty else { return false }
    let deleted = marks.reduce(into: marks) { $0.formUnion(commits[$1].seen) }
    return atoms.keys.contains { field in alive(field, knowledge).contains { !deleted.contains($0.commit) } }
  }

  func isDeleted(_ knowledge: Set<Int>, deleteWins: Bool) -> Bool {
    guard !marks(knowledge).isEmpty else { return false }
    return deleteWins || !hasEditsBesideDeletions(knowledge)
  }

  // MARK: What is shown

  enum Rule: Hashable {
    case latest
    case node(UInt32?)
    case furthest([String])
    case first
    case maximum
    case minimum
  }

  /// The shown one of concurrent values, which ascend by name and are not empty: the best by the rule, and of equally
  /// good ones the highest name.
  static func shown(_ values: [Named], _ rule: Rule) -> Value? {
    let written = values.filter { $0.value != .nothing }
    let candidates: [Named]
    switch rule {
    case .latest:
      candidates = values
    case .node(let node):
      let preferred = values.filter { $0.name.node == node }
      candidates = preferred.isEmpty ? values : preferred
    case .furthest(let order):
      func rank(_ value: Value) -> Int {
        switch value {
        case .word(let word): order.firstIndex(of: word) ?? -1
        default: -2
        }
      }
      let best = values.map { rank($0.value) }.max()
      candidates = values.filter { rank($0.value) == best }
    case .first:
      return (written.first ?? values.first)?.value
    case .maximum:
      return values.map(\.value).max()
    case .minimum:
      return written.map(\.value).min() ?? (values.isEmpty ? nil : .nothing)
    }
    return candidates.last?.value
  }

  // MARK: Immutable records

  /// What each writer wrote, ascending by name; writers of the same contents are all there.
  func contents(_ knowledge: Set<Int>) -> [(name: Name, fields: [Int: Value])] {
    var byCommit: [Int: [Int: Value]] = [:]
    for (field, atoms) in atoms {
      for atom in atoms where knowledge.contains(atom.commit) {
        if case .set(let value) = atom.edit { byCommit[atom.commit, default: [:]][field] = value }
      }
    }
    return byCommit.map { (commits[$0].name, $1) }.sorted { $0.name < $1.name }
  }
}
