import Base
import Interchange
import JSON
import Testing
import Wire

@Suite("Vectors: CBOR")
struct CBORVectorTests {
  @Test(arguments: try Vectors.cases("cbor.json"))
  func item(_ vector: Case) throws {
    let bytes = try vector.bytes("hex")
    guard let expected = vector["error"] else {
      let value = try cborValue(vector.need("value"))
      #expect(value.encoded() == bytes)
      #expect(try CBORValue(decoding: bytes) == value)
      return
    }
    do {
      let found = try CBORValue(decoding: bytes)
      Issue.record("found the value \(found)")
    } catch {
      #expect(try kind(error.reason) == expected.text, "\(error)")
    }
  }

  /// The word of the vectors for what our reader says.
  private func kind(_ reason: DecodeError.Reason) -> String {
    switch reason {
    case .endOfInput, .beyondInput: "truncated"
    case .notShortest: "longer-form"
    case .indefiniteLength, .breakCode: "indefinite-length"
    case .reservedInformation: "reserved"
    case .floatingPoint: "float"
    case .tag: "tag"
    case .undefined, .simpleValue: "simple-value"
    case .invalidUTF8: "not-utf8"
    case .integerOutOfRange: "integer-range"
    case .unsortedKeys: "key-order"
    case .duplicateKey: "duplicate-key"
    case .tooDeep: "too-deep"
    case .trailingBytes: "trailing-bytes"
    case .wrongKind, .overLimit, .unreadItems, .readPastItem, .missingKey, .invalidValue: "\(reason)"
    }
  }

  private func cborValue(_ json: JSONValue) throws -> CBORValue {
    switch json {
    case .null: return .null
    case .bool(let value): return .boolean(value)
    case .integer(let value): return .integer(value)
    case .number: throw VectorError("found a number beyond 64 bits")
    case .string(let text): return .text(text)
    case .array(let items): return .array(try items.map(cborValue))
    case .object(let object):
      if let bytes = object["bytes"] { return .bytes(try bytes.hex) }
      if let levels = object["levels"] {
        return (1..<Int(try levels.number)).reduce(.array([])) { inner, _ in .array([inner]) }
      }
      if let text = object["unsigned"], let number = UInt64(try text.text) { return .unsigned(number) }
      let pairs = try (object["map"] ?? .null).items.map { try $0.items }
      return .map(try pairs.map { CBORValue.Pair(try cborValue($0[0]), try cborValue($0[1])) })
    }
  }
}
