import Dispatch

/// Tells a person at a terminal, second by second, that something goes on.
package enum Patience {
  /// Up to this nobody wonders.
  private static let quietSeconds = 1

  package static func during<Result>(_ what: String, _ body: () throws -> Result) rethrows -> Result {
    guard Console.errorIsTerminal else { return try body() }
    let queue = DispatchQueue(label: "storesync.patience")
    let timer = DispatchSource.makeTimerSource(queue: queue)
    let began = DispatchTime.now()
    timer.setEventHandler {
      let seconds = (DispatchTime.now().uptimeNanoseconds - began.uptimeNanoseconds) / 1_000_000_000
      Console.printErrorPart("\r\u{1B}[K\(what)… \(seconds) s")
    }
    timer.schedule(deadline: .now() + .seconds(quietSeconds), repeating: .seconds(1))
    timer.activate()
    defer {
      timer.cancel()
      // Behind the last line that the timer may just be writing.
      queue.sync {
        if DispatchTime.now() >= began + .seconds(quietSeconds) { Console.printErrorPart("\r\u{1B}[K") }
      }
    }
    return try body()
  }
}
