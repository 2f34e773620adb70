import Base
import Merge
import RecordStore
import StoreModel
import Transport
import Wire

/// Names for what must not be named: the same thing has one name within a bundle, so that it can be followed through it, and
/// another in the next.
///
/// By SHA-256 with a random salt that is kept nowhere: a phone number or an address cannot be found by trying them all.
struct Pseudonyms {
  /// 64 bits: a bundle has no two things of one name.
  private static let bytes = 8
  private let salt: [UInt8]

  init(salt: [UInt8]) { self.salt = salt }

  func name(_ kind: String, _ bytes: [UInt8]) -> String {
    let digest = Digest.sha256(salt + Array(kind.utf8) + [0] + bytes)
    return kind + "-" + digest.prefix(Self.bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  func name(_ key: RecordKey, _ model: Model) -> CBORValue {
    let name = model.entity(key.entity)?.name ?? "\(key.entity)"
    return .object(["entity": .text(name), "id": .text(self.name("id", Array("\(key.entity)/".utf8) + key.id.bytes))])
  }
}

/// What may be in a bundle. Whatever is not listed is left out: a member that a later version adds to an answer does not slip
/// in by itself.
indirect enum Allowed: Sendable {
  /// A number, a boolean, or a word (`BundleWord`).
  case word
  case object([String: Allowed])
  case list(Allowed)

  static func words(_ names: String...) -> [String: Allowed] {
    Dictionary(names.map { ($0, .word) }, uniquingKeysWith: { first, _ in first })
  }

  /// The part of a value that is allowed; nil if none is.
  func part(of value: CBORValue) -> CBORValue? {
    switch (self, value) {
    case (.word, .unsigned), (.word, .negative), (.word, .boolean), (.word, .null): return value
    case (.word, .text(let text)): return BundleWord.isWord(text) ? value : nil
    case (.object(let members), .map(let pairs)):
      return .map(
        pairs.compactMap { pair in
          guard let name = pair.key.textValue, let part = members[name]?.part(of: pair.value) else { return nil }
          return CBORValue.Pair(pair.key, part)
        })
    case (.list(let item), .array(let items)): return .array(items.compactMap(item.part))
    default: return nil
    }
  }
}

/// Text that is no prose: a code, a time, a version, a stamp.
enum BundleWord {
  private static let bytes = 64

  static func isWord(_ text: some StringProtocol) -> Bool {
    text.utf8.count <= bytes
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_.:/+@()".utf8.contains(byte)
      }
  }

  static func word(_ text: String?) -> CBORValue? {
    text.flatMap { isWord($0) ? .text($0) : nil }
  }
}
