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
    case originalUnknown = "original-unknown"
    /// It is of a kind that cannot come back or be voided.
    case originalUnfit = "original-unfit"
    case originalVoided = "original-voided"
    /// It cannot be voided any more, because something of it has come back.
    case originalReturned = "original-returned"
    /// The node does not hold all of it.
    case originalNotWhole = "original-not-whole"
    case returnedTooMuch = "returned-too-much"
    case tooManyReturns = "too-many-returns"
  }

  package var code: Code
  package var reason: String

  package init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }

  package var description: String { reason }
}
