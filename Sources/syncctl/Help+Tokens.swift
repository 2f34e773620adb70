import NodeRuntime

extension Help {
  static let tokens = [
    VerbHelp(
      "token add", ["NAME --role ROLE --data DIR [--output FILE] [--json]"], 1...1,
      "makes a token for a client of the node's HTTP API, and prints it once",
      details: """
        A token has a role: monitor may see the status and the metrics, read also all records, write does what a till or a
        back office does, admin everything. The node keeps only a digest of it. It is valid at this node alone, at once.
        Whoever may read the node's directory needs none: the file “token” there is good until the node ends.
        """,
      options: [
        data, OptionHelp("role", .value("ROLE"), "monitor, read, write or admin"),
        OptionHelp("output", .value("FILE"), "writes it into a new file that only its owner can read"), json,
      ],
      examples: ["syncctl token add till-3 --role write --data store-1 --output till-3.token"],
      exits: ["0  done", "2  there is a token of that name"]),
    VerbHelp(
      "token list", ["--data DIR [--json]"], 0...0, "the tokens that are valid at the node, without their secrets",
      options: [data, json], examples: ["syncctl token list --data store-1"]),
    VerbHelp(
      "token revoke", ["NAME --data DIR [--json]"], 1...1, "makes a token worthless, at once",
      details: "To rotate one: add another, give it to the client, then revoke the old.", options: [data, json],
      examples: ["syncctl token revoke till-3 --data store-1"]),
  ]
}
