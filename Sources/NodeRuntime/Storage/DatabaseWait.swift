import Base
import Dispatch
import Glibc
import RecordStore
import StoreModel
import Transport

/// Opens a database that another process may hold for a moment: `syncctl` on a node that does not run, or a node that is
/// just starting or ending.
enum DatabaseWait {
  /// How long a starting node waits: `syncctl` holds a database for a request, and for as long as an import takes.
  static let daemonMilliseconds: Int64 = 30_000
  /// How long `syncctl` waits: the moments in which a node starts or ends.
  static let clientMilliseconds: Int64 = 3_000
  private static let pauseMicroseconds: UInt32 = 50_000
  private static let askMilliseconds = 1_000

  /// - Parameter progress: hears now and then that it is at work, in words for people, if that takes long.
  static func open(
    _ directory: DataDirectory, model: Model, isStarting: Bool, for limit: Int64, log: LogSink? = nil,
    progress: (String) -> Void = { _ in }
  ) throws(StoreError) -> StoreGate {
    try UpgradeBackup(directory: directory, log: { log?($0) }).makeIfNewer(
      at: SystemWallClock().now, progress: progress)
    let clock = SystemMonotonicClock()
    let end = clock.now.milliseconds + limit
    var isTold = false
    while true {
      do throws(StoreError) {
        return try StoreGate.open(directory, model: model, isStarting: isStarting) { log?($0) }
      } catch {
        // A node that runs will not go away; and it answers.
        guard error.code == .inUse, clock.now.milliseconds < end, !isServed(directory) else { throw error }
        if !isTold {
          log?(
            LogEvent(.info, "database.waiting", "waiting up to \(limit / 1_000) s for the database: \(error.message)"))
        }
        isTold = true
        usleep(pauseMicroseconds)
      }
    }
  }

  /// Whether a node listens at the directory's socket.
  static func isServed(_ directory: DataDirectory) -> Bool {
    let queue = DispatchQueue(label: "storesync.asking")
    let answered = DispatchSemaphore(value: 0)
    let box = AnswerBox<Bool>()
    queue.async {
      _ = Connector.connect(
        to: .unix(path: directory.socketPath), queue: queue, timeoutMilliseconds: askMilliseconds
      ) { result in
        if case .success(let stream) = result {
          stream.close(flushing: false)
          if box.put(true) { answered.signal() }
        } else if box.put(false) {
          answered.signal()
        }
      }
    }
    answered.wait()
    return box.take() ?? false
  }
}
