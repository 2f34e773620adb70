/// What this module accepts at most. Each is checked before anything is allocated.
package enum WireLimits {
  /// The payload of one frame. A batch is a few megabytes at the most; what is left bounds the memory that one peer can
  /// bind before its first frame is checked. Also far below what other protocols' first four bytes are as a length, so
  /// that a wrong port is noticed at once.
  package static let maximumFrameBytes = 16 << 20

  /// Arrays and maps within each other. Messages nest less than ten deep; reading is recursive, and this bounds the stack.
  package static let maximumDepth = 32

  /// Items in one `CBORValue`. A value of one byte takes some twenty in memory: only control messages are read that way.
  package static let maximumValueItems = 65_536
}
