import Causality
import Glibc

/// A join code as people hand it on: typed, read out, copied from a mail.
package enum JoinCodeInput {
  /// Numbers of digits, counted in eights, that no bytes come out as in Base32: one was lost or added.
  private static let impossibleRests: Set<Int> = [1, 3, 6]
  /// Hyphens, dashes, spaces and marks that mail programs and word processors put in, beside ASCII's own.
  private static let passedOver: Set<Unicode.Scalar> = [
    "\u{00A0}", "\u{00AD}", "\u{2010}", "\u{2011}", "\u{2012}", "\u{2013}", "\u{2014}", "\u{2212}", "\u{200B}",
    "\u{2007}", "\u{202F}", "\u{FEFF}", "-", " ", "\t", "\n", "\r",
  ]

  /// A code has some two hundred characters; beyond this it is another file.
  private static let maximumBytes = 64 << 10

  /// The text from the command line, from a file, from a prompt or from standard input.
  package static func read(_ arguments: CommandLineArguments) throws(UsageError) -> String {
    if let path = arguments.value("code-file") {
      guard arguments.words.isEmpty else { throw UsageError("found a code and --code-file, expected one of them") }
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw UsageError("“\(path)” cannot be opened: \(String(cString: strerror(errno)))") }
      defer { close(descriptor) }
      return String(decoding: Console.readToEnd(descriptor, limit: maximumBytes), as: UTF8.self)
    }
    if let word = arguments.words.first, word != "-" { return word }
    if arguments.words.isEmpty, let answer = Console.ask("join code: ") { return answer }
    return String(decoding: Console.readToEnd(STDIN_FILENO, limit: maximumBytes), as: UTF8.self)
  }

  package static func parse(_ text: String) throws(UsageError) -> JoinCode {
    var digits = String.UnicodeScalarView()
    digits.append(contentsOf: text.unicodeScalars.filter { !passedOver.contains($0) })
    guard !digits.isEmpty else { throw UsageError("found no join code; copy it again, whole") }
    let code: JoinCode
    do throws(JoinCodeError) {
      code = try JoinCode(parsing: String(digits))
    } catch {
      throw UsageError("\(error)")
    }
    guard !impossibleRests.contains(digits.count % 8) else {
      throw UsageError("the join code has a digit too many or too few (found \(digits.count)); copy it again, whole")
    }
    guard code.node != .hq else {
      throw UsageError("the join code is for number 0, which is HQ's own and no store's; ask HQ for another")
    }
    return code
  }
}
