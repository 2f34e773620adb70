package import Base

/// Reads one JSON value, strictly by RFC 8259: no trailing commas, no names that occur twice, no half surrogate pairs.
///
/// `JSONDecoder` of FoundationEssentials takes the first of two members with one name without a word, accepts `[1,]`,
/// reads 1.0000000000000001 as the integer 1, and tells no position; a file of sales must not lose money that way.
package struct JSONParser {
  /// What a person may do about bytes that are not UTF-8.
  package typealias EncodingAdvice = (ArraySlice<UInt8>) -> String

  private let bytes: ArraySlice<UInt8>
  private let advice: EncodingAdvice
  private var index: Int

  private init(_ bytes: ArraySlice<UInt8>, _ advice: @escaping EncodingAdvice) {
    self.bytes = bytes
    self.advice = advice
    index = bytes.startIndex
  }

  /// The value that the whole of `bytes` is. Errors count their offset from its start.
  package static func parse(
    _ bytes: ArraySlice<UInt8>, advice: @escaping EncodingAdvice = { _ in "JSON is UTF-8" }
  ) throws(ByteError) -> JSONValue {
    var parser = JSONParser(bytes, advice)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.index == bytes.endIndex else { throw parser.failure("found more behind the value") }
    return value
  }

  private func failure(_ reason: String, at index: Int? = nil) -> ByteError {
    ByteError(offset: (index ?? self.index) - bytes.startIndex, reason: reason)
  }

  private var byte: UInt8? { index < bytes.endIndex ? bytes[index] : nil }

  private mutating func skipSpace() {
    while let byte, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { index += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard byte == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private mutating func value(depth: Int) throws(ByteError) -> JSONValue {
    skipSpace()
    switch byte {
    case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
    case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw failure("found the end, expected a value")
    case let byte? where byte == UInt8(ascii: "-") || isDigit(byte): return try number()
    default: throw failure("expected a value")
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(ByteError) -> JSONValue {
    let text = word.description.utf8
    guard bytes[index...].starts(with: text) else { throw failure("expected a value") }
    index += text.count
    return value
  }

  private mutating func object(depth: Int) throws(ByteError) -> JSONObject {
    try enter(depth)
    var members: [JSONObject.Member] = []
    var names = Names()
    skipSpace()
    if take("}") { return JSONObject() }
    repeat {
      skipSpace()
      let start = index
      guard byte == UInt8(ascii: "\"") else { throw failure("expected a member's name in quotation marks") }
      let name = try string()
      guard names.insert(name, into: members) else { throw failure("a second member of the same name", at: start) }
      skipSpace()
      guard take(":") else { throw failure("expected “:” behind a member's name") }
      members.append(JSONObject.Member(name: name, value: try value(depth: depth)))
      skipSpace()
    } while take(",")
    guard take("}") else { throw failure("expected “,” or “}”") }
    return JSONObject(members)
  }

  private mutating func array(depth: Int) throws(ByteError) -> [JSONValue] {
    try enter(depth)
    var elements: [JSONValue] = []
    skipSpace()
    if take("]") { return [] }
    repeat {
      elements.append(try value(depth: depth))
      skipSpace()
    } while take(",")
    guard take("]") else { throw failure("expected “,” or “]”") }
    return elements
  }

  private mutating func enter(_ depth: Int) throws(ByteError) {
    guard depth <= JSONLimits.depth else {
      throw failure("found more than \(JSONLimits.depth) arrays and objects within each other")
    }
    index += 1
  }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

/// The names of an object so far. Few are compared one by one; many would make that quadratic.
private struct Names {
  private var set: Set<[UInt8]> = []

  /// False if the name is there.
  mutating func insert(_ name: String, into members: [JSONObject.Member]) -> Bool {
    if members.count < 16 { return !members.contains { $0.name.utf8.elementsEqual(name.utf8) } }
    if set.isEmpty { set = Set(members.map { Array($0.name.utf8) }) }
    return set.insert(Array(name.utf8)).inserted
  }
}

// MARK: - Numbers

extension JSONParser {
  private mutating func number() throws(ByteError) -> JSONValue {
    let start = index
    let isNegative = take("-")
    let isZero = byte == UInt8(ascii: "0")
    var magnitude: UInt64? = 0
    let digits = takeDigits { digit in
      magnitude = magnitude.flatMap { value in
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
        return overflow || carry ? nil : sum
      }
    }
    guard digits > 0 else { throw failure("expected a digit") }
    guard !isZero || digits == 1 else { throw failure("found a number with leading zeros", at: start) }
    var isWhole = true
    if take(".") {
      isWhole = false
      guard takeDigits({ _ in }) > 0 else { throw failure("expected a digit behind the point") }
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("+") { _ = take("-") }
      guard takeDigits({ _ in }) > 0 else { throw failure("expected a digit in the exponent") }
    }
    if isWhole, let magnitude {
      let limit = UInt64(Int64.max) + (isNegative ? 1 : 0)
      if magnitude <= limit {
        return .integer(isNegative ? Int64(truncatingIfNeeded: 0 &- magnitude) : Int64(magnitude))
      }
    }
    let text = String(decoding: bytes[start..<index], as: UTF8.self)
    guard text.utf8.count <= JSONLimits.numberBytes, let double = Double(text), double.isFinite else {
      throw failure("found a number that is too large", at: start)
    }
    return .number(text)
  }

  private mutating func takeDigits(_ take: (UInt8) -> Void) -> Int {
    let start = index
    while let byte, isDigit(byte) {
      take(byte - UInt8(ascii: "0"))
      index += 1
    }
    return index - start
  }
}

// MARK: - Strings

extension JSONParser {
  private mutating func string() throws(ByteError) -> String {
    index += 1
    let start = index
    while let byte, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
    if byte == UInt8(ascii: "\"") {
      index += 1
      guard let text = String(validating: bytes[start..<index - 1], as: UTF8.self) else { throw invalidUTF8(at: start) }
      return text
    }
    return try stringWithEscapes(from: start)
  }

  /// Goes on where the first byte stands that is not to be taken as it is.
  private mutating func stringWithEscapes(from start: Int) throws(ByteError) -> String {
    var content = Array(bytes[start..<index])
    while let byte, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw failure("found a control character in a string; write it as \\u00XX") }
      if byte == UInt8(ascii: "\\") {
        content.append(contentsOf: String(try escape()).utf8)
      } else {
        content.append(byte)
        index += 1
      }
    }
    guard byte != nil else { throw failure("a string is not closed", at: start - 1) }
    index += 1
    guard let text = String(validating: content, as: UTF8.self) else { throw invalidUTF8(at: start) }
    return text
  }

  private func invalidUTF8(at start: Int) -> ByteError {
    failure("found a string that is not UTF-8; \(advice(bytes[start..<index]))", at: start)
  }

  private mutating func escape() throws(ByteError) -> Unicode.Scalar {
    let start = index
    index += 1
    guard let byte else { throw failure("a string is not closed", at: start) }
    index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{08}"
    case UInt8(ascii: "f"): return "\u{0C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape(from: start)
    default: throw failure("found an escape that JSON has not", at: start)
    }
  }

  /// Behind `\u`; two of them for a character beyond the first 65,536 (RFC 8259 §7).
  private mutating func unicodeEscape(from start: Int) throws(ByteError) -> Unicode.Scalar {
    let first = try hexDigits(from: start)
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard UTF16.isLeadSurrogate(first), take("\\"), take("u") else {
      throw failure("found half a surrogate pair", at: start)
    }
    let second = try hexDigits(from: start)
    guard UTF16.isTrailSurrogate(second),
      let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
    else { throw failure("found half a surrogate pair", at: start) }
    return scalar
  }

  private mutating func hexDigits(from start: Int) throws(ByteError) -> UInt16 {
    let digits = bytes[index...].prefix(4)
    guard digits.count == 4, let pair = Hex.decode(String(decoding: digits, as: UTF8.self)) else {
      throw failure("expected four hexadecimal digits behind \\u", at: start)
    }
    index += 4
    return UInt16(pair[0]) << 8 | UInt16(pair[1])
  }
}
