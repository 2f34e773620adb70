/// How many decimals an amount has: the exponents of ISO 4217.
package enum Currency {
  private static let withoutDecimals = words(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF")
  private static let withTwo = words(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF \
    CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
    IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN \
    MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS \
    SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """)
  private static let withThree = words("BHD IQD JOD KWD LYD OMR TND")
  private static let withFour = words("CLF UYW")

  private static func words(_ text: String) -> Set<String> {
    Set(text.split(separator: " ").map(String.init))
  }

  /// Nil for a code that is none, or that this version does not know yet: a wrong guess would be off by a hundred.
  package static func decimals(of code: String) -> Int? {
    if withTwo.contains(code) { return 2 }
    if withoutDecimals.contains(code) { return 0 }
    if withThree.contains(code) { return 3 }
    return withFour.contains(code) ? 4 : nil
  }
}

/// Amounts as people write them: whole units, a point, and decimals. Exact, in integers only.
package enum DecimalAmount {
  /// The amount in minor units.
  ///
  /// - Parameter decimals: as many as the currency has; fewer may be written.
  package static func parse(_ text: String, decimals: Int, currency: String) throws(MappingError) -> Int64 {
    var digits = text.utf8[...]
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative { digits = digits.dropFirst() }
    let parts = digits.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, isNumber(whole), parts.count == 1 || isNumber(parts[1]) else {
      throw MappingError(
        nil,
        "found something else, expected an amount such as 12.34: digits and a point, without commas, spaces or signs")
    }
    let fraction = parts.count == 2 ? parts[1] : ""[...].utf8
    guard fraction.count <= decimals else {
      throw MappingError(
        nil, "found \(fraction.count) decimals, expected at most \(decimals): the currency is \(currency)")
    }
    var amount: Int64 = 0
    let zeros = repeatElement(UInt8(ascii: "0"), count: decimals - fraction.count)
    for digit in [Array(whole), Array(fraction), Array(zeros)].joined() {
      let (product, isOver) = amount.multipliedReportingOverflow(by: 10)
      // Downwards, because there is one negative number more.
      let (sum, isStillOver) = product.subtractingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
      guard !isOver, !isStillOver else { throw MappingError(nil, "found an amount of more than 64 bits") }
      amount = sum
    }
    guard isNegative || amount != .min else { throw MappingError(nil, "found an amount of more than 64 bits") }
    return isNegative ? amount : -amount
  }

  package static func text(of amount: Int64, decimals: Int) -> String {
    var digits = String(amount.magnitude)
    if digits.utf8.count <= decimals {
      digits = String(repeating: "0", count: decimals + 1 - digits.utf8.count) + digits
    }
    let sign = amount < 0 ? "-" : ""
    return decimals == 0 ? sign + digits : "\(sign)\(digits.dropLast(decimals)).\(digits.suffix(decimals))"
  }

  private static func isNumber(_ text: Substring.UTF8View) -> Bool {
    !text.isEmpty && text.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}
