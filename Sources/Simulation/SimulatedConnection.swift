/// The two ends of a connection.
enum Side: String {
  case store, hq

  var other: Side { self == .store ? .hq : .store }
}

/// One direction of a connection: chunks that arrive in order.
struct Pipe {
  enum Item {
    case chunk([UInt8])
    /// The sender has closed.
    case end
  }

  private(set) var items: [Item] = []
  private(set) var lastArrival: Int64 = 0
  /// Nothing goes in any more.
  var isClosed = false
  /// When a slow line has carried all that was put in.
  var freeAtMicroseconds: Int64 = 0

  /// - Returns: when it arrives.
  mutating func put(_ item: Item, arrivingAt time: Int64) -> Int64 {
    items.append(item)
    lastArrival = max(lastArrival, time)
    return lastArrival
  }

  mutating func take() -> Item? { items.isEmpty ? nil : items.removeFirst() }

  var byteCount: Int {
    items.reduce(0) { sum, item in if case .chunk(let bytes) = item { sum + bytes.count } else { sum } }
  }

  /// Loses all but the first bytes.
  mutating func cut(keeping count: Int) {
    isClosed = true
    var left = count
    var kept: [Item] = []
    for item in items {
      guard left > 0, case .chunk(let bytes) = item else { break }
      kept.append(.chunk(Array(bytes.prefix(left))))
      left -= bytes.count
    }
    items = kept
  }
}

struct SimulatedConnection {
  let id: Int
  let storeNode: Int
  var sessions: [Side: Int] = [:]
  /// By the side that receives.
  private var toStore = Pipe()
  private var toHQ = Pipe()

  init(id: Int, storeNode: Int) {
    self.id = id
    self.storeNode = storeNode
  }

  subscript(to side: Side) -> Pipe {
    get { side == .store ? toStore : toHQ }
    set { if side == .store { toStore = newValue } else { toHQ = newValue } }
  }
}
