import Glibc
package import RecordStore

extension DataDirectory {
  /// An administrator who works on a service's directory becomes its owner for the rest of the process: files that belonged
  /// to root would keep the service from its own database, and root should follow no link that the service has laid.
  ///
  /// Does nothing for anybody else, or where the directory is root's own or not there.
  package func becomeOwner() throws(StoreError) {
    var status = stat()
    guard geteuid() == 0, stat(path, &status) == 0, status.st_uid != 0 else { return }
    let name = getpwuid(status.st_uid).map { String(cString: $0.pointee.pw_name) }
    let groups = name.map { initgroups($0, status.st_gid) } ?? setgroups(0, nil)
    guard groups == 0, setgid(status.st_gid) == 0, setuid(status.st_uid) == 0 else {
      throw StoreError(
        .notWritable,
        "“\(path)” is the directory of user \(name ?? "\(status.st_uid)"), and becoming that one failed: "
          + String(cString: strerror(errno)))
    }
    Console.printError("working as user \(name ?? "\(status.st_uid)"), whose directory “\(path)” is")
  }

  /// After root has made files in a service's directory: they become the directory's owner's.
  package func giveToOwner() {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    defer { close(folder) }
    var owner = stat()
    guard geteuid() == 0, fstat(folder, &owner) == 0, owner.st_uid != 0 else { return }
    Self.give(folder, to: owner, isDeep: true)
  }

  /// By descriptors, and following no link: the owner could put one in the way.
  private static func give(_ folder: Int32, to owner: stat, isDeep: Bool) {
    for name in DurableFile.names(in: "/proc/self/fd/\(folder)") {
      var status = stat()
      guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_uid == 0 else { continue }
      // A folder with a database that was put aside, and no deeper.
      if isDeep, status.st_mode & S_IFMT == S_IFDIR {
        let inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if inner >= 0 { give(inner, to: owner, isDeep: false) }
        close(inner)
      }
      fchownat(folder, name, owner.st_uid, owner.st_gid, AT_SYMLINK_NOFOLLOW)
    }
  }
}
