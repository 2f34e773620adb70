import Causality
import Merge
import StoreModel

extension Driver {
  /// Where a state differs from what the reference model makes of its holder's knowledge, or nil.
  func difference(_ copy: Copy) -> String? {
    if let flaw = flaw(in: copy.state) { return flaw }
    guard copy.state.vector == vector(of: copy.known) else { return "vector \(copy.state.vector)" }
    for field in Set(model.atoms.keys).union(copy.state.fields.map { Int($0.tag.rawValue) }).sorted() {
      if let difference = contentDifference(field, copy) { return "field \(field): \(difference)" }
    }
    if let difference = deletionDifference(copy) { return difference }
    return schema.mutability == .immutable ? factDifference(copy) : shownDifference(copy)
  }

  private func vector(of known: Set<Int>) -> VersionVector {
    var latest: [ReplicaID: UInt64] = [:]
    for commit in known {
      let name = model.commits[commit].name
      latest[Self.replica(name)] = max(latest[Self.replica(name)] ?? 0, name.time)
    }
    let entries = latest.sorted { $0.key < $1.key }
      .map { VersionVector.Entry(replica: $0.key, time: HybridTimestamp(rawValue: $0.value)) }
    return VersionVector(ascending: entries) ?? VersionVector()
  }

  private static func replica(_ name: ReferenceModel.Name) -> ReplicaID {
    ReplicaID(node: NodeNumber(name.node), incarnation: name.incarnation)
  }

  private static func named(_ siblings: some Sequence<Sibling>) -> [String] {
    siblings.map { "\(name($0.stamp)) \($0.value)" }
  }

  private static func named(_ values: [ReferenceModel.Named]) -> [String] {
    values.map { "\($0.name) \(value($0.value))" }
  }

  /// What is alive, with its stamps.
  private func contentDifference(_ field: Int, _ copy: Copy) -> String? {
    let content = copy.state.content(of: FieldTag(UInt16(field)))
    let known = copy.known
    switch Thing.Field(rawValue: UInt16(field)) {
    case .set:
      let expected = model.elements(field, known)
      let found = (content?.elements ?? []).map { ($0.value, Set($0.stamps.map(Self.name))) }
      let wanted = expected.sorted { $0.key < $1.key }.map { (Self.value($0.key), $0.value) }
      guard !found.elementsEqual(wanted, by: ==) else { return nil }
      return "elements \(found), expected \(wanted)"
    case .counter:
      let sum = (content?.shares ?? []).reduce(0) { $0 + Int($1.sum) }
      return sum == model.total(field, known) ? nil : "total \(sum), expected \(model.total(field, known))"
    case .custom:
      let expected = model.entries(field, known).sorted { $0.key < $1.key }.map { ($0.key, Self.named($0.value)) }
      let found = (content?.entries ?? []).map { ($0.key, Self.named($0.siblings)) }
      return found.elementsEqual(expected, by: ==) ? nil : "entries \(found), expected \(expected)"
    default:
      let expected = Self.named(model.values(field, known))
      let found = Self.named(content?.siblings.map(Array.init) ?? [])
      return found == expected ? nil : "siblings \(found), expected \(expected)"
    }
  }

  private func deletionDifference(_ copy: Copy) -> String? {
    let marks = copy.state.deletions.map { (Self.name($0.stamp), $0.saw) }
    let expected = model.marks(copy.known).map { (model.commits[$0].name, vector(of: model.commits[$0].seen)) }
      .sorted { $0.0 < $1.0 }
    guard marks.elementsEqual(expected, by: ==) else { return "marks \(marks), expected \(expected)" }
    for (policy, deleteWins) in [(DeletionPolicy.editWins, false), (.deleteWins, true)] {
      let deleted = model.isDeleted(copy.known, deleteWins: deleteWins)
      guard copy.state.isDeleted(policy) == deleted else { return "\(policy): expected deleted to be \(deleted)" }
    }
    let isKept = model.hasEditsBesideDeletions(copy.known)
    let cases = copy.state.concurrences(schema).filter { $0.kind == .deletion }
    guard cases.count == (isKept ? 1 : 0) else { return "deletion cases \(cases)" }
    let needsPerson = isKept && schema.deletion == .deleteWins
    guard cases.contains(where: \.needsPerson) == needsPerson else { return "deletion cases \(cases)" }
    return nil
  }

