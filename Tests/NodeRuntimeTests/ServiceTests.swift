import Base
import Causality
import Dispatch
import Glibc
import RecordStore
import Synchronization
import Testing

@testable import NodeRuntime

/// What the service manager is told.
@Suite struct ServiceTests {
  // MARK: The datagrams

  private func notifier(_ socket: String, watchdog: String? = nil, of process: String? = nil) -> ServiceNotifier? {
    ServiceNotifier(socket: socket, watchdog: watchdog, watchdogProcess: process, process: 42)
  }

  @Test func messagesReachASocketInAFolderAndInTheAbstractSpace() throws {
    var template = Array("\(P_tmpdir)/storesync-notify-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { rmdir(folder) }
    for name in ["\(folder)/notify", "@storesync-test-\(getpid())"] {
      let manager = try FakeManager(name)
      defer { if name.hasPrefix("/") { unlink(name) } }
      let service = try #require(notifier(name))
      #expect(service.send(.ready(status: "store 1:\nREADY=0 \u{2028}x")))
      #expect(manager.next() == "READY=1\nSTATUS=store 1: READY=0  x")
      #expect(service.send(.alive) && manager.next() == "WATCHDOG=1")
      #expect(service.send(.stopping) && manager.next() == "STOPPING=1\nSTATUS=stopping")
      #expect(service.send(.starting(seconds: 60, status: "saving")))
      #expect(manager.next() == "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=saving")
      #expect(service.send(.status("well")) && manager.next() == "STATUS=well")
    }
  }

  @Test func withoutAManagerNothingIsTold() throws {
    for socket in [nil, "", "/", "@", "vsock:2:1", "relative", "/" + String(repeating: "a", count: 107)] {
      #expect(
        ServiceNotifier(socket: socket, watchdog: "1", watchdogProcess: nil, process: 42) == nil, "\(socket ?? "nil")")
    }
    #expect(try #require(notifier("/nowhere/notify")).send(.alive) == false)
    #expect(notifier("@x", watchdog: "5000000")?.watchdogMicroseconds == 5_000_000)
    #expect(notifier("@x", watchdog: "5000000", of: "42")?.watchdogMicroseconds == 5_000_000)
    // It is another process's watch.
    #expect(notifier("@x", watchdog: "5000000", of: "41")?.watchdogMicroseconds == nil)
    for wrong in ["0", "-1", "soon"] { #expect(notifier("@x", watchdog: wrong)?.watchdogMicroseconds == nil) }
  }

  // MARK: The watch

  @Test("a writer that hangs stops the signs of life, and they go on once it answers")
  func hangingWriter() throws {
    let shop = try Shop()
    let queue = DispatchQueue(label: "test.network")
    let alive = Mutex(0)
    let events = Mutex<[String]>([])
    let answered = DispatchSemaphore(value: 0)
    let watch = ServiceWatch(
      [
        ServiceWatch.Part(name: "the network") { answer in
          queue.async {
            answer()
            answered.signal()
          }
        },
        ServiceWatch.Part(name: "the writer") { [gate = shop.gate] answer in
          gate.askWriter {
            answer()
            answered.signal()
          }
        },
      ], log: { event in events.withLock { $0.append(event.name) } }, tellAlive: { alive.withLock { $0 += 1 } })
    func count() -> Int { alive.withLock { $0 } }
    func bothAnswer() { for _ in 0..<2 { answered.wait() } }

    watch.turnNow()
    bothAnswer()
    watch.turnNow()
    #expect(count() == 2)
    bothAnswer()
    let door = DispatchSemaphore(value: 0)
    shop.gate.write { _ throws(StoreError) in
      door.wait()
    } completion: { _ in
    }
    // The last answers are from before it hung.
    watch.turnNow()
    #expect(count() == 3)
    answered.wait()
    for _ in 0..<3 { watch.turnNow() }
    #expect(count() == 3 && events.withLock { $0 } == ["service.unresponsive"])
    door.signal()
    answered.wait()
    watch.turnNow()
    #expect(count() == 4 && events.withLock { $0 } == ["service.unresponsive", "service.responsive"])
    bothAnswer()
    // A network that hangs counts as much.
    let gateway = DispatchSemaphore(value: 0)
    queue.async { gateway.wait() }
    watch.turnNow()
    answered.wait()
    watch.turnNow()
    #expect(count() == 5)
    gateway.signal()
    answered.wait()
    watch.turnNow()
    #expect(count() == 6)
    bothAnswer()
  }

  @Test func theTimerGivesSignsOfLife() {
    let alive = DispatchSemaphore(value: 0)
    let watch = ServiceWatch([], log: { _ in }, tellAlive: { alive.signal() })
    watch.start(watchdogMicroseconds: 8_000)
    for _ in 0..<3 { alive.wait() }
  }

  // MARK: The line

  @Test func theStatusIsALineForPeople() {
    var hq = PeerStatus(node: .hq, acknowledged: LaneMap(repeating: 0))
    func line(_ node: UInt32, _ peers: [PeerStatus], _ problem: String? = nil) -> String {
      ServiceStatus.line(node: NodeNumber(node), peers: peers, problem: problem)
    }
    hq.lastProblem = "connection refused"
    #expect(line(1, [hq]) == "store 1: HQ is not connected (connection refused); the shop sells on")
    hq.isConnected = true
    #expect(line(1, [hq]) == "store 1: connected to HQ")
    #expect(line(1, [hq], "the disk is full") == "cannot write: the disk is full")
    var store = PeerStatus(node: NodeNumber(7), acknowledged: LaneMap(repeating: 0))
    store.isConnected = true
    #expect(line(0, [store]) == "HQ: 1 of 1 store connected")
    #expect(line(0, []) == "HQ: 0 of 0 stores connected")
  }
}

/// A service manager's end of the notification socket.
private final class FakeManager {
  private let descriptor: Int32

  init(_ name: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var path = Array(name.utf8)
    if name.hasPrefix("@") { path[0] = 0 }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    try #require(result == 0)
  }

  deinit { close(descriptor) }

  func next() -> String {
    var bytes = [UInt8](repeating: 0, count: 1_000)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }
}

/// What the kernel tells of sockets.
@Suite struct ListeningSocketsTests {
  @Test func onlyThoseThatListen() {
    let table = """
        sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
         0: 0100007F:1CE8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0 100 0 0 10 0
         1: 0100007F:1CE8 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0 20 4 30 10 -1
         2: 00000000000000000000000000000000:1D38 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 777 1
         3: odd
      """
    #expect(ListeningSockets.parse(table).map { "\($0.port) \($0.inode)" } == ["7400 12345", "7480 777"])
    #expect(ListeningSockets.parse("").isEmpty)
  }
}
