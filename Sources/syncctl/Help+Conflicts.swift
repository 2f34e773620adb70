import NodeRuntime

extension Help {
  private static let entity = OptionHelp("entity", .value("NAME"), "only of this entity (default: all)")

  static let conflicts = [
    VerbHelp(
      "conflicts list", ["--data DIR [--all] [--entity NAME] [--json]"], 0...0,
      "what was concurrent, what is shown, by which rule",
      options: [data, OptionHelp("all", .flag, "also what is closed, or was accepted"), entity, json],
      examples: ["syncctl conflicts list --entity member --data hq"]),
    VerbHelp(
      "conflicts show", ["NUMBER --data DIR [--json]"], 1...1, "one conflict case, and how it can be settled",
      options: [data, json], examples: ["syncctl conflicts show 3 --data hq"]),
    VerbHelp(
      "conflicts settle",
      [
        "NUMBER --take CANDIDATE [--note TEXT] --data DIR [--json]",
        "NUMBER --value VALUE | --clear [--note TEXT] --data DIR [--json]",
        "NUMBER --accept [--note TEXT] --data DIR [--json]",
      ], 1...1, "settles a conflict case",
      details: """
        What is taken is written like any other value, with all candidates seen: it goes to all nodes, and closes the case
        at each. Who may write the field may settle it: HQ, or the store. A deletion against an edit takes
        delete or keep. A record that is written once, such as a receipt, is not changed: --accept leaves it as it is shown.
        Records that share what should be unique are settled by changing one of them, or --accept leaves them both. What is
        accepted changes no record, so it holds at this node only; it opens again if more comes to it.
        """,
      options: [
        data,
        OptionHelp(
          "take", .value("CANDIDATE"),
          "a candidate's number in `conflicts show`, its stamp, hq, or “store N”; delete or keep"),
        OptionHelp("value", .value("VALUE"), "another value, as `explain` shows it; money in minor units"),
        OptionHelp("clear", .flag, "no value at all"), OptionHelp("accept", .flag, "it stays as it is"),
        OptionHelp("note", .value("TEXT"), "why, for those who ask later; kept at this node"), json,
      ],
      examples: [
        "syncctl conflicts settle 3 --take 2 --note \"asked at the shop\" --data hq",
        "syncctl conflicts settle 4 --accept --data hq",
      ]),
  ]

  private static let reason = OptionHelp("reason", .value("TEXT"), "why; it goes into the node's log")
  private static let yes = OptionHelp("yes", .flag, "does not ask back; needed where nobody sits at a terminal")

  static let parked = [
    VerbHelp(
      "parked list", ["--data DIR [--json]"], 0...0,
      "received changes that could not be applied, and sent ones that the other end has not applied",
      options: [data, json], examples: ["syncctl parked list --data hq"],
      exits: ["0  there is nothing", "1  there is something"]),
    VerbHelp(
      "parked show", ["NUMBER --data DIR [--json]"], 1...1, "a parked group: which records it touches, and its bytes",
      options: [data, json], examples: ["syncctl parked show 1 --data hq"]),
    VerbHelp(
      "parked retry", ["NUMBER | --all --data DIR [--trust] [--json]"], 0...1,
      "applies parked groups again, as they came",
      details: """
        A group is tried together with those of the same records, in the order in which they came. What still does not fit
        stays parked, with the reason of now. A node does this by itself when it starts with a newer version. HQ with --trust
        takes them whatever the store may write: for what HQ itself had written and has lost, and only stores still have.
        """,
      options: [
        data, OptionHelp("all", .flag, "all that are parked"),
        OptionHelp("trust", .flag, "what the store says is right; only after looking at it"), json,
      ],
      examples: ["syncctl parked retry --all --data hq"],
      exits: ["0  all of it is applied", "1  something is still parked"]),
    VerbHelp(
      "parked drop", ["NUMBER --reason TEXT --data DIR [--yes] [--json]"], 1...1, "drops a parked group for good",
      details: "What it would have written does not come any more, unless its writer writes the records again.",
      options: [data, reason, yes, json],
      examples: ["syncctl parked drop 1 --reason \"a test till\" --yes --data hq"]),
    VerbHelp(
      "parked forget", ["NUMBER | --all --reason TEXT --data DIR [--json]"], 0...1,
      "takes off the list what the other end has not applied, or what was refused here",
      details: """
        Only where a person has seen to it: `status` then no longer counts it, and the nodes are as they are. Most go by
        themselves, once the other end shows that it has the records.
        """,
      options: [data, OptionHelp("all", .flag, "all on the list"), reason, json],
      examples: ["syncctl parked forget 2 --reason \"entered again by hand\" --data store-1"]),
  ]
}
