import Glibc
import Interchange
import Testing

/// FC-45 A disk that is full, and has room again.
@Suite(.enabled(if: TinyDisk.isPermitted, "only where mounting is permitted"))
struct FullDiskTests {
  @Test(
    "FC-45 a store's disk is full: a sale is refused and says why, the node lives on, and sells again once there is room"
  )
  func store() throws {
    let scratch = try Scratch()
    let disk = try TinyDisk("\(scratch.path)/store")
    let chain = try Chain()
    let store = try chain.addStore(1, in: disk.path)
    try chain.startHQ()
    try chain.start(store)
    try chain.inSync()
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    try chain.inSync()
    try disk.fill()
    let refused = try chain.importing((2..<400).map { sale($0) }, as: "sale", into: store)
    #expect(refused.status == 4, "\(refused.errors)\(refused.output)")
    #expect(refused.errors.contains("make room on the disk and try again"), "\(refused.errors)")
    let status = try chain.syncctl(store, "status")
    #expect(status.status == 1 && status.output.contains("disk-full"), "\(status.output)\(status.errors)")
    let pid = store.daemon?.pid

    try disk.makeRoom()
    try chain.expectDone(chain.importing((2..<400).map { sale($0) }, as: "sale", into: store))
    try chain.inSync(within: 120_000)
    #expect(store.daemon?.pid == pid && pid != nil)
    #expect(try chain.hq.rows("SELECT count(*) FROM orders") == ["399"])
    #expect(try store.rows("PRAGMA integrity_check") == ["ok"])
  }

  @Test("FC-45 HQ's disk is full: nothing is acknowledged that is not written, and all comes once there is room")
  func hq() throws {
    let scratch = try Scratch()
    let disk = try TinyDisk("\(scratch.path)/hq")
    let chain = try Chain(hqDirectory: disk.path)
    let store = try chain.addStore(1)
    try chain.startHQ()
    try chain.start(store)
    try chain.inSync()
    try disk.fill()
    try chain.expectDone(chain.importing((0..<400).map { sale($0) }, as: "sale", into: store))
    try eventually("HQ to refuse") { store.log.contains("the disk is full; it goes on by itself once there is room") }
    let status = try chain.syncctl(store, "status")
    #expect(status.status == 1 && status.output.contains("the disk is full"), "\(status.output)")
    #expect(chain.hq.log.contains("make room on the disk and try again"), "\(chain.hq.log)")

    try disk.makeRoom()
    try chain.inSync(within: 120_000)
    #expect(try chain.hq.rows("SELECT count(*) FROM orders") == ["400"])
    #expect(try chain.hq.rows("PRAGMA integrity_check") == ["ok"])
  }
}
