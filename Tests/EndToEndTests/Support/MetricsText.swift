import Testing

/// Reads Prometheus' text format 0.0.4, and takes nothing that is not exactly that.
struct MetricsText {
  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  /// By the line up to the value: `name{label="value"}`.
  private(set) var values: [String: Double] = [:]
  private(set) var types: [String: String] = [:]

  init(_ text: String) throws {
    guard text.hasSuffix("\n") else { throw Problem(description: "the last line has no end") }
    var family = ""
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if let rest = line.dropping("# HELP ") {
        let name = try Self.name(rest)
        guard types[name] == nil, name > family else { throw Problem(description: "out of order: \(line)") }
        guard rest.count > name.count + 1 else { throw Problem(description: "no help: \(line)") }
        family = name
      } else if let rest = line.dropping("# TYPE ") {
        let words = rest.split(separator: " ").map(String.init)
        guard words.count == 2, words[0] == family, ["counter", "gauge", "histogram"].contains(words[1]) else {
          throw Problem(description: "no type: \(line)")
        }
        guard (words[1] == "counter") == family.hasSuffix("_total") else {
          throw Problem(description: "a counter's name ends with _total: \(line)")
        }
        types[family] = words[1]
      } else {
        try sample(line, family)
      }
    }
    try checkHistograms()
  }

  /// The value of a series; 0 is not the same as none.
  func value(_ series: String) throws -> Double {
    guard let value = values[series] else { throw Problem(description: "there is no \(series)") }
    return value
  }

  private static func name(_ text: some StringProtocol) throws -> String {
    let name = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    guard let first = name.first, !first.isNumber else { throw Problem(description: "no name: \(text)") }
    return String(name)
  }

  private mutating func sample(_ line: String, _ family: String) throws {
    let name = try Self.name(line)
    let suffixes = types[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
    guard types[family] != nil, suffixes.contains(where: { name == family + $0 }) else {
      throw Problem(description: "not of \(family): \(line)")
    }
    var rest = line.dropFirst(name.count)
    if rest.first == "{" { rest = try Self.behindLabels(rest, line) }
    guard rest.first == " ", let value = Double(rest.dropFirst()) else {
      throw Problem(description: "no value: \(line)")
    }
    let series = String(line.prefix(line.count - rest.count))
    guard values.updateValue(value, forKey: series) == nil else { throw Problem(description: "twice: \(line)") }
  }

  private static func behindLabels(_ text: Substring, _ line: String) throws -> Substring {
    var rest = text
    repeat {
      rest = rest.dropFirst()
      let name = try name(rest)
      rest = rest.dropFirst(name.count)
      guard rest.hasPrefix("=\"") else { throw Problem(description: "no label: \(line)") }
      rest = rest.dropFirst(2)
      while let character = rest.first, character != "\"" {
        if character == "\\" {
          guard let escaped = rest.dropFirst().first, "\\\"n".contains(escaped) else {
            throw Problem(description: "a wrong escape: \(line)")
          }
          rest = rest.dropFirst()
        }
        rest = rest.dropFirst()
      }
      guard rest.first == "\"" else { throw Problem(description: "an open label: \(line)") }
      rest = rest.dropFirst()
    } while rest.first == ","
    guard rest.first == "}" else { throw Problem(description: "open labels: \(line)") }
    return rest.dropFirst()
  }

  private func checkHistograms() throws {
    for (name, type) in types where type == "histogram" {
      for (series, value) in values where series.hasPrefix("\(name)_bucket{") && series.contains("le=\"+Inf\"") {
        let labels = series.dropFirst("\(name)_bucket".count).replacing("le=\"+Inf\"", with: "").replacing(
          ",}", with: "}")
        let count = labels == "{}" ? "\(name)_count" : "\(name)_count\(labels)"
        guard values[count] == value else { throw Problem(description: "\(series) is not \(count)") }
      }
    }
  }
}

extension String {
  fileprivate func dropping(_ prefix: String) -> String? { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil }
}
