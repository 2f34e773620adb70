import Foundation
import Testing

/// HQ goes to another machine as the very node that it was.
@Suite struct MoveTests {
  @Test("HQ moves out, starts no more where it was, and goes on elsewhere without anything to heal")
  func hqMoves() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    try chain.inSync()
    let file = chain.scratch.path + "/moved.db"
    let running = try chain.syncctl(chain.hq, "move", "out", file)
    #expect(running.status != 0 && running.problem.contains("open for writing"), "\(running.errors)")
    let identity = "SELECT node, incarnation FROM sync_node"
    let before = try chain.hq.rows(identity)
    try chain.hq.stop()
    try chain.expectDone(chain.importing([sale(2)], as: "sale", into: store))
    let out = try chain.syncctl(chain.hq, "move", "out", file)
    try chain.expectDone(out)
    #expect(out.output.contains("it does not start here any more"))
    let twice = try chain.run("hq-node", ["run", "--data", chain.hq.directory, "--listen", chain.address])
    #expect(twice.status != 0 && twice.errors.contains("this node moved out of"), "\(twice.errors)")
    #expect(try chain.syncctl(chain.hq, "status").errors.contains("move back"))

    // The new machine: the same folder's name, so that the chain finds it.
    try FileManager.default.moveItem(atPath: chain.hq.directory, toPath: chain.hq.directory + ".old")
    try FileManager.default.createDirectory(atPath: chain.hq.directory, withIntermediateDirectories: false)
    try chain.expectDone(chain.syncctl(chain.hq, "restore", file))
    try chain.startHQ()
    try chain.inSync()
    #expect(try chain.hq.rows(identity) == before, "it is the node that it was")
    #expect(try chain.hq.rows("SELECT name FROM sync_setting WHERE name IN ('loss', 'moved-out', 'backup')") == [])
    #expect(try chain.hq.receipts() == ["R1", "R2"])
    // And it starts again like any node.
    try chain.hq.stop()
    try chain.startHQ()
    try chain.inSync()
    #expect(try chain.hq.rows(identity) == before)
  }

  @Test func calledOff() throws {
    let chain = try Chain(stores: [1])
    try chain.hq.stop()
    #expect(try chain.syncctl(chain.hq, "move", "back").status == 2)
    try chain.expectDone(chain.syncctl(chain.hq, "move", "out", chain.scratch.path + "/moved.db"))
    try chain.expectDone(chain.syncctl(chain.hq, "move", "back"))
    try chain.startHQ()
    try chain.inSync()
  }
}

extension Node {
  fileprivate func receipts() throws -> [String] { try rows("SELECT receipt FROM orders ORDER BY receipt") }
}
