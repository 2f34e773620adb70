import Dispatch
package import RecordStore

/// What became of a received batch.
package enum BatchOutcome: Sendable {
  case applied([GroupResult])
  case undecodable(String)
  case failed(StoreError)
}

extension DispatchTime {
  /// Seconds since then.
  var secondsAgo: Double { Double(DispatchTime.now().uptimeNanoseconds &- uptimeNanoseconds) / 1e9 }
}

func capture<Value>(_ body: () throws(StoreError) -> Value) -> Result<Value, StoreError> {
  do throws(StoreError) {
    return .success(try body())
  } catch {
    return .failure(error)
  }
}
