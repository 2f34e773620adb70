import Interchange
import JSON
import Testing

/// Both sides edit while the line is cut; afterwards all show the same, and the reason can be looked up.
@Suite struct ConflictTests {
  @Test("FC-19 concurrent edits of one field: the declared rule, the loser is kept, explain reproduces the decision")
  func editsOnBothSides() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    try chain.expectDone(chain.importing(["id,name,phone", "7,Ann,+12125550131"], as: "member", into: chain.hq))
    try chain.expectDone(chain.importing(["store,product,price", "1,apple,125"], as: "listing", into: chain.hq))
    try chain.expectDone(
      chain.importing(["id,title,store,status", "T1,Count the bread,1,open"], as: "task", into: chain.hq))
    try chain.inSync()
    try chain.hq.stop()

    // A rule each: manual, latest, authority(hq), first, progress.
    try chain.expectDone(chain.importing(["id,note", "7,likes tea"], as: "member", into: one))
    try chain.expectDone(chain.importing(["id,note", "7,likes coffee"], as: "member", into: two))
    try chain.expectDone(chain.importing(["store,product,price", "1,apple,110"], as: "listing", into: chain.hq))
    try chain.expectDone(chain.importing(["store,product,price", "1,apple,90"], as: "listing", into: one))
    try chain.expectDone(chain.importing(["id,claimedBy,status", "T1,Bea,claimed"], as: "task", into: one))
    try chain.expectDone(chain.importing(["id,claimedBy,status", "T1,Cid,done"], as: "task", into: chain.hq))
    try chain.expectDone(chain.importing(["id,name", "7,Anna"], as: "member", into: chain.hq))
    try chain.expectDone(chain.importing(["id,name", "7,Annie"], as: "member", into: two))
    try chain.startHQ()
    try chain.inSync()