  // MARK: Shown

  private func rule(_ field: Thing.Field, owner: UInt32?) -> ReferenceModel.Rule {
    switch field {
    case .owner, .latest, .manual, .set, .counter, .custom: .latest
    case .hq: .node(0)
    case .ownerSays: .node(owner)
    case .progress: .furthest(Thing.steps)
    case .first: .first
    case .maximum: .maximum
    case .minimum: .minimum
    }
  }

  private func expectedContent(_ field: Thing.Field, _ known: Set<Int>) -> FieldContent {
    let number = Int(field.rawValue)
    switch field {
    case .set:
      let elements = model.elements(number, known).keys.sorted().map(Self.value)
      return elements.isEmpty ? .null : .set(elements)
    case .counter:
      let isWritten = !model.atoms(number, known).isEmpty
      return isWritten ? .counter(Int64(model.total(number, known))) : .null
    case .custom:
      let entries = model.entries(number, known).sorted { $0.key < $1.key }.compactMap { entry -> CustomField? in
        guard let value = ReferenceModel.shown(entry.value, .latest), value != .nothing else { return nil }
        return CustomField(key: entry.key, value: Self.value(value))
      }
      return model.entries(number, known).isEmpty ? .null : .customFields(entries)
    default:
      let owners = model.values(Int(Thing.Field.owner.rawValue), known)
      var owner: UInt32?
      if case .number(let number)? = ReferenceModel.shown(owners, .latest) { owner = UInt32(number) }
      let shown = ReferenceModel.shown(model.values(number, known), rule(field, owner: owner))
      return .value(Self.value(shown ?? .nothing))
    }
  }

  private func shownDifference(_ copy: Copy) -> String? {
    let cases = copy.state.concurrences(schema).filter { $0.kind != .deletion }
    for field in Thing.Field.allCases {
      guard let schemaField = schema.field(FieldTag(field.rawValue)) else { return "no field \(field)" }
      let found = copy.state.shown(schemaField, schema)
      let expected = expectedContent(field, copy.known)
      guard found == expected else { return "\(field) shows \(found), expected \(expected)" }

      let own = cases.filter { $0.field == schemaField.tag }
      let values = field == .custom ? [] : model.values(Int(field.rawValue), copy.known)
      let disagrees = Set(values.map(\.value)).count > 1
      guard field == .custom || own.count == (disagrees ? 1 : 0) else { return "\(field): cases \(own)" }
      guard let one = own.first, field != .custom else { continue }
      guard one.needsPerson == (field == .manual) else { return "\(field): needsPerson" }
      guard one.candidates.map({ Self.name($0.stamp) }) == values.map(\.name) else { return "\(field): candidates" }
      let shown = one.candidates.filter(\.isShown).map { FieldContent.value($0.value) }
      guard shown == [expected] else { return "\(field): shown candidate \(shown)" }
    }
    let split = model.entries(12, copy.known).filter { Set($0.value.map(\.value)).count > 1 }.keys.sorted()
    let keys = cases.compactMap(\.key)
    return keys == split ? nil : "cases for the entries \(keys), expected \(split)"
  }

  /// An immutable record shows the whole contents of its first writer; other contents beside them are a case.
  private func factDifference(_ copy: Copy) -> String? {
    let contents = model.contents(copy.known)
    for field in schema.fields {
      let expected = contents.first?.fields[Int(field.tag.rawValue)] ?? .nothing
      let found = copy.state.shown(field, schema)
      guard found == .value(Self.value(expected)) else { return "\(field.name) shows \(found), expected \(expected)" }
    }
    let cases = copy.state.concurrences(schema).filter { $0.kind != .deletion }
    guard Set(contents.map(\.fields)).count > 1 else { return cases.isEmpty ? nil : "cases \(cases)" }
    guard let one = cases.first, cases.count == 1, one.kind == .immutable, one.needsPerson else {
      return "cases \(cases)"
    }
    guard one.candidates.map({ Self.name($0.stamp) }) == contents.map(\.name) else { return "candidates" }
    return one.candidates.map(\.isShown) == contents.indices.map { $0 == 0 } ? nil : "shown candidates"
  }
}
