import Base
import Dispatch
import Glibc
import NodeRuntime
import RecordStore
import StoreModel
import SyncSession
import Synchronization
import Testing
import Transport
import Wire

/// Programs of versions that do not understand each other.
@Suite struct VersionTests {
  /// In HQ's place and with its key, a program that speaks newer versions alone.
  private final class NewerHQ: Sendable {
    private let queue = DispatchQueue(label: "test.newer")
    private let listener = Mutex<Listener?>(nil)
    private let streams: Streams
    let address: String

    private final class Streams: Sendable {
      let all = Mutex<[ByteStream]>([])
    }

    init(_ tls: TLSIdentity) throws {
      let (queue, streams) = (queue, Streams())
      self.streams = streams
      let answer = Refusal(.upgradeNeeded, "found protocol versions 1 to 1, expected 7 to 9; upgrade the older side")
      let bound = try queue.sync { () throws -> Listener in
        try Listener(at: .tcp(Endpoint(host: "127.0.0.1", port: 0)), tls: tls, queue: queue) { stream in
          streams.all.withLock { $0.append(stream) }
          stream.onReceive = { _ in
            stream.send((try? FrameWriter.frame(Message.refusal(answer).encoded())) ?? [])
            stream.close(flushing: true)
          }
          stream.start()
        }
      }
      address = try #require(bound.boundEndpoint).description
      listener.withLock { $0 = bound }
    }

    func close() {
      let listener = listener.withLock { $0 }
      queue.sync { listener?.close() }
    }
  }

  @Test(
    "FC-39 a store too old for HQ: its status says what to do, it sells on, and nothing is lost once one is upgraded")
  func tooOld() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.hq.stop()
    let newer = try NewerHQ(Self.identity(of: chain.hq))
    try chain.expectDone(chain.run("store-node", ["set-hq", newer.address, "--data", store.directory]))
    try eventually("the store to be told") {
      let status = try chain.syncctl(store, "status")
      return status.status == 1 && status.output.contains("upgrade")
    }
    try chain.expectDone(chain.importing((0..<3).map { sale($0) }, as: "sale", into: store))
    #expect(try chain.syncctl(store, "status").output.contains("3 groups have not reached HQ"))
    newer.close()
    try chain.startHQ()
    try chain.expectDone(chain.run("store-node", ["set-hq", chain.address, "--data", store.directory]))
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(3))
  }

  private static func identity(of hq: Node) throws -> TLSIdentity {
    let path = DataDirectory(hq.directory).databasePath
    let gate = try StoreGate(path: path, model: .retail, clock: SystemWallClock())
    return try gate.writeNow { engine throws(StoreError) in try NodeSettings.hq(engine) }.tls
  }
}