    for node in [chain.hq, one, two] {
      #expect(
        try node.rows("SELECT id, name, phone, note FROM members") == ["7|Annie|+12125550131|likes coffee"],
        "\(node.name)")
    }
    for node in [chain.hq, one] {
      #expect(try node.rows("SELECT price FROM listings") == ["110"], "\(node.name): the price of HQ")
      #expect(
        try node.rows("SELECT claimed_by, status FROM tasks") == ["Bea|done"],
        "\(node.name): who was first; what was done")
    }

    let conflicts = try chain.conflicts(at: chain.hq)
    let note = try #require(conflicts.first { $0["detail"] == .string("note") })
    #expect(note["status"] == .string("open") && note["rule"] == .string("manual"))
    #expect(try values(note) == ["likes coffee from 2, shown", "likes tea from 1"])
    let price = try #require(conflicts.first { $0["entity"] == .string("listing") })
    #expect(price["status"] == .string("decided") && price["detail"] == .string("price"))
    #expect(try values(price) == ["110 from hq, shown", "90 from 1"])
    let claim = try #require(conflicts.first { $0["detail"] == .string("claimedBy") })
    #expect(try values(claim) == ["Bea from 1, shown", "Cid from hq"])
    for conflict in conflicts {
      guard case .string(let reason)? = conflict["reason"] else {
        #expect(Bool(false), "a conflict without a reason: \(conflict)")
        continue
      }
      #expect(reason != "")
      #expect(!reason.contains("\n"))
    }
    try explainAgrees(chain, note: note)
  }

  /// Every node gives the same account of the note, and HQ's case says the same.
  private func explainAgrees(_ chain: Chain, note: JSONObject) throws {
    var accounts: Set<JSONValue> = []
    for node in [chain.hq] + chain.stores {
      let explained = try chain.syncctl(node, "explain", "member", "7", "note", "--json")
      try chain.expectDone(explained)
      guard case .array(let fields)? = try explained.json()["fields"], case .object(let field)? = fields.first else {
        try #require(Bool(false), "no fields: \(explained.output)")
        return
      }
      #expect(fields.count == 1 && field["shown"] == .string("likes coffee"))
      #expect(try values(field) == values(note))
      #expect(field["reason"] == note["reason"])
      accounts.insert(.object(field))
    }
    #expect(accounts.count == 1)
    let text = try chain.syncctl(chain.hq, "explain", "member", "7", "note").output
    #expect(
      text.contains("→ \"likes coffee\"  from store 2") && text.contains("  \"likes tea\"  from store 1"), "\(text)")
  }

  @Test func twoStoresClaimOneTask() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    try chain.expectDone(
      chain.importing(["id,title,store,status", "T1,Lend a hand,1,open"], as: "task", into: chain.hq))
    try chain.inSync()
    try chain.hq.stop()
    // The second has heard of it by telephone.
    try chain.expectDone(chain.importing(["id,claimedBy,status", "T1,Bea,claimed"], as: "task", into: one))
    try chain.expectDone(
      chain.importing(
        ["id,title,store,status,claimedBy", "T1,Lend a hand,1,claimed,Cid"], as: "task", into: two))
    try chain.startHQ()
    try chain.inSync()
    for node in [chain.hq, one] {
      #expect(try node.rows("SELECT title, claimed_by FROM tasks") == ["Lend a hand|Bea"], "\(node.name)")
    }
    #expect(try two.rows("SELECT title FROM tasks") == [], "a task of the first store is not the second's to keep")
    let claim = try #require(try chain.conflicts(at: chain.hq).first { $0["detail"] == .string("claimedBy") })
    #expect(claim["rule"] == .string("first") && claim["status"] == .string("decided"))
    #expect(try values(claim) == ["Bea from 1, shown", "Cid from 2"])
  }

  @Test("FC-16 two members with one phone: a conflict that a person can see, never a deletion")
  func onePhoneTwice() throws {
    let chain = try Chain(stores: [1, 2])
    try chain.hq.stop()
    for (store, member) in zip(chain.stores, ["8,Bo", "9,Cy"]) {
      try chain.expectDone(chain.importing(["id,name,phone", "\(member),+12125550144"], as: "member", into: store))
    }
    try chain.startHQ()
    try chain.inSync()
    for node in [chain.hq] + chain.stores {
      #expect(try node.rows("SELECT id, phone FROM members ORDER BY id") == ["8|+12125550144", "9|+12125550144"])
      let conflicts = try chain.conflicts(at: node)
      #expect(conflicts.count == 1 && conflicts.first?["status"] == .string("open"), "\(node.name): \(conflicts)")
      #expect(conflicts.first?["records"] == .array([.string("8"), .string("9")]))
    }
    try chain.expectDone(chain.importing(["id,phone", "9,+12125550145"], as: "member", into: chain.stores[0]))
    try chain.inSync()
    for node in [chain.hq] + chain.stores {
      #expect(try chain.conflicts(at: node).count == 0, "\(node.name): it is settled by the correction")
    }
  }

  @Test("FC-18 the store edits the name, HQ edits the phone: both survive, and there is no conflict")
  func differentFields() throws {
    let chain = try Chain(stores: [1])
    try chain.expectDone(chain.importing(["id,name,phone", "7,Ann,+12125550131"], as: "member", into: chain.hq))
    try chain.inSync()
    try chain.hq.stop()
    try chain.expectDone(chain.importing(["id,phone", "7,+12125550132"], as: "member", into: chain.hq))
    try chain.expectDone(chain.importing(["id,name", "7,Anna"], as: "member", into: chain.stores[0]))
    try chain.startHQ()
    try chain.inSync()
    for node in [chain.hq, chain.stores[0]] {
      #expect(try node.rows("SELECT name, phone FROM members") == ["Anna|+12125550132"])
      #expect(try chain.conflicts(at: node).count == 0)
    }
  }

  /// The candidates as sentences, in alphabetical order.
  private func values(_ conflict: JSONObject) throws -> [String] {
    guard case .array(let candidates)? = conflict["candidates"] else { return [] }
    return candidates.compactMap { candidate in
      guard case .object(let object) = candidate, case .string(let node)? = object["node"] else { return nil }
      let value: String
      switch object["value"] {
      case .string(let text): value = text
      case .integer(let number): value = "\(number)"
      default: value = "?"
      }
      return "\(value) from \(node)\(object["isShown"] == .bool(true) ? ", shown" : "")"
    }.sorted()
  }
}

extension Chain {
  func conflicts(at node: Node) throws -> [JSONObject] {
    let answer = try syncctl(node, "conflicts", "list", "--json")
    try expectDone(answer)
    guard case .array(let items)? = try answer.json()["conflicts"] else { return [] }
    return items.compactMap { if case .object(let object) = $0 { object } else { nil } }
  }
}
