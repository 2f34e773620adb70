import Foundation
import Testing

/// A member asks to be forgotten: nothing of them is in any file of any node, and it can be shown.
@Suite struct EraseTests {
  private static let members = [
    "id,name,phone,card,tags,note,customFields.shoe",
    "100,MARKname,+49MARKphone,MARKcard,MARKtag,MARKnote,MARKshoe",
    "200,Somebody else,+4930200,card-200,regular,keep me,42",
  ]

  /// The files of a node's directory that have a mark in them.
  private static func marked(_ node: Node) throws -> [String] {
    let files = try #require(FileManager.default.enumerator(atPath: node.directory))
    return files.compactMap { $0 as? String }.filter { name in
      guard let data = FileManager.default.contents(atPath: "\(node.directory)/\(name)") else { return false }
      return data.range(of: Data("MARK".utf8)) != nil
    }.sorted()
  }

  private static func edit(_ chain: Chain, _ node: Node, _ columns: String, _ values: String) throws {
    try chain.expectDone(chain.importing([columns, values], as: "member", into: node))
  }

  private static func isDone(_ chain: Chain) throws -> Bool {
    try chain.syncctl(chain.hq, "erase", "status", "100").status == 0
  }

  @Test("a member with siblings, cases and history goes from every file of every node")
  func everywhere() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    try chain.expectDone(chain.importing(Self.members, as: "member", into: chain.hq))
    try chain.inSync()
    // Values that were overwritten long ago, and concurrent ones of two stores that did not hear of each other.
    for number in 1...5 { try Self.edit(chain, one, "id,name", "100,MARKolder\(number)") }
    try chain.inSync()
    try chain.hq.stop()
    try Self.edit(chain, one, "id,note", "100,MARKfromone")
    try Self.edit(chain, two, "id,note", "100,MARKfromtwo")
    try chain.startHQ()
    try chain.inSync()
    let cases = try chain.syncctl(chain.hq, "conflicts", "list")
    #expect(cases.output.contains("MARKfrom"), "\(cases.output)")
    for node in [chain.hq, one, two] { #expect(try !Self.marked(node).isEmpty) }

    let begun = try chain.syncctl(chain.hq, "erase", "member", "100", "--reason", "request 7")
    #expect(begun.status <= 1, "\(begun.errors)")
    try eventually("all to confirm") { try Self.isDone(chain) }
    for node in [chain.hq, one, two] { #expect(try Self.marked(node) == [], "\(node.name)") }
    try chain.inSync()
    for node in [chain.hq, one, two] {
      #expect(try node.rows("SELECT id, name FROM members") == ["200|Somebody else"], "\(node.name)")
      let conflicts = try chain.syncctl(node, "conflicts", "list", "--json")
      #expect(conflicts.output.contains("\"conflicts\":[]"), "\(conflicts.output)")
    }
    let certificate = try chain.syncctl(chain.hq, "erase", "certificate", "100")
    try chain.expectDone(certificate)
    #expect(certificate.output.contains("store 2 (Store 2): done ") && !certificate.output.contains(" 100"))
    // Compared record by record, nothing differs.
    try chain.expectDone(chain.syncctl(chain.hq, "verify"))
    // Nobody brings it back by the way.
    for node in [chain.hq, one] {
      let again = try chain.importing(Self.members, as: "member", into: node)
      #expect(again.status == 1 && again.output.contains("\"refused\":1"), "\(again.output)\(again.errors)")
    }
    try chain.expectDone(chain.syncctl(chain.hq, "erase", "lift", "100"))
    try chain.expectDone(chain.importing(["id,name", "100,New Person"], as: "member", into: chain.hq))
    try chain.inSync()
    #expect(try two.rows("SELECT name FROM members WHERE id = '100'") == ["New Person"])
  }

  @Test("a store that is away keeps it pending, writes on, and loses it when it comes; a killed HQ forgets nothing")
  func away() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    try chain.expectDone(chain.importing(Self.members, as: "member", into: chain.hq))
    try chain.inSync()
    try two.stop()
    try Self.edit(chain, two, "id,name,phone", "100,MARKaway,+49MARKaway")
    #expect(try chain.syncctl(chain.hq, "erase", "member", "100", "--reason", "request 7").status == 1)
    try eventually("the connected store to confirm") {
      try chain.syncctl(chain.hq, "erase", "status", "100").output.contains("store 1 (Store 1): done ")
    }
    let status = try chain.syncctl(chain.hq, "erase", "status", "100")
    #expect(
      status.status == 1 && status.output.contains("NOT erased everywhere: waiting for store 2"), "\(status.output)")
    #expect(status.output.contains("store 2 (Store 2): pending, not connected"))
    let none = try chain.syncctl(chain.hq, "erase", "certificate", "100")
    #expect(none.status == 1 && none.output.isEmpty && none.problem.contains("nothing to certify"))
    let lift = try chain.syncctl(chain.hq, "erase", "lift", "100")
    #expect(lift.status == 2 && lift.problem.contains("not all stores have confirmed yet (store 2)"), "\(lift.errors)")
    #expect(try Self.marked(chain.hq) == [] && Self.marked(one) == [])
    try chain.hq.kill()
    try chain.startHQ()
    #expect(try !Self.isDone(chain))
    try chain.start(two)
    try eventually("all to confirm") { try Self.isDone(chain) }
    for node in [chain.hq, one, two] { #expect(try Self.marked(node) == [], "\(node.name)") }
    try chain.inSync()
  }

