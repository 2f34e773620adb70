import Base
import Causality
import Interchange
import JSON
import RecordStore
import Testing

@Suite("Vectors: the hybrid clock")
struct ClockVectorTests {
  @Test(arguments: try Vectors.cases("clock.json"))
  func trace(_ vector: Case) throws {
    var clock = HybridClock(last: try timestamp(vector.need("start")))
    for step in try vector.need("steps").items.map({ Case(try $0.object) }) {
      let wall = WallTime(milliseconds: try step.need("wall").number)
      if let reading = step["reading"] {
        #expect(try clock.tick(wall: wall) == timestamp(reading))
      } else {
        let time = try timestamp(step.need("follow"))
        // The store holds times beyond the tolerance back from the clock.
        let latest = HybridTimestamp(wall: wall.advanced(byMilliseconds: StoreLimits.clockToleranceMilliseconds))
        if time <= latest { clock.observe(time) }
        #expect(try clock.last == timestamp(step.need("last")))
      }
    }
  }

  private func timestamp(_ value: JSONValue) throws -> HybridTimestamp {
    HybridTimestamp(rawValue: try #require(UInt64(try value.text)))
  }
}
