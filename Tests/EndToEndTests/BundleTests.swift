import Base
import Causality
import Foundation
import Glibc
import NodeRuntime
import RecordStore
import StoreModel
import Testing
import Wire

/// `syncctl bundle`: what helps is in it, and nothing of anybody.
@Suite struct BundleTests {
  /// In everything that a person may not find again.
  private static let mark = "Zzmark"

  /// Two stores whose members, sales, conflicts and parked groups are full of marked words.
  private func chain() throws -> Chain {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    let mark = Self.mark
    try chain.expectDone(
      chain.importing(
        ["id,name,phone,card,note,tags", "\(mark)7,\(mark)Ann,+4930\(mark)1,\(mark)card,\(mark)note,\(mark)tag"],
        as: "member", into: chain.hq))
    try chain.expectDone(chain.importing(["id,name", "\(mark)p,\(mark)Espresso"], as: "product", into: chain.hq))
    try chain.expectDone(
      chain.importing([sale(1).replacing("\"R1\"", with: "\"\(mark)R1\"")], as: "sale", into: one))
    try chain.inSync()
    try chain.hq.stop()
    try chain.expectDone(chain.importing(["id,note", "\(mark)7,\(mark)tea"], as: "member", into: one))
    try chain.expectDone(chain.importing(["id,note", "\(mark)7,\(mark)coffee"], as: "member", into: two))
    try chain.expectDone(
      chain.importing(["id,name,phone", "\(mark)8,\(mark)Bob,+4930\(mark)1"], as: "member", into: two))
    let payload = Array("\(mark)payload".utf8).map { String($0, radix: 16) }.joined()
    let id = Array("\(mark)9".utf8).map { String($0, radix: 16) }.joined()
    try Database.change(
      chain.hq,
      "INSERT INTO sync_parked VALUES (1, 1, 1, 1700000000000, 'undecodable', 'of \(mark)reason', x'\(payload)')",
      "INSERT INTO sync_parked_key VALUES (\(Member.tag.rawValue), x'\(id)', 1, 0)")
    chain.hqOptions = ["--http", "127.0.0.1:0"]
    try chain.startHQ()
    try eventually("the conflict") {
      try !chain.hq.rows("SELECT 1 FROM sync_case WHERE kind = 'field'").isEmpty
        && !chain.hq.rows("SELECT 1 FROM sync_case WHERE kind = 'unique'").isEmpty
    }
    return chain
  }

