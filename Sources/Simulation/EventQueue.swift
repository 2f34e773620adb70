/// What is to happen, by simulated time; what is due at the same time happens in the order in which it was planned.
struct EventQueue<Event> {
  private struct Item {
    var time: Int64
    var number: UInt64
    var event: Event

    func isBefore(_ other: Item) -> Bool {
      time != other.time ? time < other.time : number < other.number
    }
  }

  /// A binary heap, the earliest first.
  private var heap: [Item] = []
  private var planned: UInt64 = 0

  var count: Int { heap.count }

  mutating func plan(_ event: Event, at time: Int64) {
    planned += 1
    heap.append(Item(time: time, number: planned, event: event))
    var index = heap.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard heap[index].isBefore(heap[parent]) else { break }
      heap.swapAt(index, parent)
      index = parent
    }
  }

  mutating func next() -> (time: Int64, event: Event)? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty {
      heap[0] = last
      sink()
    }
    return (first.time, first.event)
  }

  private mutating func sink() {
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
        if heap[child].isBefore(heap[least]) { least = child }
      }
      guard least != index else { return }
      heap.swapAt(index, least)
      index = least
    }
  }
}
