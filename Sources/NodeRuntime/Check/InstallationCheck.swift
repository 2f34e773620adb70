import Causality
import Glibc
import RecordStore
import SQLiteStore
package import StoreModel

/// Looks at all that a node needs of its machine, and says what is wrong with it. Changes nothing, whether the node runs or not.
package struct InstallationCheck {
  /// Where the packages put the settings.
  package static let settingsFolder = "/etc/storesync"
  /// The daemons, by the names of their units and their files of settings.
  static let daemons = ["hq-node", "store-node"]

  package let directory: DataDirectory
  /// Of the file of settings; empty if there is none.
  let settings: [String: String]
  /// The installed daemon, whose service is looked at; nil if the programs were not installed as a package.
  let daemon: String?
  let model: Model
  /// What could not be read of the settings.
  private let problem: UsageError?

  /// - Parameters:
  ///   - data: the node's directory; nil if the settings say it.
  ///   - file: the settings; nil for those of the package that is installed, if one is.
  /// - Throws: `UsageError` if neither says where the node is.
  package init(data: String?, settingsFile file: String?, model: Model) throws(UsageError) {
    let installed = Self.installedSettings
    let path = file ?? installed?.path
    daemon = file == nil ? installed?.daemon : nil
    var read: [String: String] = [:]
    var problem: UsageError?
    if let path {
      do throws(UsageError) {
        for setting in try SettingsFile.read(path, nil).settings { read[setting.name] = setting.value }
      } catch {
        problem = error
      }
    }
    guard let place = data ?? read["data"] else {
      throw problem ?? UsageError("--data is needed; there are no settings in \(Self.settingsFolder) that say it")
    }
    directory = DataDirectory(place)
    settings = read
    self.problem = problem
    self.model = model
  }

  /// The settings of the one daemon that is installed here.
  static var installedSettings: (daemon: String, path: String)? {
    for daemon in daemons {
      let path = "\(settingsFolder)/\(daemon).conf"
      if DurableFile.exists(path) { return (daemon, path) }
    }
    return nil
  }

  /// Where the installed node keeps its data, for programs that are not told.
  package static var installedDirectory: String? {
    guard let path = installedSettings?.path, let file = try? SettingsFile.read(path, nil) else { return nil }
    return file.settings.first { $0.name == "data" }?.value
  }

  /// All findings, in an order in which one repairs.
  package func findings() -> [Finding] {
    var all: [Finding] = []
    if let problem {
      all.append(
        Finding("settings", .failure, "\(problem)", "correct the file; `man \(daemon ?? "hq-node").conf` has all names")
      )
    }
    all += service()
    let files = rights()
    all += files + [fileSystem(), space()].compactMap { $0 }
    if files.allSatisfy({ $0.area != "directory" || $0.level != .failure }) {
      all += database()
      all += node()
    }
    return all + [clock(), timeZones()] + httpFiles()
  }
}
