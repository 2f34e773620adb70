package import Wire

/// What a look at one side of an installation found.
package struct Finding: Hashable, Sendable {
  package enum Level: String, Hashable, Sendable, Comparable {
    case ok
    /// It works, and will not always, or not as well as it could.
    case warning
    /// The node does not work, or its data is not safe.
    case failure

    private var rank: Int {
      switch self {
      case .ok: 0
      case .warning: 1
      case .failure: 2
      }
    }

    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
  }

  /// A stable name to search for: “rights”, “clock”.
  package var area: String
  package var level: Level
  /// What was found, for people.
  package var found: String
  /// What to do; nil where there is nothing to do.
  package var advice: String?

  init(_ area: String, _ level: Level, _ found: String, _ advice: String? = nil) {
    self.area = area
    self.level = level
    self.found = found
    self.advice = advice
  }

  /// For `--json`.
  package var value: CBORValue {
    .object([
      "area": .text(area), "level": .text(level.rawValue), "found": .text(found), "advice": advice.map(CBORValue.text),
    ])
  }
}
