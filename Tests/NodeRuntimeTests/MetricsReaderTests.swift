import Base
import Causality
import Dispatch
import Glibc
import Metrics
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Testing
import Transport

@testable import NodeRuntime

/// What a scrape reads at a large chain's headquarters, and how much it says.
@Suite struct MetricsReaderTests {
  /// HQ with stores that have joined, all of which lack `products`.
  private final class Headquarters {
    let engine: StoreGate.Engine
    private let path: String

    init(stores: UInt32, products: Int) throws {
      let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
      var template = Array("\(base)/storesync-metrics-XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      let identity = NodeIdentity(replica: ReplicaID(node: .hq, incarnation: 1), epoch: Epoch(rawValue: 1))
      engine = try StoreGate.Engine(
        SQLiteBackend.open(path: path + "/hq.db", model: .retail, mode: .create(identity)))
      var enrolment = Enrolment(changedAt: nil)
      enrolment.credentialDigest = [UInt8](repeating: 1, count: 32)
      enrolment.history.lastContact = WallTime(milliseconds: 1_700_000_000_000)
      try engine.backend.setSettings((1...stores).map { ("enrolment.\($0)", enrolment.bytes) })
      let drafts = (0..<products).map { number in
        CommitDraft([RecordWrite(Product(id: RecordID(key: "p\(number)"), name: "Product \(number)"))])
      }
      _ = try engine.commit(drafts, at: WallTime(milliseconds: 1_700_000_010_000))
    }

    deinit {
      for suffix in ["", "-wal", "-shm", ".lock"] { unlink("\(path)/hq.db\(suffix)") }
      rmdir(path)
    }

    func text(_ named: [NodeNumber] = []) throws -> String {
      let reader = MetricsReader(now: WallTime(milliseconds: 1_700_000_070_000), named: named)
      return Exposition.text(try reader.families(engine))
    }
  }

  @Test("a thousand stores are a page, and what is named is bounded") func aThousandStores() throws {
    let hq = try Headquarters(stores: 1_000, products: 200)
    let text = try hq.text()
    let lines = text.split(separator: "\n")
    #expect(lines.contains("storesync_stores{state=\"not_connected\"} 1000"))
    #expect(lines.contains("storesync_backlog_age_seconds{direction=\"out\",lane=\"normal\"} 60"), "\(text)")
    #expect(lines.contains("storesync_backlog_is_at_least{lane=\"normal\"} 1"))
    let least = MetricLimits.leastBacklogEntryCount
    #expect(lines.contains("storesync_backlog_groups{lane=\"normal\"} \(1_000 * least)"))
    #expect(lines.contains("storesync_unheard_seconds 70"))
    #expect(text.utf8.count < 16 << 10 && !text.contains("store=\""))
    let named = try hq.text((1...UInt32(MetricLimits.namedStoreCount)).map(NodeNumber.init))
    #expect(named.contains("storesync_store_unheard_seconds{store=\"100\"} 70\n"))
    #expect(named.utf8.count < 128 << 10)
    #expect(try hq.text() == text, "the same bytes for the same state")
  }

  @Test("what has not joined, or is revoked, has no backlog") func storesThatAreNotExpected() throws {
    let hq = try Headquarters(stores: 3, products: 20)
    let now = WallTime(milliseconds: 1_700_000_000_000)
    try NodeSettings.save(
      .invited(secretDigest: [1], until: now, at: now), of: NodeNumber(1), in: hq.engine)
    var revoked = try #require(try NodeSettings.enrolment(of: NodeNumber(2), hq.engine))
    revoked.change(to: .revoked, at: now)
    try NodeSettings.save(revoked, of: NodeNumber(2), in: hq.engine)
    let lines = try hq.text().split(separator: "\n")
    #expect(lines.contains("storesync_backlog_groups{lane=\"normal\"} 20"))
    #expect(lines.contains("storesync_stores{state=\"revoked\"} 1"))
    #expect(lines.contains("storesync_stores{state=\"not_joined\"} 1"))
  }

  @Test("few stores are counted exactly") func aFewStores() throws {
    let lines = try Headquarters(stores: 3, products: 200).text().split(separator: "\n")
    #expect(lines.contains("storesync_backlog_groups{lane=\"normal\"} 600"))
    #expect(lines.contains("storesync_backlog_is_at_least{lane=\"normal\"} 0"))
  }
}
