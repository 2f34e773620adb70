import NodeRuntime

/// What `--help` tells.
enum Help {
  static let data = OptionHelp("data", .value("DIR"), "the node's directory (default: that of the installed service)")
  static let json = OptionHelp("json", .flag, "answers in JSON, with the number of its schema")

  static let program = ProgramHelp(
    "syncctl", "Asks the node that runs on DIR; if none runs, works on its database.",
    verbs: [status] + watching + stores + endpoints + [importing] + exporting + conflicts + [explain] + parked
      + [verify, purge] + consumers + webhooks + backups + tokens + [check] + erase + keys,
    notes: """
      Exit status: 0 done and in sync, 1 not in sync or partly done, 2 wrong usage, 3 unreachable, 4 data unsafe.
      """,
    manual: ManualHelp(
      section: 1,
      files: [
        .init("/etc/storesync/hq-node.conf", "says where the data of an installed headquarters is"),
        .init("/etc/storesync/store-node.conf", "says where the data of an installed store is"),
      ], related: ["hq-node(8)", "store-node(8)"]))

  private static let status = VerbHelp(
    "status", ["--data DIR [--store N[,N…]] [--max-age DURATION] [--watch [SECONDS]] [--json]"], 0...0,
    "what is in sync, what is not, and why",
    details: """
      In sync means: the node runs, every other node is connected, has sent all that it has and has all that is for it,
      and nothing is parked, refused or not applied. Of a store that is away HQ knows what the store lacks, and not what
      the store has yet to send: it says since when it has not heard of it, and does not call it in sync.
      --max-age makes allowance for lines that fail: a store that is away, or still sending, or lacks something, counts
      only once that is older.
      """,
    options: [
      data, OptionHelp("store", .value("N[,N…]"), "only these stores (at HQ; default: all that are not retired)"),
      OptionHelp(
        "max-age", .value("DURATION"), "what may be older before it counts: 90s, 15m, 8h, 2d (default: nothing may)"),
      OptionHelp(
        "watch", .number("SECONDS"),
        "goes on, and asks again every so often (default: 2); redraws on a terminal, else a line a change"),
      json,
    ],
    examples: ["syncctl status --data hq --max-age 15m", "syncctl status --data hq --watch --json | jq .inSync"],
    exits: ["0  in sync", "1  not in sync; the answer says why"])

  private static let verify = VerbHelp(
    "verify", ["--data DIR [--store N[,N…]] [--repair] [--json]"], 0...0,
    "compares what stores have with what HQ has for them, record by record (at HQ)",
    details: """
      While all go on working: what is on its way is no difference. HQ does the same by itself, a connected store a day; see
      “verified” in status. --repair sends what one side lacks or has in an older state, and takes from a store what is not
      its own. Where contents differ though both have seen the same, a database was changed behind its node's back: then
      HQ's count. Look first (without --repair), and if the store is right, write the right values anew.
      """,
    options: [
      data, OptionHelp("store", .value("N[,N…]"), "only these stores (default: all that have joined)"),
      OptionHelp("repair", .flag, "mends what differs"), json,
    ],
    examples: ["syncctl verify --data hq", "syncctl verify --store 7 --repair --data hq"],
    exits: [
      "0  nothing differs", "1  records differ, or did and are mended, or a store could not be asked",
      "3  HQ's node does not run",
    ])

  private static let explain = VerbHelp(
    "explain", ["ENTITY ID [FIELD] --data DIR [--json]"], 2...3,
    "every value of a record, who wrote it when, why one is shown, and who settled what",
    options: [data, json], examples: ["syncctl explain member 100 phone --data store-1"])

  // MARK: Stores

  private static let force = OptionHelp(
    "force", .flag, "also if the store may have something that HQ has not got: that is given up")

  private static let stores = [
    VerbHelp(
      "store add",
      [
        "NUMBER --data DIR --name NAME --time-zone ZONE --currency CODE [options]",
        "NUMBER --again --data DIR [options]",
        "--from FILE.csv --codes-to FILE|- --data DIR [--expires HOURS] [--json]",
      ], 0...1, "enrols a store at HQ, and prints its join code",
      details: """
        The code is good once, until it expires. A store that is enrolled and has not joined gets a new one, which
        replaces the one before. With --from, many at once: the file's header names its columns, number, name, timeZone
        and currency, and if wanted code and region. All lines are checked before any store is added. Stores that are
        enrolled already are left alone, so the same file can be given again. The codes go to a file that only its owner
        can read, or to standard output with -, as CSV: number,code.
        """,
      options: [
        data, OptionHelp("name", .value("NAME"), "the shop's name"),
        OptionHelp("time-zone", .value("ZONE"), "its IANA time zone, such as Europe/Berlin"),
        OptionHelp("currency", .value("CODE"), "the ISO 4217 code of what it sells in, such as EUR"),
        OptionHelp("code", .value("CODE"), "the chain's own short name of it (default: the number)"),
        OptionHelp("region", .value("REGION"), "the region that it belongs to (default: none)"),
        OptionHelp("expires", .value("HOURS"), "how long the join code is good (default: 168, a week)"),
        OptionHelp(
          "again", .flag,
          "also if it has joined, or is revoked or retired: its database is then worthless; the rest stays"),
        OptionHelp("from", .value("FILE"), "adds the stores of a CSV file"),
        OptionHelp("codes-to", .value("FILE|-"), "where the join codes go, with --from"), json,
      ],
      examples: [
        "syncctl store add 1 --data hq --name \"First Street\" --time-zone Europe/Berlin --currency EUR",
        "syncctl store add --from stores.csv --codes-to codes.csv --data hq",
      ], exits: ["0  done", "1  with --from: some stores could not be added"]),
    VerbHelp(
      "store list", ["--data DIR [--json]"], 0...0, "the enrolled stores: state, last contact, software",
      options: [data, json], examples: ["syncctl store list --data hq"]),
    VerbHelp(
      "store revoke", ["NUMBER --data DIR [--json]"], 1...1,
      "keeps a store out, at once; the shop sells on by itself", options: [data, force, json],
      examples: ["syncctl store revoke 7 --data hq"]),
    VerbHelp(
      "store retire", ["NUMBER --data DIR [--force] [--json]"], 1...1,
      "a store is gone for good: nothing waits for it any more", options: [data, force, json],
      examples: ["syncctl store retire 7 --data hq"]),
  ]

  // MARK: HQ's addresses

  private static let endpoints = [
    VerbHelp(
      "endpoints", ["--data DIR [--json]"], 0...0, "where the stores reach HQ, and at HQ which of them know it",
      details: "At a store it says where this one tries HQ, and where it was last reached.", options: [data, json],
      examples: ["syncctl endpoints --data hq"]),
    VerbHelp(
      "endpoints set", ["HOST:PORT[,HOST:PORT…] --data DIR [--json]"], 1...1,
      "changes where the stores reach HQ, and tells them all",
      details:
        "Keep the old addresses in the list until all stores have it: the answer says which have not heard it yet.",
      options: [data, json], examples: ["syncctl endpoints set hq2.example.com:7400,hq.example.com:7400 --data hq"]),
  ]
}
