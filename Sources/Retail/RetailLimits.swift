/// The bounds of a shop's operations. What is beyond one is refused with an error that names it.
package enum RetailLimits {
  /// A receipt's number: an index column, and tills print far shorter ones.
  package static let receiptBytes = 64
  /// A line's amount or quantity, either sign: so large that no currency's till gets there, so small that the sums over
  /// the largest group that the model allows cannot overflow 64 bits.
  package static let lineMagnitude: Int64 = 100_000_000_000_000
  /// Returns that name one order, voided ones included: all of them are looked at when the next one comes. Far more than
  /// anyone makes of one receipt.
  package static let returnsPerOrder = 100
  /// Business times: before 1970 an id's milliseconds would not be in order, after 9999 a day has no yyyymmdd.
  package static let soldAtMilliseconds: Range<Int64> = 0..<253_402_300_800_000
  /// A compiled time zone: the largest of tzdata has 4 KB.
  package static let timeZoneBytes = 256 << 10
  /// Local times are less than this many seconds from UTC (RFC 9636 §3.2 recommends −24:59:59 to +25:59:59).
  package static let offsetSeconds = 26 * 3_600
}
