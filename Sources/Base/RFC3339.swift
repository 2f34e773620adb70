/// Why a text is not a timestamp.
package struct RFC3339Error: Error, Hashable, Sendable, CustomStringConvertible {
  package var found: String
  package var reason: String

  package var description: String {
    "found “\(found)”: \(reason); expected a timestamp such as 2017-06-03T17:05:00Z or 2017-06-03T13:05:00.250-04:00"
  }
}

/// Timestamps as text (RFC 3339 §5.6): `2017-06-03T17:05:00Z`.
package enum RFC3339 {
  /// The longest text that is read: a time with an offset and nanoseconds has 35 characters.
  package static let textBytes = 64

  /// Digits behind the milliseconds are dropped. A leap second counts as the first second of the next day, as in POSIX
  /// time. Upper and lower case `T` and `Z` are the same, and a space may stand for the `T`.
  package static func parse(_ text: String) throws(RFC3339Error) -> WallTime {
    guard text.utf8.count <= textBytes else {
      throw RFC3339Error(found: String(decoding: text.utf8.prefix(32), as: UTF8.self) + "…", reason: "it is too long")
    }
    var parser = RFC3339Parser(text)
    return try parser.parse()
  }

  /// - Parameter offsetMinutes: of the local time that is written, east of Greenwich; 0 gives `Z`.
  package static func format(_ time: WallTime, offsetMinutes: Int = 0) -> String {
    let local = time.advanced(byMilliseconds: Int64(offsetMinutes) * 60_000).milliseconds
    let days = local.floorDivided(by: 86_400_000)
    let ofDay = Int(local.floorRemainder(by: 86_400_000))
    let date = CivilDay(daysSince1970: Int(days))
    // Byte by byte: an answer of a thousand records has a thousand times.
    var text: [UInt8] = []
    text.reserveCapacity(29)
    append(date.year, to: &text, width: 4)
    append(date.month, to: &text, after: "-")
    append(date.day, to: &text, after: "-")
    append(ofDay / 3_600_000, to: &text, after: "T")
    append(ofDay / 60_000 % 60, to: &text, after: ":")
    append(ofDay / 1_000 % 60, to: &text, after: ":")
    if ofDay % 1_000 != 0 { append(ofDay % 1_000, to: &text, after: ".", width: 3) }
    if offsetMinutes == 0 {
      text.append(UInt8(ascii: "Z"))
    } else {
      append(abs(offsetMinutes) / 60, to: &text, after: offsetMinutes < 0 ? "-" : "+")
      append(abs(offsetMinutes) % 60, to: &text, after: ":")
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func append(
    _ number: Int, to text: inout [UInt8], after separator: Unicode.Scalar? = nil, width: Int = 2
  ) {
    if let separator { text.append(UInt8(ascii: separator)) }
    if number < 0 { text.append(UInt8(ascii: "-")) }
    var digits: [UInt8] = []
    var rest = number.magnitude
    while rest > 0 || digits.count < width {
      digits.append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    }
    text += digits.reversed()
  }
}

/// Reads one timestamp from left to right.
private struct RFC3339Parser {
  private let text: String
  private var rest: Substring.UTF8View

  init(_ text: String) {
    self.text = text
    rest = text[...].utf8
  }

  mutating func parse() throws(RFC3339Error) -> WallTime {
    let date = try parseDate()
    try take("T", "t", " ")
    let hour = try number(digits: 2, in: 0...23, "the hour")
    try take(":")
    let minute = try number(digits: 2, in: 0...59, "the minute")
    try take(":")
    let second = try number(digits: 2, in: 0...60, "the second")
    let milliseconds = try parseFraction()
    let offset = try parseOffset()
    guard rest.isEmpty else { throw failure("there is more after the offset") }

    let minutes = Int64(date.daysSince1970) * 1_440 + Int64(hour * 60 + minute - offset)
    if second == 60 {
      let isEndOfDay = (minutes + 1) % 1_440 == 0
      guard isEndOfDay else { throw failure("second 60 stands only at the end of a day in UTC") }
      return WallTime(milliseconds: (minutes + 1) * 60_000)
    }
    return WallTime(milliseconds: minutes * 60_000 + Int64(second) * 1_000 + Int64(milliseconds))
  }

  private mutating func parseDate() throws(RFC3339Error) -> CivilDay {
    let year = try number(digits: 4, in: 0...9999, "the year")
    try take("-")
    let month = try number(digits: 2, in: 1...12, "the month")
    try take("-")
    let day = try number(digits: 2, in: 1...31, "the day")
    guard let date = CivilDay(year: year, month: month, day: day) else { throw failure("the month has no such day") }
    return date
  }

  private mutating func parseFraction() throws(RFC3339Error) -> Int {
    guard rest.first == UInt8(ascii: ".") else { return 0 }
    rest = rest.dropFirst()
    var milliseconds = 0
    var digits = 0
    while let byte = rest.first, let digit = digit(byte) {
      if digits < 3 { milliseconds = milliseconds * 10 + digit }
      digits += 1
      rest = rest.dropFirst()
    }
    guard digits > 0 else { throw failure("a fraction has at least one digit") }
    for _ in min(digits, 3)..<3 { milliseconds *= 10 }
    return milliseconds
  }

  /// In minutes.
  private mutating func parseOffset() throws(RFC3339Error) -> Int {
    let sign = rest.first
    switch sign {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"):
      rest = rest.dropFirst()
      return 0
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      rest = rest.dropFirst()
      let hours = try number(digits: 2, in: 0...23, "the hours of the offset")
      try take(":")
      let minutes = hours * 60 + (try number(digits: 2, in: 0...59, "the minutes of the offset"))
      return sign == UInt8(ascii: "-") ? -minutes : minutes
    default:
      throw failure("it has no offset from UTC")
    }
  }

  private mutating func number(digits: Int, in range: ClosedRange<Int>, _ what: String) throws(RFC3339Error) -> Int {
    var value = 0
    for _ in 0..<digits {
      guard let byte = rest.first, let digit = digit(byte) else { throw failure("\(what) needs \(digits) digits") }
      value = value * 10 + digit
      rest = rest.dropFirst()
    }
    guard range.contains(value) else {
      throw failure("\(what) is none from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  private mutating func take(_ choices: Unicode.Scalar...) throws(RFC3339Error) {
    guard let byte = rest.first, choices.contains(Unicode.Scalar(byte)) else {
      throw failure("“\(choices[0])” is missing")
    }
    rest = rest.dropFirst()
  }

  private func digit(_ byte: UInt8) -> Int? {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
  }

  private func failure(_ reason: String) -> RFC3339Error {
    RFC3339Error(found: text, reason: reason)
  }
}
