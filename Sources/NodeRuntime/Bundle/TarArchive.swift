import Base

/// Files in one: an archive in the interchange format of POSIX (ustar, IEEE 1003.1-2017, pax), which every `tar` reads.
///
/// Sixty lines of our own, because the distribution's library for it (libarchive) brings thirty formats and a dozen
/// dependencies. Held in memory: a bundle is small.
struct TarArchive {
  private static let blockBytes = 512
  private(set) var bytes: [UInt8] = []
  private let seconds: Int64

  /// - Parameter now: the time that every file gets.
  init(at now: WallTime) { seconds = max(now.milliseconds / 1_000, 0) }

  /// - Parameter name: of ASCII letters, digits, `/`, `.` and `-`, 100 bytes at the most: ours.
  mutating func add(_ name: String, _ contents: [UInt8]) {
    precondition(name.utf8.count <= 100 && name.utf8.allSatisfy { $0 < 128 }, "the name of a file in an archive")
    var header = [UInt8](repeating: 0, count: Self.blockBytes)
    func put(_ text: String, _ offset: Int) {
      header.replaceSubrange(offset..<(offset + text.utf8.count), with: text.utf8)
    }
    put(name, 0)
    put("0000600", 100)
    put("0000000", 108)
    put("0000000", 116)
    put(Self.octal(Int64(contents.count), digits: 11), 124)
    put(Self.octal(seconds, digits: 11), 136)
    // The checksum counts its own field as spaces.
    put("        ", 148)
    put("0", 156)
    put("ustar", 257)
    put("00", 263)
    put(Self.octal(header.reduce(0) { $0 + Int64($1) }, digits: 6), 148)
    header[154] = 0
    bytes += header + contents
    bytes += [UInt8](repeating: 0, count: -contents.count & (Self.blockBytes - 1))
  }

  /// The archive with its end.
  var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 2 * Self.blockBytes) }

  private static func octal(_ number: Int64, digits: Int) -> String {
    let text = String(number, radix: 8)
    precondition(text.count <= digits, "a number that fits its field")
    return String(repeating: "0", count: digits - text.count) + text
  }
}
