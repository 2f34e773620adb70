/// What a till hands in: each becomes one commit group.
package enum TillReceipt: Hashable, Sendable {
  case sale(Sale)
  case `return`(Return)
  case void(Voiding)
}
