package import Causality
package import Merge
package import StoreModel

/// The stores that hold one record, computed from what it shows.
package enum RecordScope: Hashable, Sendable {
  case everyone
  case stores([NodeNumber])
  /// No store.
  case hq

  package func contains(_ node: NodeNumber) -> Bool {
    switch self {
    case .everyone: true
    case .stores(let nodes): nodes.contains(node) || node == .hq
    case .hq: node == .hq
    }
  }

  /// The stores that the record names; none if it names none in particular.
  package var stores: [NodeNumber] {
    if case .stores(let nodes) = self { nodes } else { [] }
  }
}

extension RecordState {
  package func scope(_ schema: EntitySchema) -> RecordScope {
    switch schema.scope {
    case .everyone: return .everyone
    case .hq: return .hq
    case .stores(let fields):
      var nodes: [NodeNumber] = []
      for tag in fields {
        guard let field = schema.field(tag) else { continue }
        switch shown(field, schema) {
        case .value(let value): if let node = value.nodeNumber, !nodes.contains(node) { nodes.append(node) }
        case .set(let values): nodes += values.compactMap(\.nodeNumber).filter { !nodes.contains($0) }
        case .counter, .customFields: break
        }
      }
      return .stores(nodes)
    }
  }
}

extension Value {
  /// The node that a reference to a store names: a store's id is its node number.
  fileprivate var nodeNumber: NodeNumber? {
    guard case .integer(let number) = self else { return nil }
    return UInt32(exactly: number).map(NodeNumber.init)
  }
}
