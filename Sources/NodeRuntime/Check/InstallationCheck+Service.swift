import CLinux
import Glibc
import StoreModel
import SyncSession
import Wire

extension InstallationCheck {
  /// Whether a node answers at the directory's socket.
  var isServed: Bool { DatabaseWait.isServed(directory) }

  /// Whether it runs, as which version, and whether it can write.
  func node() -> [Finding] {
    guard isServed else {
      let advice = daemon.map { "systemctl start \($0); journalctl -u \($0) tells why it ended" } ?? "start it"
      return [Finding("node", daemon == nil ? .warning : .failure, "the node does not run", advice)]
    }
    do throws(ControlError) {
      let status = try ControlClient(directory: directory, model: model).request("status")
      let software = status["software"]?.textValue ?? "an unknown version"
      var findings: [Finding] = []
      if software == SoftwareVersion.text {
        findings.append(Finding("node", .ok, "the node runs, \(software)"))
      } else {
        findings.append(
          Finding(
            "node", .warning, "the node that runs is \(software), this program is \(SoftwareVersion.text)",
            "restart it: systemctl restart \(daemon ?? "hq-node or store-node")"))
      }
      let reasons = status["reasons"]?.arrayValue?.compactMap(\.textValue) ?? []
      findings.append(
        reasons.isEmpty
          ? Finding("sync", .ok, "in sync")
          : Finding("sync", .warning, "not in sync: \(reasons[0])", "syncctl status tells all"))
      return findings
    } catch {
      return [Finding("node", .failure, error.description, "look at its log, and restart it")]
    }
  }

  func clock() -> Finding {
    switch storesync_clock_is_synchronised() {
    case 1: Finding("clock", .ok, "the clock is kept by a time server")
    case 0:
      Finding(
        "clock", .warning, "the clock is not synchronised", "apt install systemd-timesyncd, or look at `timedatectl`")
    default:
      Finding("clock", .warning, "whether the clock is synchronised cannot be told: \(systemError)", "timedatectl")
    }
  }

  /// What systemd has of the daemon; nothing where there is no systemd or no package.
  func service() -> [Finding] {
    guard let daemon, DurableFile.exists("/run/systemd/system") else { return [] }
    let unit = "\(daemon).service"
    let properties = Self.properties(of: unit)
    var findings: [Finding] = []
    switch properties["UnitFileState"] ?? "" {
    case "enabled": findings.append(Finding("service", .ok, "\(unit) starts with the machine"))
    case let state:
      findings.append(
        Finding(
          "service", .failure, "\(unit) does not start with the machine (\(state.isEmpty ? "not found" : state))",
          "systemctl enable \(daemon)"))
    }
    let active = properties["ActiveState"] ?? "unknown"
    if active == "active" {
      let restarts = properties["NRestarts"].flatMap { Int($0) } ?? 0
      findings.append(
        restarts == 0
          ? Finding("service", .ok, "\(unit) is active")
          : Finding(
            "service", .warning, "\(unit) is active, and was restarted \(restarts) times",
            "journalctl -u \(daemon) tells why"))
    } else {
      findings.append(
        Finding("service", .failure, "\(unit) is \(active)", "systemctl start \(daemon); journalctl -u \(daemon)"))
    }
    return findings
  }

  private static func properties(of unit: String) -> [String: String] {
    let names = "ActiveState,UnitFileState,NRestarts"
    let output = CommandOutput.of("/usr/bin/systemctl", ["show", unit, "--property=\(names)"])
    var properties: [String: String] = [:]
    for line in output.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { properties[String(parts[0])] = String(parts[1]) }
    }
    return properties
  }
}

/// What another program prints.
private enum CommandOutput {
  private static let maximumBytes = 64 << 10

  /// - Returns: nothing if it cannot be started.
  static func of(_ path: String, _ arguments: [String]) -> String {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      return ""
    }
    defer { close(ends[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    var words = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, path, &actions, nil, &words, environ)
    close(ends[1])
    guard code == 0 else { return "" }
    let output = Console.readToEnd(ends[0], limit: maximumBytes)
    var state: Int32 = 0
    waitpid(process, &state, 0)
    return String(decoding: output, as: UTF8.self)
  }
}
