package import Base
import Causality
import Glibc
import RecordStore
import SQLiteStore
import StoreModel
import Transport

extension InstallationCheck {
  /// A look through a file of about a gigabyte; a larger one is looked through in part.
  private static let checkMilliseconds: Int64 = 10_000
  /// HQ is worth a backup a day; a weekend's may be missing.
  private static let backupDays: Int64 = 3

  func database() -> [Finding] {
    do throws(StoreError) {
      let last = try LastProgram.version(of: directory.databasePath)
      try LastProgram.check(last, directory)
      let backend = try SQLiteBackend.openUnchecked(path: directory.databasePath, model: Model([]), isAlone: false)
      let identity = try backend.loadNode().identity
      let isWhole = try backend.checkFile(isQuick: true, within: Self.checkMilliseconds)
      let name = identity.isHQ ? "headquarters" : identity.replica.node.name
      var findings = [
        Finding(
          "database", .ok,
          isWhole
            ? "the database of \(name) is whole"
            : "the database of \(name) is whole as far as \(Self.checkMilliseconds / 1_000) s went")
      ]
      if let daemon, (daemon == "hq-node") != identity.isHQ {
        findings.append(
          Finding(
            "database", .failure, "it is \(name)'s, and the package of \(daemon) is installed",
            "install the other package"))
      }
      if last != .present {
        findings.append(
          Finding(
            "database", .warning,
            "it was last opened by version \(last?.description ?? "of before 0.1"), this is \(ProgramVersion.present)",
            "nothing: the node saves it and upgrades it at its next start"))
      }
      if identity.isHQ { findings.append(backups()) }
      return try findings + ports(isHQ: identity.isHQ) + headquarters(backend, identity)
    } catch {
      return [
        Finding(
          "database", .failure, error.message,
          error.code == .newerFormat ? nil : "see “If something goes wrong” and Backups")
      ]
    }
  }

  private func backups() -> Finding {
    let advice = "syncctl backup FILE, to another machine, every day"
    guard let made = LastBackup.time(in: directory) else {
      return Finding("backup", .warning, "no backup of this database has been made with syncctl", advice)
    }
    let days = SystemWallClock().now.milliseconds(since: made) / 86_400_000
    let text = "the last backup was made \(days < 1 ? "less than a day" : "\(days) days") ago, \(RFC3339.format(made))"
    return days < Self.backupDays ? Finding("backup", .ok, text) : Finding("backup", .warning, text, advice)
  }

  /// Whether HQ is reached, and has the key that stores trust. At HQ that is itself, at the addresses that stores have.
  private func headquarters(_ backend: SQLiteBackend, _ identity: NodeIdentity) throws(StoreError) -> [Finding] {
    let (endpoints, pin): ([Endpoint], [UInt8])
    if identity.isHQ {
      (endpoints, pin) = try NodeSettings.whereStoresReachHQ(backend)
    } else {
      let membership = try NodeSettings.membership(backend)
      (endpoints, pin) = (membership.addresses.inOrder, membership.pin)
    }
    let isRunning = isServed
    if identity.isHQ, !isRunning { return [] }
    var findings: [Finding] = []
    for endpoint in endpoints {
      do throws(TransportError) {
        try Reach.check(endpoint, pin: pin)
        findings.append(Finding("hq", .ok, "HQ answers at \(endpoint), with the key that stores trust"))
      } catch {
        findings.append(unreached(endpoint, error, isHQ: identity.isHQ))
      }
    }
    return findings
  }

  private func unreached(_ endpoint: Endpoint, _ error: TransportError, isHQ: Bool) -> Finding {
    let text = "HQ at \(endpoint): \(error.message)"
    if error.code == .pinMismatch || error.code == .tls {
      return Finding("hq", .failure, text, "another machine answers there: look at the address, and at DNS and proxies")
    }
    return Finding(
      "hq", .warning, text,
      isHQ
        ? "stores are given this address: look whether they reach it, and at name servers, routers and firewalls"
        : "look at this shop's line, name server and firewall, and whether HQ runs; the shop sells on")
  }
}

/// When a node was last backed up: the time of a file beside the database.
package enum LastBackup {
  private static func path(_ directory: DataDirectory) -> String { directory.path + "/last-backup" }

  /// A note for `check`, and no more: if it cannot be made, the backup is as good.
  package static func note(in directory: DataDirectory, at time: WallTime) {
    let descriptor = open(path(directory), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    let text = Array((RFC3339.format(time) + "\n").utf8)
    _ = write(descriptor, text, text.count)
    close(descriptor)
    directory.giveToOwner()
  }

  static func time(in directory: DataDirectory) -> WallTime? {
    DurableFile.modifiedAt(path(directory)).map { WallTime(milliseconds: $0 / 1_000_000) }
  }
}
