import Base
import Dispatch
import JSON
import NodeRuntime
import RecordStore

/// One client that is told of changes as they come (`text/event-stream`, WHATWG HTML §9.2). It is read for only when it has
/// taken what it was sent: a slow client holds one page, and one that takes nothing is cut by the server.
///
/// Confined to the followers' queue (`@unchecked Sendable`).
final class ChangeStream: @unchecked Sendable {
  private let gate: StoreGate
  private let query: FeedQuery
  private let form: ChangeForm
  private let followers: ChangeFollowers
  private let stream = HTTPStream()
  private var cursor: FeedCursor
  private let first: FeedPage
  private var growth: GrowthObservation?
  private var heartbeat: (any DispatchSourceTimer)?
  /// The client has taken all, and waits.
  private var isWanted = false
  private var isReading = false
  /// There may be more than has been read.
  private var hasMore = true
  private var isEnded = false

  /// - Parameter first: the page that the stream begins with.
  init(
    _ gate: StoreGate, _ query: FeedQuery, _ form: ChangeForm, _ followers: ChangeFollowers,
    beginningWith first: FeedPage
  ) {
    self.first = first
    self.gate = gate
    self.query = query
    self.form = form
    self.followers = followers
    cursor = first.next
  }

  /// The answer's body.
  func begin() -> HTTPStream {
    let queue = followers.queue
    growth = gate.observeGrowth { [weak self] in
      guard let self else { return }
      queue.async {
        self.hasMore = true
        self.step()
      }
    }
    let timer = DispatchSource.makeTimerSource(queue: queue)
    let period = DispatchTimeInterval.seconds(APILimits.changeHeartbeatSeconds)
    timer.schedule(deadline: .now() + period, repeating: period, leeway: .seconds(1))
    timer.setEventHandler { [weak self] in self?.beat() }
    timer.activate()
    heartbeat = timer
    // How soon a client comes back whose connection broke.
    let start = "retry: \(APILimits.changeRetryMilliseconds)\n\n" + text(of: .success(.success(first)))
    stream.send(Array(start.utf8))
    stream.observe(
      onDemand: {
        queue.async {
          self.isWanted = true
          self.step()
        }
      }, onClose: { queue.async { self.end() } })
    return stream
  }

  private func step() {
    guard isWanted, hasMore, !isReading, !isEnded else { return }
    (isReading, hasMore) = (true, false)
    gate.continueFeed(query, after: cursor) { result in
      let text = self.text(of: result)
      self.followers.queue.async { self.haveRead(result, text) }
    }
  }

  private func haveRead(_ result: Result<Result<FeedPage, FeedRefusal>, StoreError>, _ text: String) {
    isReading = false
    guard !isEnded else { return }
    guard case .success(.success(let page)) = result else {
      send(text)
      stream.finish()
      return
    }
    cursor = page.next
    hasMore = hasMore || page.hasMore
    if text.isEmpty { step() } else { send(text) }
  }

  /// Events for a page; one that says why, where there is none.
  private func text(of result: Result<Result<FeedPage, FeedRefusal>, StoreError>) -> String {
    switch result {
    case .failure(let error): Self.event("problem", Problem(error))
    case .success(.failure(let refusal)): Self.event("problem", Problem(refusal))
    case .success(.success(let page)):
      page.items.map { item in
        do throws(StoreError) {
          var bytes: [UInt8] = []
          try form.append(item, to: &bytes)
          let text = String(decoding: bytes, as: UTF8.self)
          return "id: \(item.cursor.text)\nevent: change\ndata: \(text)\n\n"
        } catch {
          return Self.event("problem", Problem(error))
        }
      }.joined()
    }
  }

  private static func event(_ name: String, _ problem: Problem) -> String {
    "event: \(name)\ndata: \(String(decoding: JSONText.bytes(problem.json), as: UTF8.self))\n\n"
  }

  /// Shows both ends that the other is there, and the client how far it is where nothing was for it.
  private func beat() {
    guard isWanted, !isEnded else { return }
    send(": still here\nid: \(cursor.text)\n\n")
  }

  private func send(_ text: String) {
    isWanted = false
    stream.send(Array(text.utf8))
  }

  private func end() {
    guard !isEnded else { return }
    isEnded = true
    growth?.end()
    heartbeat?.cancel()
    heartbeat = nil
    followers.endStream()
  }
}
