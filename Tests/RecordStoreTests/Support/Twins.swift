import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// Two databases of one store that are told the same: one takes newer states the quick way, the other the general way.
struct Twins {
  let quick: TestNode
  let general: TestNode

  init(_ kind: BackendKind, _ node: UInt32 = 1, model: Model) throws {
    quick = try TestNode(kind, node, model: model)
    general = try TestNode(kind, node, model: model) { backend in
      let failing = FailingBackend(backend)
      failing.hasNoQuickWay = true
      return failing
    }
  }

  var wall: WallTime {
    get { quick.wall }
    nonmutating set {
      quick.wall = newValue
      general.wall = newValue
    }
  }

  func commit(_ writes: [RecordWrite], _ note: Comment) throws {
    let result = try quick.store.commit([CommitDraft(writes)], at: quick.wall)
    #expect(try result == general.store.commit([CommitDraft(writes)], at: general.wall), note)
  }

  /// Gives both the same groups as the peer's next batch.
  @discardableResult
  func receive(
    _ groups: [CommitGroup], from peer: NodeNumber = .hq, epoch: Epoch, lane: Lane = .normal, after: Sequence64? = nil,
    through: Sequence64? = nil, _ note: Comment
  ) throws -> [GroupResult] {
    let results = try quick.receive(groups, from: peer, epoch: epoch, lane: lane, after: after, through: through)
    let others = try general.receive(groups, from: peer, epoch: epoch, lane: lane, after: after, through: through)
    #expect(results == others, note)
    return results
  }

  func compare(_ note: Comment) throws {
    #expect(try Self.words(quick) == Self.words(general), note)
    #expect(quick.store.takeTally() == general.store.takeTally(), note)
  }

  /// All that a store says of itself, its log included.
  private static func words(_ node: TestNode) throws -> [String] {
    var lines: [String] = []
    for entity in try node.store.heldEntities() {
      lines += try node.store.records(of: entity, after: nil, limit: 10_000).map { "\($0)" }
      lines.append("count \(entity) \(try node.store.count(of: entity))")
    }
    for balance in node.store.model.entities.flatMap(\.balances) {
      lines += try node.store.balances(balance.name).map { "\($0)" }
    }
    lines += try node.cases(includingClosed: true).map { "\($0)" }
    lines += try node.store.parkedGroups().map { "\($0)" }
    for lane in Lane.allCases {
      lines += try node.backend.logEntries(lane: lane, after: 0, limit: 10_000).map { "\($0)" }
    }
    lines.append("head \(try node.store.logHead())")
    return lines
  }
}
