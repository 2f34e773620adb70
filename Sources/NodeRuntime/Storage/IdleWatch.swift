import Dispatch
import Synchronization

/// Calls an action once after each time of use, when nothing has been used for a while. It wakes nobody up otherwise.
final class IdleWatch: Sendable {
  private struct State {
    var lastUse = DispatchTime(uptimeNanoseconds: 0)
    var isArmed = false
    var action: (@Sendable () -> Void)?
  }

  private let milliseconds: Int
  private let queue: DispatchQueue
  private let state = Mutex(State())

  /// - Parameter queue: where the action is called.
  init(milliseconds: Int, queue: DispatchQueue) {
    self.milliseconds = milliseconds
    self.queue = queue
  }

  func onIdle(_ action: @escaping @Sendable () -> Void) {
    state.withLock { $0.action = action }
  }

  /// Notes that something is used now; on any thread.
  func noteUse() {
    let now = DispatchTime.now()
    let arms = state.withLock { state in
      defer { state.isArmed = true }
      state.lastUse = now
      return !state.isArmed
    }
    if arms { arm(for: now + .milliseconds(milliseconds)) }
  }

  private func arm(for time: DispatchTime) {
    queue.asyncAfter(deadline: time) { [weak self] in self?.look() }
  }

  private func look() {
    let now = DispatchTime.now()
    let (due, action) = state.withLock { state in
      let due = state.lastUse + .milliseconds(milliseconds)
      state.isArmed = due > now
      return (due, state.action)
    }
    if due > now { arm(for: due) } else { action?() }
  }
}
