import Glibc

/// A daemon's settings in a file: what may stand behind its verb on the command line, a line each, `name = value`.
///
/// The names are those of the options, so that there is nothing here to keep in step. A line that begins with `#` is a comment.
/// A flag takes yes or no.
struct SettingsFile: Hashable, Sendable {
  /// Some hundred lines with their comments; what is larger is another file.
  static let maximumBytes = 64 << 10

  /// The option that names such a file, of a verb that takes one.
  static let optionName = "config"

  struct Setting: Hashable, Sendable {
    var name: String
    /// Empty for a flag.
    var value: String
    /// “FILE:LINE”, for errors.
    var place: String
  }

  var settings: [Setting] = []

  /// - Parameter options: those of the verb that the settings are for; nil to take any name, by who only looks at them.
  /// - Throws: `UsageError` with the line, what was found there, and what was expected.
  static func read(_ path: String, _ options: [OptionHelp]?) throws(UsageError) -> SettingsFile {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw UsageError("the settings “\(path)” cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    let bytes = Console.readToEnd(descriptor, limit: maximumBytes)
    guard bytes.count <= maximumBytes else {
      throw UsageError("“\(path)” has more than \(maximumBytes) bytes, expected a file of settings, name = value")
    }
    return try parse(bytes, path, options)
  }

  static func parse(_ bytes: [UInt8], _ path: String, _ options: [OptionHelp]?) throws(UsageError) -> SettingsFile {
    var file = SettingsFile()
    // Editors of other systems put a byte order mark in front.
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    for (index, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let place = "\(path):\(index + 1)"
      guard let line = String(validating: line, as: UTF8.self), !line.unicodeScalars.contains(where: isControl) else {
        throw UsageError("\(place): found bytes that are no text, expected name = value in UTF-8")
      }
      guard let setting = try setting(line, place, options) else { continue }
      if let earlier = file.settings.first(where: { $0.name == setting.name }) {
        throw UsageError("\(place): found “\(setting.name)” again, expected it once; it stands at \(earlier.place)")
      }
      file.settings.append(setting)
    }
    return file
  }

  private static func setting(
    _ line: String, _ place: String, _ options: [OptionHelp]?
  ) throws(UsageError) -> Setting? {
    let line = line.trimmed
    guard !line.isEmpty, !line.hasPrefix("#") else { return nil }
    let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw UsageError("\(place): found “\(line)”, expected name = value") }
    let (name, value) = (String(parts[0]).trimmed, String(parts[1]).trimmed)
    guard let options else { return Setting(name: name, value: value, place: place) }
    let known = options.filter(\.isSetting)
    guard let option = known.first(where: { $0.name == name }) else { throw unknown(name, place, known) }
    guard !value.isEmpty else {
      throw UsageError(
        "\(place): found nothing behind “\(name) =”, expected \(option.expectedValue); else leave it out")
    }
    guard option.kind == .flag else { return Setting(name: name, value: value, place: place) }
    switch value.lowercased() {
    case "yes", "true", "on": return Setting(name: name, value: "", place: place)
    case "no", "false", "off": return nil
    default: throw UsageError("\(place): \(name): found “\(value)”, expected yes or no")
    }
  }

  private static func unknown(_ name: String, _ place: String, _ known: [OptionHelp]) -> UsageError {
    let names = known.map(\.name)
    if let nearest = Nearest.match(name, in: names) {
      return UsageError("\(place): found “\(name)”, which is no setting; did you mean “\(nearest)”?")
    }
    return UsageError(
      "\(place): found “\(name)”, which is no setting; expected \(names.joined(separator: ", "))")
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.generalCategory == .control && scalar != "\t" && scalar != "\r"
  }
}

extension OptionHelp {
  /// The option by which a daemon takes its settings from a file.
  package static let settingsFile = OptionHelp(
    SettingsFile.optionName, .value("FILE"),
    "settings by these options' names, a line each, name = value; the command line wins")

  /// Whether it may stand in a file of settings: all but what says where that is.
  var isSetting: Bool { name != SettingsFile.optionName }

  /// For errors.
  fileprivate var expectedValue: String {
    switch kind {
    case .flag: "yes or no"
    case .value(let value), .number(let value): value
    }
  }
}

extension String {
  /// Without blanks at its ends, and without the carriage return of other systems' lines.
  fileprivate var trimmed: String {
    func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" || scalar == "\r" }
    var scalars = unicodeScalars[...]
    while let first = scalars.first, isBlank(first) { scalars.removeFirst() }
    while let last = scalars.last, isBlank(last) { scalars.removeLast() }
    return String(scalars)
  }
}
