import Base
import Causality
import Merge
import RecordStore
import Simulation
import StoreModel
import Testing

/// The checkers are worth something only if they find what is broken.
@Suite("Sabotaged stores are caught")
struct SabotageTests {
  enum Sabotage: String, CaseIterable {
    /// Says that a batch is applied, moves the cursor, and drops every third group.
    case dropsGroups
    /// Applies a batch without moving the cursor.
    case forgetsTheCursor
    /// Applies all but the last record of each group.
    case tearsGroups
    /// Applies records without their last field.
    case losesEdits
    /// Says that a commit is durable and does not write it.
    case dropsCommits
  }

  @Test(arguments: Sabotage.allCases)
  func isCaught(_ sabotage: Sabotage) throws {
    let node = sabotage == .dropsCommits ? 1 : 0
    let report = try Simulator(
      seed: 4, stores: 2, plan: .calm(stores: 2),
      makeStore: { index, backend throws(StoreError) in
        let engine = try StoreEngine(backend)
        return index == node ? SabotagedStore(engine, sabotage) : engine
      }
    ).run()
    #expect(report.violation != nil, "\(sabotage) went unnoticed")
  }

  @Test("the same runs hold with honest stores")
  func honest() throws {
    let report = try Simulator(seed: 4, stores: 2, plan: .calm(stores: 2)).run()
    #expect(report.violation == nil, "SEED 4: \(report.summary)")
  }
}
