/// What a person does about bytes that are not UTF-8, with a guess at what they are.
func encodingAdvice(_ bytes: some Sequence<UInt8>) -> String {
  looksLikeGB18030(bytes)
    ? "they fit GB18030: try --encoding gb18030, or save the file as UTF-8"
    : "save the file as UTF-8 (in a spreadsheet: “CSV UTF-8”), or say what it is with --encoding, such as gb18030 or latin1"
}

let nulAdvice = "if the file is UTF-16, say so: --encoding utf-16"

/// Whether bytes that are not UTF-8 have the form of GB18030 throughout (GB 18030-2022: a lead byte and one or three
/// more). Text in Latin-1 hardly ever has it: an accented letter would have to be followed by just such a byte.
private func looksLikeGB18030(_ bytes: some Sequence<UInt8>) -> Bool {
  var iterator = bytes.makeIterator()
  while let lead = iterator.next() {
    if lead < 0x80 { continue }
    guard (0x81...0xFE).contains(lead), let second = iterator.next() else { return false }
    switch second {
    case 0x40...0x7E, 0x80...0xFE: continue
    case 0x30...0x39:
      guard let third = iterator.next(), (0x81...0xFE).contains(third), let fourth = iterator.next(),
        (0x30...0x39).contains(fourth)
      else { return false }
    default: return false
    }
  }
  return true
}

/// Where the first sequence starts that is not UTF-8, from 0; nil if all are.
func firstInvalidUTF8(_ bytes: ArraySlice<UInt8>) -> Int? {
  var decoder = UTF8()
  var iterator = bytes.makeIterator()
  var offset = 0
  while true {
    switch decoder.decode(&iterator) {
    case .scalarValue(let scalar): offset += UTF8.width(scalar)
    case .emptyInput: return nil
    case .error: return offset
    }
  }
}
