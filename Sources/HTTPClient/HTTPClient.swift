import CCurl
import Dispatch
import Synchronization

/// Asks HTTP servers, many at once, on libcurl. It follows no redirection, keeps answers within a limit, and speaks without
/// TLS to this machine only, unless it is told otherwise.
///
/// One loop on a queue of its own serves all requests, while there are any; `queue` guards what the loop has, the mutex what
/// others hand over (`@unchecked Sendable`).
package final class HTTPClient: @unchecked Sendable {
  private struct Handover {
    var begun: [HTTPTransfer] = []
    var cancelled: [HTTPTransfer] = []
    var isLooping = false
  }

  /// Takes a request back.
  package struct Call: Sendable {
    fileprivate let client: HTTPClient
    fileprivate let transfer: HTTPTransfer

    /// Ends the request with `cancelled`, unless it has come to its end already.
    package func cancel() {
      client.hand { $0.cancelled.append(transfer) }
    }
  }

  /// libcurl's own set-up, once a process.
  private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  private let queue = DispatchQueue(label: "storesync.http-client")
  private let handover = Mutex(Handover())
  private let multi: OpaqueHandle
  /// On `queue` only.
  private var transfers: [UnsafeMutableRawPointer: HTTPTransfer] = [:]

  package init() {
    precondition(Self.isReady, "libcurl starts")
    guard let multi = curl_multi_init() else { preconditionFailure("there is memory for libcurl") }
    self.multi = OpaqueHandle(multi)
  }

  deinit { curl_multi_cleanup(multi.pointer) }

  /// Sends a request. `completion` is called once, on the client's queue, and must not block.
  @discardableResult
  package func send(
    _ request: HTTPClientRequest, completion: @escaping @Sendable (Result<HTTPClientAnswer, HTTPError>) -> Void
  ) -> Call {
    let transfer = HTTPTransfer(request, completion)
    hand { $0.begun.append(transfer) }
    return Call(client: self, transfer: transfer)
  }

  /// Sends a request, and blocks until there is an answer.
  package func perform(_ request: HTTPClientRequest) throws(HTTPError) -> HTTPClientAnswer {
    let done = DispatchSemaphore(value: 0)
    let answer = AnswerHolder()
    send(request) {
      answer.put($0)
      done.signal()
    }
    done.wait()
    return try answer.take().get()
  }

  private func hand(_ change: (inout Handover) -> Void) {
    let mustStart = handover.withLock { handover in
      change(&handover)
      defer { handover.isLooping = true }
      return !handover.isLooping
    }
    if mustStart { queue.async { self.loop() } } else { curl_multi_wakeup(multi.pointer) }
  }

  private func loop() {
    dispatchPrecondition(condition: .onQueue(queue))
    while takeOver() {
      var running: Int32 = 0
      curl_multi_perform(multi.pointer, &running)
      finishThoseDone()
      if !transfers.isEmpty { curl_multi_poll(multi.pointer, nil, 0, HTTPLimits.restMilliseconds, nil) }
    }
  }

  /// Begins and ends what others have asked for.
  /// - Returns: whether there is anything to do.
  private func takeOver() -> Bool {
    let taken = handover.withLock { handover in
      defer { (handover.begun, handover.cancelled) = ([], []) }
      handover.isLooping = !(handover.begun.isEmpty && handover.cancelled.isEmpty && transfers.isEmpty)
      return handover
    }
    for transfer in taken.begun { begin(transfer) }
    for transfer in taken.cancelled {
      guard let handle = transfer.handle, transfers[handle] != nil else { continue }
      end(handle)?.fail(HTTPError(.cancelled, "the request was taken back"))
    }
    return taken.isLooping
  }

  private func begin(_ transfer: HTTPTransfer) {
    do throws(HTTPError) {
      let handle = try transfer.prepare()
      guard curl_multi_add_handle(multi.pointer, handle) == CURLM_OK else {
        throw HTTPError(.broken, "libcurl does not take the request")
      }
      transfers[handle] = transfer
    } catch {
      transfer.fail(error)
    }
  }

  private func finishThoseDone() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi.pointer, &left) {
      var handle: UnsafeMutableRawPointer?
      var result = CURLE_OK
      guard storesync_curl_is_done(message, &handle, &result) != 0, let handle else { continue }
      end(handle)?.finish(result)
    }
  }

  private func end(_ handle: UnsafeMutableRawPointer) -> HTTPTransfer? {
    curl_multi_remove_handle(multi.pointer, handle)
    return transfers.removeValue(forKey: handle)
  }
}

/// libcurl's handle of many transfers, which it lets several threads wake up (curl_multi_wakeup(3)).
private struct OpaqueHandle: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer

  init(_ pointer: UnsafeMutableRawPointer) { self.pointer = pointer }
}

/// Carries an answer from one thread to another.
private final class AnswerHolder: Sendable {
  private let answer = Mutex<Result<HTTPClientAnswer, HTTPError>?>(nil)

  func put(_ new: Result<HTTPClientAnswer, HTTPError>) { answer.withLock { $0 = new } }

  func take() -> Result<HTTPClientAnswer, HTTPError> {
    answer.withLock { $0 } ?? .failure(HTTPError(.broken, "the request ended without an answer"))
  }
}
