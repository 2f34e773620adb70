import Glibc

/// The last lines of a node's log, without the words of others.
///
/// Of each line it takes the time, the level, the event's name, the sentence up to its first colon, behind which stand the words
/// of peers, the database and people, and those details that are words of ours. A line that is no event of ours is left out.
enum BundleLog {
  /// Lines at the end of the log that are looked at.
  private static let lineCount = 5_000
  private static let byteCount: Int64 = 4 << 20
  private static let details: Set<String> = [
    "code", "lane", "bytes", "version", "replica", "waitMilliseconds", "receivedAt",
  ]

  /// - Parameter path: nil for what journald has of a unit, if there is one.
  /// - Returns: nil if there is no log.
  static func lines(_ path: String?, unit: String) -> [String]? {
    let text: String?
    if let path { text = end(of: path) } else { text = journal(of: unit) }
    return text.map { $0.split(separator: "\n").suffix(lineCount).compactMap(line) }
  }

  private static func end(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    if Int64(status.st_size) > byteCount { lseek(descriptor, off_t(Int64(status.st_size) - byteCount), SEEK_SET) }
    return String(decoding: Console.readToEnd(descriptor, limit: Int(byteCount)), as: UTF8.self)
  }

  private static func journal(of unit: String) -> String? {
    let program = "/usr/bin/journalctl"
    guard access(program, X_OK) == 0 else { return nil }
    let command = "\(program) --no-hostname --no-pager --quiet -o short-iso -n \(lineCount) -u \(unit) 2>/dev/null"
    guard let pipe = popen(command, "re") else { return nil }
    let text = String(decoding: Console.readToEnd(fileno(pipe), limit: Int(byteCount)), as: UTF8.self)
    return pclose(pipe) == 0 ? text : nil
  }

  static func line(_ text: Substring) -> String? {
    let words = text.split(separator: " ")
    guard let index = words.firstIndex(where: { event($0) != nil }), let (level, name) = event(words[index]) else {
      return nil
    }
    var sentence: [Substring] = []
    var isOurs = true
    var ending: [String: Substring] = [:]
    for word in words[(index + 1)...] {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, details.contains(String(parts[0])) {
        // The last of a name is ours: details stand at the end.
        ending[String(parts[0])] = BundleWord.isWord(parts[1]) ? parts[1] : nil
        isOurs = false
      }
      guard isOurs else { continue }
      // An address, a path or a name in quotation marks is none of our words.
      sentence.append(BundleWord.isProse(word) ? word : "…")
      if word.hasSuffix(":") { isOurs = false }
    }
    let time = index > 0 && words[0].first?.isNumber == true && BundleWord.isWord(words[0]) ? "\(words[0]) " : ""
    let found = ending.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    return "\(time)\(level)\(name): \(sentence.joined(separator: " "))\(found)"
  }

  /// “<6>link.opened:”, or without the level, which journald keeps by itself.
  private static func event(_ word: Substring) -> (level: Substring, name: Substring)? {
    guard word.hasSuffix(":") else { return nil }
    var name = word.dropLast()
    var level: Substring = ""
    if name.first == "<", let end = name.firstIndex(of: ">") {
      level = name[...end]
      guard level.count == 3, level.dropFirst().first?.isNumber == true else { return nil }
      name = name[name.index(after: end)...]
    }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isLetter) }) else { return nil }
    return (level, name)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }
}

extension BundleWord {
  /// A word of a sentence: letters and numbers, and what stands about them.
  static func isProse(_ word: Substring) -> Bool {
    word.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-,;:`'()%".utf8.contains(byte)
    }
  }
}
