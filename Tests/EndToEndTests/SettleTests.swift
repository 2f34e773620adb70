import Interchange
import JSON
import Testing

/// A person settles conflicts on the command line.
@Suite struct SettleTests {
  @Test("FC-19 a settled case is closed at every node, and `explain` says who settled it")
  func settling() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    try chain.expectDone(chain.importing(["id,name,phone", "7,Ann,+12125550131"], as: "member", into: chain.hq))
    try chain.inSync()
    try chain.hq.stop()
    try chain.expectDone(chain.importing(["id,note", "7,likes tea"], as: "member", into: one))
    try chain.expectDone(chain.importing(["id,note", "7,likes coffee"], as: "member", into: two))
    // One phone for two members as well.
    try chain.expectDone(chain.importing(["id,name,phone", "8,Bo,+12125550144"], as: "member", into: one))
    try chain.expectDone(chain.importing(["id,name,phone", "9,Cy,+12125550144"], as: "member", into: two))
    try chain.startHQ()
    try chain.inSync()

    let note = try number(chain, chain.hq, "note")
    let page = try chain.syncctl(chain.hq, "conflicts", "show", "\(note)")
    #expect(page.output.contains("1") && page.output.contains("--take 1…2"), "\(page.output)")
    let wrong = try chain.syncctl(chain.hq, "conflicts", "settle", "\(note)", "--take", "3")
    #expect(wrong.status == 2 && wrong.problem.contains("a number from 1 to 2"), "\(wrong.errors)")
    let accepted = try chain.syncctl(chain.hq, "conflicts", "settle", "\(note)", "--accept")
    #expect(accepted.status == 2 && accepted.problem.contains("one of its values"), "\(accepted.errors)")
    let settled = try chain.syncctl(
      chain.hq, "conflicts", "settle", "\(note)", "--take", "store 1", "--note", "asked her")
    try chain.expectDone(settled)
    #expect(settled.output.contains("is settled"))
    try chain.inSync()
    for node in [chain.hq, one, two] {
      #expect(try node.rows("SELECT note FROM members WHERE id = '7'") == ["likes tea"], "\(node.name)")
      #expect(try chain.conflicts(at: node).allSatisfy { $0["detail"] != .string("note") }, "\(node.name)")
      let explained = try chain.syncctl(node, "explain", "member", "7", "note").output
      #expect(explained.contains("closed") && explained.contains("likes coffee"), "\(node.name): \(explained)")
      #expect(explained.contains("from HQ"), "\(node.name): who wrote the choice: \(explained)")
      #expect(explained.contains("asked her") == (node === chain.hq), "\(node.name): \(explained)")
    }
    let again = try chain.syncctl(chain.hq, "conflicts", "settle", "\(note)", "--take", "1")
    #expect(again.status == 2 && again.problem.contains("closed already"))

    let clash = try number(chain, chain.hq, "member_phone=+12125550144")
    try chain.expectDone(
      chain.syncctl(chain.hq, "conflicts", "settle", "\(clash)", "--accept", "--note", "a couple", "--json"))
    #expect(try chain.conflicts(at: chain.hq).count == 0)
    #expect(try chain.conflicts(at: one).count == 1, "it is HQ's decision alone")
    let all = try chain.syncctl(chain.hq, "conflicts", "list", "--all", "--entity", "member")
    #expect(all.output.contains("accepted") && all.output.contains("a couple"), "\(all.output)")
    #expect(try chain.syncctl(chain.hq, "status").output.contains("1 accepted"))
  }

  private func number(_ chain: Chain, _ node: Node, _ detail: String) throws -> Int64 {
    let found = try chain.conflicts(at: node).first { $0["detail"] == .string(detail) }
    guard case .integer(let number)? = found?["number"] else {
      try #require(Bool(false), "no case of \(detail)")
      return 0
    }
    return number
  }
}
