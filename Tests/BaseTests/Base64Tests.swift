import Base
import Testing

@Suite struct Base64Tests {
  @Test(
    "RFC 4648 §10",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
      ("foobar", "Zm9vYmFy"),
    ])
  func vectors(_ plain: String, _ encoded: String) {
    #expect(Base64.encode(Array(plain.utf8)) == encoded)
    #expect(Base64.decode(encoded) == Array(plain.utf8))
  }

  @Test func bothAlphabetsGoThereAndBack() {
    var generator = SeededGenerator(seed: 1)
    for count in 0..<70 {
      let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
      let text = Base64.encodeForAddress(bytes)
      #expect(Base64.decodeFromAddress(text) == bytes)
      #expect(!text.contains { "+/=".contains($0) })
    }
    #expect(Base64.encodeForAddress([0xFB, 0xFF]) == "-_8")
    #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
  }

  @Test(arguments: ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm9v=", "====", "Zg==Zg==", "Zm 9v", "Zm9-", "é==="])
  func onlyTheOneFormIsRead(_ text: String) {
    #expect(Base64.decode(text) == nil)
  }

  @Test(arguments: ["Z", "Zg==", "Zh", "Zm9+", "Zm9v\n"]) func onlyTheOneFormInAddresses(_ text: String) {
    #expect(Base64.decodeFromAddress(text) == nil)
  }
}
