package import Transport

/// What stands on a program's command line: words, and options with or without a value.
package struct CommandLineArguments: Sendable {
  package private(set) var words: [String] = []
  private var values: [String: [String]] = [:]

  /// - Parameters:
  ///   - valued: the options that take a value, without the hyphens.
  ///   - flags: those that take none.
  /// - Throws: `UsageError` at an option that is neither, or without its value.
  package init(_ arguments: some Sequence<String>, valued: [String], flags: [String]) throws(UsageError) {
    var rest = Array(arguments)[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--") else {
        words.append(argument)
        continue
      }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts.first ?? "")
      if flags.contains(name), parts.count == 1 {
        values[name, default: []].append("")
      } else if valued.contains(name) {
        guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
          throw UsageError("--\(name) needs a value")
        }
        values[name, default: []].append(value)
      } else {
        let known = (valued + flags).map { "--\($0)" }.joined(separator: ", ")
        throw UsageError("found the option \(argument), expected one of: \(known.isEmpty ? "none" : known)")
      }
    }
  }

  package func flag(_ name: String) -> Bool { values[name] != nil }

  /// The last value given.
  package func value(_ name: String) -> String? { values[name]?.last }

  package func needed(_ name: String) throws(UsageError) -> String {
    guard let value = value(name), !value.isEmpty else { throw UsageError("--\(name) is needed") }
    return value
  }
}

/// The command line is wrong; the program exits with status 2.
package struct UsageError: Error, Hashable, Sendable, CustomStringConvertible {
  package var description: String

  package init(_ description: String) {
    self.description = description
  }
}

extension Endpoint {
  /// One endpoint as it stands behind an option.
  package static func argument(_ text: some StringProtocol) throws(UsageError) -> Endpoint {
    guard let endpoint = Endpoint(parsing: text) else {
      throw UsageError("found the address “\(text)”, expected HOST:PORT, such as hq.example.com:7400 or [::1]:7400")
    }
    return endpoint
  }

  /// Several with commas between them, as many as a join code holds at the most.
  package static func list(_ text: String) throws(UsageError) -> [Endpoint] {
    var endpoints: [Endpoint] = []
    for part in text.split(separator: ",") { endpoints.append(try argument(part)) }
    guard (1...JoinCode.maximumEndpoints).contains(endpoints.count) else {
      throw UsageError("found \(endpoints.count) addresses, expected 1 to \(JoinCode.maximumEndpoints)")
    }
    return endpoints
  }
}
