import Base
import Causality
import Merge
import RecordStore
import StoreModel

extension Workload {
  mutating func newTask(for store: Int) -> Step {
    let task = StoreTask(
      id: generator.pick(tasks), title: "w\(generator.below(1_000))", store: RecordID(number: UInt32(store)),
      status: "open")
    return Step("task for store \(store)", [RecordWrite(task)])
  }

  /// An edit of a task that the node holds; a new one if it holds none.
  mutating func taskEdit(_ place: Place) -> Step {
    let held = place.backend.records(of: StoreTask.tag, after: nil, limit: .max)
      .filter { !$0.isDeleted(StoreTask.deletion) }
    guard !held.isEmpty else { return newTask(for: place.node == 0 ? generator.draw(1...stores) : place.node) }
    let task = generator.pick(held).id
    let word = Value.text("w\(generator.below(1_000))")
    switch generator.below(10) {
    case 0, 1, 2: return step("task claimed", task, [write(.claimedBy, word), write(.status, .text("claimed"))])
    case 3: return step("task done", task, [write(.status, .text("done"))])
    case 4: return step("task cancelled", task, [write(.status, .text("cancelled"))])
    case 5, 6: return step("task noted", task, [write(.note, word)])
    case 7: return step("task due", task, [write(.dueDay, .integer(20_240_100 + Int64(generator.draw(1...28))))])
    case 8: return step("task taken on", task, [write(.title, word), write(.store, .integer(Int64(place.node)))])
    default:
      let store = generator.draw(1...stores)
      return step("task for store \(store) from now on", task, [write(.store, .integer(Int64(store)))])
    }
  }

  /// A day that is none. This node's model lets it through, HQ's does not.
  mutating func poison(_ place: Place) -> Step {
    let id = generator.chance(perMille: 500) ? RecordID(at: place.wall, using: &generator) : generator.pick(tasks)
    var task = StoreTask(
      id: id, title: "poison", store: place.store, status: "open")
    task.dueDay = 99
    return Step("poison", [RecordWrite(task)])
  }

  private func step(_ name: String, _ task: RecordID, _ writes: [FieldWrite]) -> Step {
    // HQ is no shop: what it would take on stays where it is.
    let meaningful = writes.filter { $0 != write(.store, .integer(0)) }
    return Step(name, [RecordWrite(entity: StoreTask.tag, id: task, .write(meaningful))])
  }

  private func write(_ field: StoreTask.Field, _ value: Value) -> FieldWrite {
    FieldWrite(FieldTag(field.rawValue), .set(value))
  }
}
