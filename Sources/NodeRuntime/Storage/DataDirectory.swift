import Glibc
package import RecordStore

/// Where a node keeps its files. Nobody else may read them.
package struct DataDirectory: Hashable, Sendable {
  package var path: String

  package init(_ path: String) {
    self.path = path
  }

  package var databasePath: String { path + "/storesync.db" }
  package var socketPath: String { path + "/control.sock" }
  /// Says together with the database which one it is.
  package var instancePath: String { path + "/instance" }
  /// The token of whoever may read this directory, for HTTP on this machine; made anew at each start.
  package var tokenPath: String { path + "/token" }
  /// Is there while a node runs, and after one that did not end cleanly.
  package var runningPath: String { path + "/running" }

  /// Holds the backups that upgrades have made.
  package var backupsPath: String { path + "/backups" }

  package var hasDatabase: Bool { access(databasePath, F_OK) == 0 }

  /// - Throws: `notFound`, with what makes one, if no node was ever made here.
  package func checkDatabase() throws(StoreError) {
    guard !hasDatabase else { return }
    throw StoreError(
      .notFound, "there is no database in “\(path)”; `hq-node init` or `store-node join` makes one")
  }

  /// Makes the directory if it is not there, readable by its owner alone.
  package func create() throws(StoreError) {
    guard mkdir(path, 0o700) != 0 else { return }
    guard errno == EEXIST else {
      let advice = errno == ENOENT ? "make the one above it first" : "choose another place, or look at its rights"
      throw StoreError(
        .notWritable, "cannot make the directory “\(path)”: \(String(cString: strerror(errno))); \(advice)")
    }
  }
}