  @Test("HQ restored from a backup of before erases again before it serves anybody")
  func restoredHQ() throws {
    let chain = try Chain(stores: [1])
    let one = chain.stores[0]
    try chain.expectDone(chain.importing(Self.members, as: "member", into: chain.hq))
    try chain.inSync()
    let backup = chain.scratch.path + "/backup.db"
    try chain.expectDone(chain.syncctl(chain.hq, "backup", backup))
    _ = try chain.syncctl(chain.hq, "erase", "member", "100", "--reason", "request 7")
    try eventually("the store to confirm") { try Self.isDone(chain) }
    try chain.hq.stop()
    try chain.expectDone(chain.syncctl(chain.hq, "restore", backup, "--replace"))
    #expect(try chain.hq.rows("SELECT name FROM members WHERE id = '100'") == [])
    try chain.startHQ()
    try eventually("the store to confirm again") { try Self.isDone(chain) }
    try chain.inSync()
    let list = try chain.syncctl(chain.hq, "erase", "status", "100")
    #expect(list.output.contains("request 7") && list.output.contains("older databases are there, see to them: aside-"))
    #expect(try Self.marked(one) == [])
    #expect(try Self.marked(chain.hq).allSatisfy { $0.hasPrefix("aside-") })
  }

  @Test("stores that cannot confirm are named, and a person may answer for them; wrong words are told")
  func vouching() throws {
    let chain = try Chain(stores: [1, 2])
    let two = chain.stores[1]
    try chain.expectDone(chain.importing(Self.members, as: "member", into: chain.hq))
    try chain.inSync()
    try chain.expectDone(chain.syncctl(chain.hq, "store", "revoke", "2"))
    try chain.remove(keeping: two)
    _ = try chain.syncctl(chain.hq, "erase", "member", "100", "--reason", "request 7")
    try eventually("the other store to confirm") {
      try chain.syncctl(chain.hq, "erase", "status", "100").output.contains("store 1 (Store 1): done ")
    }
    let status = try chain.syncctl(chain.hq, "erase", "status", "100")
    #expect(
      status.status == 1 && status.output.contains("store 2 (Store 2): revoked, keeps what it has"), "\(status.output)")
    let vouched = try chain.syncctl(chain.hq, "erase", "vouch", "100", "--store", "2", "--reason", "disk shredded")
    try chain.expectDone(vouched)
    #expect(vouched.output.contains("vouched for") && vouched.output.contains("disk shredded"))
    #expect(try chain.syncctl(chain.hq, "erase", "list").output.contains("erased everywhere"))

    let atStore = try chain.syncctl(chain.stores[0], "erase", "member", "200", "--reason", "x")
    #expect(atStore.status == 2 && atStore.problem.contains("HQ erases"), "\(atStore.errors)")
    let unknown = try chain.syncctl(chain.hq, "erase", "member", "300", "--reason", "x")
    #expect(unknown.status == 2 && unknown.problem.contains("holds no such record"), "\(unknown.errors)")
    #expect(try chain.syncctl(chain.hq, "erase", "member", "200").status == 2)
    #expect(try chain.syncctl(chain.hq, "erase", "status", "200").status == 2)
  }
}