  /// The files of a bundle by name, and all their bytes.
  private func bundle(_ chain: Chain, _ node: Node, _ name: String) throws -> [String: String] {
    let file = "\(chain.scratch.path)/\(name)"
    let log = try chain.scratch.file(
      "\(name).log", [node.log, "<4>parked.dropped: it was dropped: \(Self.mark) code=x"])
    let made = try chain.syncctl(node, "bundle", file, "--log", log)
    try chain.expectDone(made)
    var status = stat()
    #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
    let folder = "\(file).unpacked"
    try #require(mkdir(folder, 0o700) == 0)
    try #require(system("tar -xf '\(file)' -C '\(folder)'") == 0, "an archive that tar reads")
    var files: [String: String] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/bundle") {
      files[name] = readFile("\(folder)/bundle/\(name)")
    }
    return files
  }

  /// Every form in which a secret may lie in a text.
  private func forms(of secret: [UInt8]) -> [String] {
    let hexadecimal = secret.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return [hexadecimal, hexadecimal.uppercased(), Data(secret).base64EncodedString()]
      + (String(validating: secret, as: UTF8.self).map { [$0] } ?? [])
  }

  private func secrets(of node: Node) throws -> [[UInt8]] {
    let sql =
      "SELECT hex(value) FROM sync_setting WHERE name IN ('tls-identity', 'credential', 'session-token', 'instance')"
    return try node.rows(sql).map { text in
      stride(from: 0, to: text.utf8.count, by: 2).compactMap { offset in
        UInt8(text.dropFirst(offset).prefix(2), radix: 16)
      }
    }
  }

  private func expectNothingPersonal(
    _ files: [String: String], _ chain: Chain, code: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for (name, text) in files {
      #expect(!text.lowercased().contains(Self.mark.lowercased()), "\(name): \(text)", sourceLocation: sourceLocation)
      #expect(!text.contains(chain.scratch.path), "\(name): a path", sourceLocation: sourceLocation)
      #expect(!text.contains("Store 1"), "\(name): a name", sourceLocation: sourceLocation)
      #expect(!text.contains(code.prefix(20)), "\(name): a join code", sourceLocation: sourceLocation)
      for node in [chain.hq] + chain.stores {
        for secret in try secrets(of: node) {
          for form in forms(of: secret) {
            #expect(!text.contains(form), "\(name): a secret", sourceLocation: sourceLocation)
          }
        }
      }
    }
  }

  @Test func ofNodesThatRun() throws {
    let chain = try chain()
    let code = try chain.joinCode(3)
    let tokens = "\(chain.scratch.path)/till.token"
    try chain.expectDone(chain.syncctl(chain.hq, "token", "add", "till-1", "--role", "read", "--output", tokens))
    let secrets = [readFile(tokens), chain.hq.localToken].map { String($0.prefix(20)) }
    #expect(secrets.allSatisfy { $0.count == 20 })
    for (node, name) in [(chain.hq, "hq.tar.zst"), (chain.stores[0], "store.tar")] {
      let files = try bundle(chain, node, name)
      #expect(
        files.keys.sorted() == [
          "README.txt", "conflicts.json", "counts.json", "enrolments.json", "files.json", "log.txt", "metrics.prom",
          "parked.json", "problems.json", "schema.sql", "settings.json", "status.json", "system.json", "versions.json",
        ])
      #expect(files["problems.json"] == "[]\n")
      try expectNothingPersonal(files, chain, code: code)
      for (name, text) in files { for secret in secrets { #expect(!text.contains(secret), "\(name): a token") } }
      #expect(files["status.json"]?.contains("\"isRunning\":true") == true)
      #expect(files["log.txt"]?.contains("<6>link.opened: ") == true, "\(files["log.txt"] ?? "")")
      #expect(files["log.txt"]?.contains("<4>parked.dropped: it was dropped: code=x") == true)
      _ = try MetricsText(files["metrics.prom"] ?? "")
      #expect(files["schema.sql"]?.contains("CREATE TABLE") == true)
      #expect(files["counts.json"]?.contains("\"member\":2") == true, "\(files["counts.json"] ?? "")")
    }
    let again = try chain.syncctl(chain.hq, "bundle", "\(chain.scratch.path)/hq.tar.zst")
    #expect(again.status != 0 && again.problem.contains("is there already"), "\(again.problem)")
    let odd = try chain.syncctl(chain.hq, "bundle", "\(chain.scratch.path)/hq.zip")
    #expect(
      odd.status == 2 && odd.problem.contains("expected a name that ends with .tar or .tar.zst"), "\(odd.problem)")
  }

  @Test("what is wrong can be seen, under names that can be followed") func whatHelps() throws {
    let chain = try chain()
    let files = try bundle(chain, chain.hq, "hq.tar")
    let conflicts = try #require(files["conflicts.json"])
    #expect(conflicts.contains("\"field\":\"note\"") && conflicts.contains("\"kind\":\"unique\""), "\(conflicts)")
    let parked = try #require(files["parked.json"])
    #expect(parked.contains("\"code\":\"undecodable\"") && parked.contains("\"id\":\"id-"), "\(parked)")
    let other = try bundle(chain, chain.hq, "other.tar")
    #expect(other["conflicts.json"] != conflicts, "names of one bundle are none of the next")
    #expect(files["enrolments.json"]?.contains("\"node\":\"2\",\"state\":\"active\"") == true)
  }

  @Test func ofANodeThatDoesNotRunAndOneWithADamagedDatabase() throws {
    let chain = try chain()
    let store = chain.stores[0]
    try store.stop()
    let files = try bundle(chain, store, "resting.tar")
    #expect(files["problems.json"] == "[]\n")
    #expect(files["status.json"]?.contains("\"isRunning\":false") == true, "\(files["status.json"] ?? "")")
    try expectNothingPersonal(files, chain, code: "no code here at all")
    let database = "\(store.directory)/storesync.db"
    let handle = try #require(FileHandle(forWritingAtPath: database))
    try handle.write(contentsOf: Data(repeating: 0x5A, count: 8_192))
    try handle.close()
    let damaged = try bundle(chain, store, "damaged.tar.zst")
    #expect(
      damaged["problems.json"]?.contains("\"section\":\"schema.sql\"") == true, "\(damaged["problems.json"] ?? "")")
    #expect(damaged["files.json"]?.contains("\"name\":\"storesync.db\"") == true)
    #expect(damaged["system.json"] != nil && damaged["log.txt"] != nil && damaged["metrics.prom"] != nil)
  }
}
