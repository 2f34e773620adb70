import Base
import Causality
import Merge
import RecordStore
import StoreModel

extension Simulator {
  /// Everything that must hold once all is quiet.
  func checkEnd() throws(Violation) {
    let hq = nodes[0]
    let parked = parkedKeys(at: hq)
    if plan.poisonedStore == nil || isCured, let group = hq.backend.parkedGroups().first {
      throw Violation(
        "HQ has parked a group of \(group.peer) without a reason in the run: \(group.code) \(group.reason)")
    }
    for store in nodes.dropFirst() where !store.isRetired {
      if let group = store.backend.parkedGroups().first {
        throw Violation("\(store.name) has parked a group of HQ: \(group.code) \(group.reason)")
      }
    }
    for key in oracle.keys where !parked.contains(key) { try checkRecord(key) }
    for node in nodes where !node.isRetired {
      for state in records(of: node) {
        guard parked.contains(state.key) || oracle.touches[state.key] != nil else {
          throw Violation("\(node.name) holds \(state.key.summary), which nobody wrote")
        }
      }
      try checkClocks(of: Int(node.number.rawValue))
      try checkBalances(at: node)
      try checkCases(at: node)
    }
  }

  private func records(of node: SimulatedNode) -> [RecordState] {
    node.backend.heldEntities().flatMap { node.backend.records(of: $0, after: nil, limit: .max) }
  }

  /// Nothing lost, nothing twice, and the same everywhere.
  private func checkRecord(_ key: RecordKey) throws(Violation) {
    guard let schema = nodes[0].backend.model.entity(key.entity) else { return }
    let expected = oracle.expected(key, isImmutable: schema.mutability == .immutable)
    guard let state = nodes[0].backend.find(key)?.state else {
      throw Violation("HQ does not hold \(key.summary), expected \(expected)")
    }
    guard state.withoutEmptyShares == expected.withoutEmptyShares else {
      throw Violation("HQ has another \(key.summary) than what was written:\n  found \(state)\n  expected \(expected)")
    }
    let scope = state.scope(schema)
    for store in nodes.dropFirst() where !store.isRetired {
      let held = store.backend.find(key)?.state
      if scope.contains(store.number) {
        guard held == state else {
          let found = held.map { "\($0)" } ?? "nothing"
          throw Violation("\(store.name) differs from HQ in \(key.summary):\n  found \(found)\n  HQ has \(state)")
        }
      } else if let held {
        throw Violation("\(store.name) holds \(key.summary), which is not in its scope: \(held)")
      }
    }
  }

  private func checkBalances(at node: SimulatedNode) throws(Violation) {
    for schema in node.backend.model.entities {
      for balance in schema.balances {
        var sums: [[Value]: Int64] = [:]
        for state in node.backend.records(of: schema.tag, after: nil, limit: .max) {
          guard !state.isDeleted(schema.deletion), let field = schema.field(balance.sum),
            case .value(.integer(let amount)) = state.shown(field, schema)
          else { continue }
          let keys = balance.keys.compactMap(schema.field).map { field -> Value in
            if case .value(let value) = state.shown(field, schema) { value } else { .null }
          }
          sums[keys, default: 0] += amount
        }
        let found = node.backend.balances(balance.name)
        let expected = sums.filter { $0.value != 0 }.map { Balance(keys: $0.key, sum: $0.value) }
          .sorted { $0.keys.lexicographicallyPrecedes($1.keys) }
        guard found == expected else {
          throw Violation("\(node.name): \(balance.name) is \(found), and its records sum up to \(expected)")
        }
      }
    }
  }

  /// A node's cases are those that its records carry.
  private func checkCases(at node: SimulatedNode) throws(Violation) {
    var expected: Set<ConflictCase.Subject> = []
    var open: Set<ConflictCase.Subject> = []
    for schema in node.backend.model.entities {
      var holders: [ConflictCase.Subject: Int] = [:]
      for state in node.backend.records(of: schema.tag, after: nil, limit: .max) {
        for concurrence in state.concurrences(schema) {
          let subject = concurrence.subject(of: state, schema)
          expected.insert(subject)
          if concurrence.needsPerson { open.insert(subject) }
        }
        guard !state.isDeleted(schema.deletion) else { continue }
        for key in schema.unique {
          if let subject = state.uniqueSubject(key, schema) { holders[subject, default: 0] += 1 }
        }
      }
      for (subject, count) in holders where count > 1 {
        expected.insert(subject)
        open.insert(subject)
      }
    }
    let cases = node.backend.conflictCases(includingClosed: false)
    if node.isHQ { probe(cases) }
    let found = Set(cases.map(\.subject))
    guard found == expected else {
      let missing = expected.subtracting(found).sorted()
      let extra = found.subtracting(expected).sorted()
      throw Violation("\(node.name): its conflict cases lack \(missing) and have \(extra) too many")
    }
    let wrong = cases.filter { one in
      let isAccepted = one.status == .accepted && node.accepted.contains(one.subject)
      return !isAccepted && (one.status == .open) != open.contains(one.subject)
    }
    guard wrong.isEmpty else { throw Violation("\(node.name): cases with the wrong status: \(wrong)") }
  }

  private func probe(_ cases: [ConflictCase]) {
    for one in cases {
      switch one.subject.kind {
      case .field: probes.hit(.fieldCases)
      case .immutable: probes.hit(.immutableCases)
      case .deletion: probes.hit(.deletionCases)
      case .unique: probes.hit(.uniqueCases)
      }
    }
  }
}

extension Concurrence {
  fileprivate func subject(of state: RecordState, _ schema: EntitySchema) -> ConflictCase.Subject {
    let name = field.flatMap(schema.field)?.name ?? ""
    let kind: ConflictCase.Subject.Kind =
      switch self.kind {
      case .field: .field
      case .immutable: .immutable
      case .deletion: .deletion
      }
    return ConflictCase.Subject(
      kind: kind, entity: state.entity, record: state.id, detail: key.map { "\(name).\($0)" } ?? name)
  }
}

extension RecordState {
  /// What a repair leaves to an incarnation of a counter is not there if it comes to nothing; the oracle does not know which were.
  fileprivate var withoutEmptyShares: RecordState {
    var state = self
    for field in state.fields {
      guard case .counter(let shares) = field.content, shares.contains(where: { $0.sum == 0 }) else { continue }
      state.setContent(.counter(shares.filter { $0.sum != 0 }), of: field.tag)
    }
    return state
  }

  fileprivate func uniqueSubject(_ key: UniqueKey<FieldTag>, _ schema: EntitySchema) -> ConflictCase.Subject? {
    var words: [String] = []
    for tag in key.fields {
      guard let field = schema.field(tag), case .value(let value) = shown(field, schema), value != .null else {
        return nil
      }
      words.append(value.plainText)
    }
    return ConflictCase.Subject(
      kind: .unique, entity: entity, record: RecordID([]), detail: "\(key.name)=" + words.joined(separator: "/"))
  }
}
