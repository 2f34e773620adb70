import Base

/// A node's identity as a writer: its number, given by HQ, and its incarnation.
///
/// A replica never writes the same stamp twice. A database that was restored or copied could, so it takes a new
/// incarnation before its first write. Incarnations are drawn at random and not counted: two copies of one database
/// that notice apart from each other would count to the same number.
package struct ReplicaID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var node: NodeNumber
  package var incarnation: UInt32

  package init(node: NodeNumber, incarnation: UInt32) {
    self.node = node
    self.incarnation = incarnation
  }

  /// By node, then incarnation. Only for a stable order: it says nothing of time.
  package static func < (left: Self, right: Self) -> Bool {
    left.node != right.node ? left.node < right.node : left.incarnation < right.incarnation
  }

  package var description: String { "\(node).\(Hex.encode(bigEndianBytes(incarnation)))" }

  private func bigEndianBytes(_ value: UInt32) -> [UInt8] {
    var writer = ByteWriter(reserving: 4)
    writer.append(bigEndian: value)
    return writer.bytes
  }
}

/// What HQ calls a node: 0 is HQ itself, stores count from 1. Never reused.
package struct NodeNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var rawValue: UInt32

  package init(_ rawValue: UInt32) {
    self.rawValue = rawValue
  }

  package static let hq = NodeNumber(0)

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  package var description: String { self == .hq ? "hq" : String(rawValue) }
}
