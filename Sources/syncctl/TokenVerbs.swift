import Glibc
import NodeRuntime
import Wire

/// `syncctl token …`
struct TokenVerbs {
  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run(_ verb: String) throws -> ExitStatus {
    switch verb {
    case "token add": return try add()
    case "token list":
      arguments.tell(try arguments.ask("token-list"), Self.list)
      return .done
    default:
      arguments.tell(try arguments.ask("token-revoke", [("name", .text(arguments.words[0]))])) { answer in
        "revoked the token “\(answer["revoked"]?.textValue ?? "")”: it is refused from now on"
      }
      return .done
    }
  }

  private func add() throws -> ExitStatus {
    // The file comes first: a secret that cannot be kept would be lost.
    let descriptor = try arguments.value("output").map(create)
    let answer: CBORValue
    do {
      answer = try arguments.ask(
        "token-add", [("name", .text(arguments.words[0])), ("role", .text(try arguments.needed("role")))])
    } catch {
      if let path = arguments.value("output") { unlink(path) }
      throw error
    }
    guard let descriptor, let path = arguments.value("output") else {
      arguments.tell(answer) { $0["secret"]?.textValue ?? "" }
      return .done
    }
    defer { close(descriptor) }
    var line = Array((answer["secret"]?.textValue ?? "").utf8) + [UInt8(ascii: "\n")]
    guard write(descriptor, &line, line.count) == line.count else {
      throw UsageError(
        "“\(path)” cannot be written: \(String(cString: strerror(errno))); revoke the token and make another")
    }
    Console.printError("the token is in \(path), which only its owner can read")
    return .done
  }

  private func create(_ path: String) throws -> Int32 {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw UsageError("“\(path)” cannot be made: \(String(cString: strerror(errno))); name a file that is not there")
    }
    return descriptor
  }

  private static func list(_ answer: CBORValue) -> String {
    let tokens = answer["tokens"]?.arrayValue ?? []
    guard !tokens.isEmpty else { return "no token was made; `syncctl token add NAME --role ROLE` makes one" }
    return TextTable(
      ["name", "role", "made"],
      tokens.map { token in ["name", "role", "madeAt"].map { token[$0]?.textValue ?? "" } }
    ).lines.joined(separator: "\n")
  }
}
