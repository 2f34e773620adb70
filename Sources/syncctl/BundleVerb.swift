import NodeRuntime
import StoreModel
import Wire

/// `syncctl bundle`.
struct BundleVerb {
  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run() throws -> ExitStatus {
    let file = arguments.words[0]
    guard file.hasSuffix(".tar") || file.hasSuffix(".tar.zst") else {
      throw UsageError("found “\(file)”, expected a name that ends with .tar or .tar.zst")
    }
    var generator = SystemRandomness()
    let salt = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let bundle = try SupportBundle.make(
      of: DataDirectory(arguments.needed("data")), to: file, log: arguments.value("log"), model: .retail,
      at: SystemWallClock().now, salt: salt)
    let answer = CBORValue.object([
      "schema": .integer(1), "file": .text(file), "contents": .array(bundle.names.map(CBORValue.text)),
      "missing": .array(bundle.missing.map(CBORValue.text)),
    ])
    arguments.tell(answer) { _ in
      var lines = ["\(file): \(bundle.names.joined(separator: ", "))"]
      if !bundle.missing.isEmpty { lines.append("could not be found out: \(bundle.missing.joined(separator: ", "))") }
      lines.append("It holds no values of records, no names and no secrets; look into it before you send it.")
      return lines.joined(separator: "\n")
    }
    return .done
  }
}
