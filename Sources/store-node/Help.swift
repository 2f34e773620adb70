import NodeRuntime

enum Help {
  private static let data = OptionHelp("data", .value("DIR"), "the node's directory")

  static let program = ProgramHelp(
    "store-node", "The node of a shop: sells offline and online, and keeps in sync with HQ.",
    verbs: [
      VerbHelp(
        "join",
        [
          "--data DIR [--hq HOST:PORT[,HOST:PORT…]] [CODE | -] [--json]",
          "--data DIR [--hq HOST:PORT[,HOST:PORT…]] --code-file FILE [--json]",
        ], 0...1, "makes the database of a new store from a join code",
        details: """
          `syncctl store add` prints the code at HQ. Without a code it is asked for, or read from standard input, as with -.
          Hyphens, spaces, line breaks and small letters don't matter. HQ must run and be in reach: it takes the code, once,
          for a credential of the store's own. If HQ cannot be asked, nothing is made, and the code stays good.
          """,
        options: [
          data, OptionHelp("code-file", .value("FILE"), "reads the code from a file; other users see a command line"),
          OptionHelp("hq", .value("HOST:PORT,…"), "where HQ is (default: the addresses in the code)"),
          OptionHelp("json", .flag, "answers in JSON, with the number of its schema"),
        ],
        examples: ["store-node join --data store-1 --code-file code", "store-node join --data store-1 - < code"]),
      VerbHelp(
        "run", ["--data DIR"], 0...0, "keeps the store in sync with HQ, until SIGTERM",
        details: """
          The shop works on while HQ cannot be reached. Says “hq ADDRESSES” and “ready” on standard output, and logs
          to standard error from then on.
          """, options: [data], examples: ["store-node run --data store-1"], exits: ["0  ended by SIGTERM or SIGINT"]),
      VerbHelp(
        "set-hq", ["HOST:PORT[,HOST:PORT…] --data DIR"], 1...1, "changes the addresses at which HQ is tried, in turn",
        details: """
          Also while the node runs; HQ's key and the store's identity stay. HQ itself tells its stores when its addresses
          change (`syncctl endpoints set` at HQ): this is for a store that it cannot reach.
          """, options: [data],
        examples: ["store-node set-hq hq2.example.com:7400 --data store-1"]),
    ])
}
