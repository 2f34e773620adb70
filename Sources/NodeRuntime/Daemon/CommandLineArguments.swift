package import Transport

/// What stands on a program's command line behind the verb: words, and options with or without a value.
package struct CommandLineArguments: Sendable {
  package private(set) var words: [String] = []
  private var values: [String: [String]] = [:]
  /// Where a value stands that came from a file.
  private var places: [String: String] = [:]

  /// - Parameters:
  ///   - arguments: all that stands on the command line.
  ///   - options: those that there are; of one name all take a value or none does.
  ///   - owner: whose options they are, for the error.
  /// - Throws: `UsageError` at an option that is not among them, or without its value.
  package init(_ arguments: some Sequence<String>, _ options: [OptionHelp], of owner: String) throws(UsageError) {
    var rest = Array(arguments)[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        words += rest
        return
      }
      guard argument.hasPrefix("-"), argument != "-" else {
        words.append(argument)
        continue
      }
      let parts = argument.drop { $0 == "-" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts.first ?? "")
      guard argument.hasPrefix("--"), let option = options.first(where: { $0.name == name }) else {
        throw Self.unknown(argument, name, options, owner)
      }
      let given = parts.count == 2 ? String(parts[1]) : nil
      switch option.kind {
      case .flag:
        guard given == nil else { throw UsageError("--\(name) takes no value, found “\(argument)”") }
        values[name, default: []].append("")
      case .value:
        guard let value = given ?? rest.popFirst() else { throw UsageError("--\(name) needs a value") }
        values[name, default: []].append(value)
      case .number:
        let next = given ?? rest.first.flatMap { Double($0) == nil ? nil : $0 }
        if given == nil, next != nil { rest.removeFirst() }
        values[name, default: []].append(next ?? "")
      }
    }
  }

  private static func unknown(
    _ argument: String, _ name: String, _ options: [OptionHelp], _ owner: String
  ) -> UsageError {
    let names = Set(options.map(\.name)).sorted()
    if let nearest = Nearest.match(name, in: names) {
      return UsageError("found the option \(argument), which \(owner) does not have; did you mean --\(nearest)?")
    }
    let known = names.map { "--\($0)" }.joined(separator: ", ")
    return UsageError("found the option \(argument), which \(owner) does not have; it has: \(known)")
  }

  package func flag(_ name: String) -> Bool { values[name] != nil }

  /// The last value given.
  package func value(_ name: String) -> String? { values[name]?.last }

  /// All values given, for an option that may be repeated.
  package func all(_ name: String) -> [String] { values[name] ?? [] }

  package func needed(_ name: String) throws(UsageError) -> String {
    guard let value = value(name), !value.isEmpty else { throw UsageError("--\(name) is needed") }
    return value
  }

  /// The last value given, read; nil if there is none.
  /// - Throws: what `read` throws, with the place of a value that came from a file.
  package func value<Value>(
    _ name: String, _ read: (String) throws(UsageError) -> Value
  ) throws(UsageError) -> Value? {
    guard let text = value(name) else { return nil }
    do throws(UsageError) {
      return try read(text)
    } catch {
      guard let place = places[name] else { throw error }
      throw UsageError("\(place): \(name): \(error)")
    }
  }

  /// With what the file of settings says that the command line names, if it does. What is on the command line itself wins.
  func completed(for verb: VerbHelp) throws(UsageError) -> Self {
    guard verb.options.contains(.settingsFile), let path = value(SettingsFile.optionName) else { return self }
    var arguments = self
    for setting in try SettingsFile.read(path, verb.options).settings where values[setting.name] == nil {
      arguments.values[setting.name] = [setting.value]
      arguments.places[setting.name] = setting.place
    }
    return arguments
  }

  /// Without the words of the verb itself, and only with options that it has.
  func behind(_ verb: VerbHelp, of program: String) throws(UsageError) -> Self {
    var arguments = self
    arguments.words.removeFirst(verb.name.split(separator: " ").count)
    for name in values.keys.sorted() where !verb.options.contains(where: { $0.name == name }) {
      throw Self.unknown("--\(name)", name, verb.options, "`\(program) \(verb.name)`")
    }
    guard verb.counts.contains(arguments.words.count) else {
      let found = arguments.words.isEmpty ? "nothing" : "“\(arguments.words.joined(separator: " "))”"
      let forms = verb.forms.map { "\(verb.name) \($0)" }.joined(separator: ", or: ")
      throw UsageError("found \(found) behind “\(verb.name)”, expected: \(forms)")
    }
    return arguments
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
