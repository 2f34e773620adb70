import Base
import Dispatch
import NodeRuntime
import RecordStore

/// One question for changes: answered at once if there are any, else when some come or its time is up.
///
/// Confined to the followers' queue (`@unchecked Sendable`).
final class ChangePoll: @unchecked Sendable {
  typealias Answer = Result<Result<FeedPage, FeedRefusal>, StoreError>

  private let gate: StoreGate
  private let query: FeedQuery
  private let followers: ChangeFollowers
  private let answer: @Sendable (Answer) -> Void
  /// The last page, which was empty.
  private var page: FeedPage?
  private var turns = 0
  private var growth: GrowthObservation?
  private var endWait: (@Sendable () -> Void)?
  private var isReading = false
  private var hasGrown = false
  private var isTimeUp: Bool
  private var isDone = false

  private init(
    _ gate: StoreGate, _ query: FeedQuery, waitSeconds: Int, _ followers: ChangeFollowers,
    _ answer: @escaping @Sendable (Answer) -> Void
  ) {
    self.gate = gate
    self.query = query
    self.followers = followers
    self.answer = answer
    isTimeUp = waitSeconds == 0
  }

  /// Calls `answer` once, on any thread.
  static func ask(
    _ gate: StoreGate, _ query: FeedQuery, waitSeconds: Int, _ followers: ChangeFollowers,
    _ answer: @escaping @Sendable (Answer) -> Void
  ) {
    let poll = ChangePoll(gate, query, waitSeconds: waitSeconds, followers, answer)
    followers.queue.async { poll.begin(waitSeconds) }
  }

  private func begin(_ seconds: Int) {
    if seconds > 0 {
      // Before the first look, so that nothing slips in between.
      growth = gate.observeGrowth { [weak self] in
        guard let self else { return }
        self.followers.queue.async { self.noteGrowth() }
      }
      // Nobody else holds on to a poll that waits.
      let cut: @Sendable () -> Void = { self.followers.queue.async { self.timeIsUp() } }
      endWait = followers.addWait(cut)
      isTimeUp = endWait == nil
      followers.queue.asyncAfter(deadline: .now() + .seconds(seconds), execute: cut)
    }
    isReading = true
    gate.readFeed(query) { result in self.followers.queue.async { self.haveRead(result) } }
  }

  private func readOn(from cursor: FeedCursor) {
    (isReading, hasGrown) = (true, false)
    turns += 1
    gate.continueFeed(query, after: cursor) { result in self.followers.queue.async { self.haveRead(result) } }
  }

  private func haveRead(_ result: Answer) {
    isReading = false
    guard !isDone else { return }
    guard case .success(.success(let page)) = result, page.items.isEmpty else { return finish(result) }
    self.page = page
    // What is asked for may be far apart: others have their turn at the reader in between.
    if page.hasMore, turns < APILimits.changeTurns { return readOn(from: page.next) }
    if page.hasMore || isTimeUp { return finish(result) }
    if hasGrown { readOn(from: page.next) }
  }

  private func noteGrowth() {
    guard !isDone else { return }
    hasGrown = true
    if !isReading, let page {
      turns = 0
      readOn(from: page.next)
    }
  }

  private func timeIsUp() {
    isTimeUp = true
    guard !isDone, !isReading, let page else { return }
    finish(.success(.success(page)))
  }

  private func finish(_ result: Answer) {
    isDone = true
    growth?.end()
    endWait?()
    answer(result)
  }
}
