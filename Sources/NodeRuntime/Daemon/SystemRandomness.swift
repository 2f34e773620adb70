/// The system's randomness.
///
/// It has a field where `SystemRandomNumberGenerator` has none: ThreadSanitizer notes the address of whatever is passed
/// `inout`, and Swift passes an undefined one for an empty value, at which ThreadSanitizer then crashes.
package struct SystemRandomness: RandomNumberGenerator, Sendable {
  private var system = SystemRandomNumberGenerator()
  private var count: UInt64 = 0

  package init() {}

  package mutating func next() -> UInt64 {
    count &+= 1
    return system.next()
  }
}
