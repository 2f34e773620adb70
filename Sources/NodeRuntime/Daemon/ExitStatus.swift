package import RecordStore

/// What the programs exit with, for scripts.
package enum ExitStatus: Int32, Sendable {
  case done = 0
  /// Not in sync, or only partly done.
  case partly = 1
  case usage = 2
  case unreachable = 3
  /// Data is unsafe or cannot be written.
  case unsafe = 4
}

extension StoreError {
  package var exitStatus: ExitStatus {
    switch code {
    case .notFound, .occupied: .usage
    case .inUse: .unreachable
    case .interrupted: .partly
    default: .unsafe
    }
  }
}
