import NodeAPI
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
        "run", ["--data DIR [--http HOST:PORT] [--log-level LEVEL]", "--config FILE"], 0...0,
        "keeps the store in sync with HQ, until SIGTERM",
        details: """
          The shop works on while HQ cannot be reached. Says “hq ADDRESSES” and “ready” on standard output, and logs
          to standard error from then on.
          """, options: [data, .logLevel, .settingsFile] + HTTPService.options,
        examples: ["store-node run --data store-1"],
        exits: ["0  ended by SIGTERM or SIGINT"]),
      VerbHelp(
        "recover",
        [
          "--data DIR [--incomplete] [--json]",
          "--data DIR [--hq HOST:PORT[,HOST:PORT…]] CODE | - | --code-file FILE",
          "--data DIR --from OLD_DIR [--incomplete] [--json]",
        ], 0...1, "makes a store with a damaged database anew, and keeps what it had not sent",
        details: """
          The store must not run. It gets a new database; the damaged one is only read, and kept in a folder `aside-TIME` in
          DIR. What HQ has not confirmed is taken over as far as it can be read, whole commits only, and the answer names
          what cannot; all else comes from HQ once the store runs. If the damaged database cannot even tell which store it is,
          a join code does: `syncctl store add NUMBER --again` at HQ gives one.

          With --from, DIR holds a store that works, such as one that has just joined again, and OLD_DIR another database of
          the same store: one that was retired, replaced, fenced, or kept aside. What that had not sent is taken over. A
          second time adds nothing.
          """,
        options: [
          data, OptionHelp("from", .value("OLD_DIR"), "takes over from a folder with another database of this store"),
          OptionHelp("incomplete", .flag, "takes what can be read of commits that cannot be read whole, too"),
          OptionHelp("code-file", .value("FILE"), "reads a join code from a file"),
          OptionHelp("hq", .value("HOST:PORT,…"), "where HQ is, with a join code (default: the addresses in it)"),
          OptionHelp("json", .flag, "answers in JSON, with the number of its schema"),
        ],
        examples: ["store-node recover --data store-1", "store-node recover --data store-1 --from store-1-old"],
        exits: ["0  done, nothing is missing", "1  done; the answer says what could not be read"]),
      VerbHelp(
        "set-hq", ["HOST:PORT[,HOST:PORT…] --data DIR"], 1...1, "changes the addresses at which HQ is tried, in turn",
        details: """
          Also while the node runs; HQ's key and the store's identity stay. HQ itself tells its stores when its addresses
          change (`syncctl endpoints set` at HQ): this is for a store that it cannot reach.
          """, options: [data],
        examples: ["store-node set-hq hq2.example.com:7400 --data store-1"]),
      VerbHelp(
        "set-pin", ["PIN --data DIR"], 1...1, "tells the store HQ's new key, if it was away when HQ told its stores",
        details: "The 64 digits that `syncctl key status` shows at HQ. Compare them: whoever has that key is HQ.",
        options: [data], examples: ["store-node set-pin 3f1b…  --data store-1"]),
    ],
    manual: ManualHelp(
      section: 8,
      files: [
        .init("/etc/storesync/store-node.conf", "the settings, where the package is installed"),
        .init("/var/lib/storesync", "the node's directory there; only the user storesync can read it"),
      ], related: ["store-node.conf(5)", "syncctl(1)"]))
}
