/// The elements of a `set` field in one CSV cell: with “;” between them. A “;” within an element has a backslash in
/// front, and a backslash that stands before a “;” or another backslash has one too.
enum ElementList {
  private static let separator = UInt8(ascii: ";")
  private static let escape = UInt8(ascii: "\\")

  /// Empty elements are left out.
  static func split(_ cell: String) -> [String] {
    var elements: [String] = []
    var element: [UInt8] = []
    var rest = cell.utf8[...]
    while let byte = rest.popFirst() {
      if byte == escape, let next = rest.first, next == escape || next == separator {
        element.append(next)
        rest.removeFirst()
      } else if byte == separator {
        elements.append(String(decoding: element, as: UTF8.self))
        element = []
      } else {
        element.append(byte)
      }
    }
    elements.append(String(decoding: element, as: UTF8.self))
    return elements.filter { !$0.isEmpty }
  }

  static func join(_ elements: [String]) -> String {
    let parts = elements.map { element in
      let bytes = Array(element.utf8).flatMap { $0 == separator || $0 == escape ? [escape, $0] : [$0] }
      return String(decoding: bytes, as: UTF8.self)
    }
    return parts.joined(separator: ";")
  }
}
