/// Why a shop's operation was refused: a stable code for programs, and a sentence for people. No personal data.
package struct RetailError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable {
    case unknownTimeZone = "unknown-time-zone"
    case unreadableTimeZone = "unreadable-time-zone"
    case invalidReceipt = "invalid-receipt"
    case invalidTime = "invalid-time"
    case invalidMember = "invalid-member"
    case invalidProduct = "invalid-product"
    case invalidCoupon = "invalid-coupon"
    case invalidAmount = "invalid-amount"
    case noLines = "no-lines"
    case tooLarge = "too-large"
  }

  package var code: Code
  package var reason: String

  package init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }

  package var description: String { reason }
}
