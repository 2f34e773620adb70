import RecordStore
import SQLiteStore
import SyncSession

/// The number of a version of this software, “0.1.0”: components that grow from left to right.
package struct ProgramVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
  private let components: [UInt32]

  /// - Parameter text: with or without the name before it, “storesync/0.1.0”. What stands behind the numbers, such as “-rc1”,
  ///   does not count: a version and what led to it can read each other's databases.
  /// - Returns: nil if that is no number.
  package init?(_ text: some StringProtocol) {
    let number = text.split(separator: "/", omittingEmptySubsequences: false).last?.prefix { $0.isNumber || $0 == "." }
    let parts = number?.split(separator: ".", omittingEmptySubsequences: false) ?? []
    let components = parts.compactMap { UInt32($0) }
    guard !components.isEmpty, components.count == parts.count else { return nil }
    self.components = components
  }

  /// This program's.
  package static let present = ProgramVersion(SoftwareVersion.text) ?? ProgramVersion(zero: ())

  private init(zero: Void) { components = [0] }

  package var description: String { components.map(String.init).joined(separator: ".") }

  package static func == (left: Self, right: Self) -> Bool { !(left < right) && !(right < left) }

  package static func < (left: Self, right: Self) -> Bool {
    for index in 0..<max(left.components.count, right.components.count) {
      let (one, other) = (left.component(index), right.component(index))
      if one != other { return one < other }
    }
    return false
  }

  package func hash(into hasher: inout Hasher) {
    for component in components.reversed().drop(while: { $0 == 0 }) { hasher.combine(component) }
  }

  private func component(_ index: Int) -> UInt32 { index < components.count ? components[index] : 0 }
}

/// Which version of the program has last had a database open: kept in the database, so that an upgrade is noticed before it
/// writes anything, and a downgrade before it misreads anything.
enum LastProgram {
  private static let setting = "opened-by"

  /// Of a database that nobody need have open; nil if it is older than this note.
  static func version(of path: String) throws(StoreError) -> ProgramVersion? {
    try DatabaseCopy.setting(setting, of: path).flatMap { ProgramVersion(String(decoding: $0, as: UTF8.self)) }
  }

  /// Notes this program, or refuses a database that a newer one has had open.
  static func note(in engine: StoreGate.Engine, _ directory: DataDirectory) throws(StoreError) {
    let last = try engine.backend.setting(setting).flatMap { ProgramVersion(String(decoding: $0, as: UTF8.self)) }
    try check(last, directory)
    guard last != .present else { return }
    try engine.backend.setSettings([(setting, Array(ProgramVersion.present.description.utf8))])
  }

  static func check(_ last: ProgramVersion?, _ directory: DataDirectory) throws(StoreError) {
    guard let last, last > .present else { return }
    let backup = UpgradeBackup.newest(in: directory, beyond: .present) ?? "BACKUP"
    throw StoreError(
      .newerFormat,
      "“\(directory.path)” was last opened by version \(last), this is \(ProgramVersion.present): install version \(last) or "
        + "newer again. Or go back to a backup from before the upgrade: syncctl restore \(backup) --replace --data "
        + "\(directory.path); what was written since and is at no other node is then not in it")
  }
}
