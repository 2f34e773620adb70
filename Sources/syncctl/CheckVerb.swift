import NodeRuntime
import StoreModel
import Wire

/// `syncctl check`: what is wrong with an installation.
struct CheckVerb {
  let arguments: CommandLineArguments

  func run() throws -> ExitStatus {
    let check = try InstallationCheck(
      data: arguments.value("data"), settingsFile: arguments.value("config"), model: .retail)
    let findings = Patience.during("looking") { check.findings() }
    let worst = findings.map(\.level).max() ?? .ok
    if arguments.flag("json") {
      let answer = CBORValue.object([
        "schema": .integer(1), "data": .text(check.directory.path), "level": .text(worst.rawValue),
        "findings": .array(findings.map(\.value)),
      ])
      Console.print(answer.json)
    } else {
      for finding in findings { Console.print(Self.text(finding)) }
    }
    switch worst {
    case .ok: return .done
    case .warning: return .partly
    case .failure: return .unsafe
    }
  }

  private static func text(_ finding: Finding) -> String {
    let mark =
      switch finding.level {
      case .ok: "ok   "
      case .warning: "warn "
      case .failure: "FAIL "
      }
    let area = finding.area + String(repeating: " ", count: max(0, 12 - finding.area.count))
    return "\(mark) \(area) \(finding.found)" + (finding.advice.map { "\n                   → \($0)" } ?? "")
  }
}
