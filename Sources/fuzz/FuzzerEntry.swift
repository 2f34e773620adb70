import Fuzzing
import Glibc

// libFuzzer brings `main`, and calls this with each input that it has made up. Scripts/fuzz builds and starts it.

private let target: FuzzTarget = {
  let name = getenv("STORESYNC_FUZZ").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    fatalError("STORESYNC_FUZZ is “\(name)”, expected one of \(known)")
  }
  return target
}()

/// Tries one input; traps if a rule does not hold, so that libFuzzer keeps it.
@_cdecl("LLVMFuzzerTestOneInput")
public func tryInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  if let problem = target.problem(with: bytes) { fatalError("\(target.rawValue): \(problem)") }
  return 0
}
