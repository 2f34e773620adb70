import NodeRuntime

extension Help {
  private static let exits = [
    "0  all stores know and have what they should", "1  some have yet to; the answer names them",
  ]

  static let keys = [
    VerbHelp(
      "key status", ["--data HQ [--json]"], 0...0, "HQ's keys, and which stores know them", options: [data, json],
      examples: ["syncctl key status --data hq"], exits: exits),
    VerbHelp(
      "key rotate", ["--data HQ [--json]"], 0...0, "makes HQ's next key, and tells the stores",
      details: "HQ goes on with the present key. A store that is away hears of it when it comes.",
      options: [data, json], examples: ["syncctl key rotate --data hq"], exits: exits),
    VerbHelp(
      "key switch", ["--data HQ [--force] [--json]"], 0...0, "HQ shows its next key from now on",
      details: """
        Stores take the last one as well until `key drop`, so that a backup of before can still be restored. Links that are open
        stay open. Join codes of before are worthless then.
        """,
      options: [
        data,
        OptionHelp(
          "force", .flag, "also while stores do not know it: they need `store-node set-pin`, which takes a visit"),
        json,
      ], examples: ["syncctl key switch --data hq"], exits: exits),
    VerbHelp(
      "key drop", ["--data HQ [--json]"], 0...0, "stores take HQ's last key no more", options: [data, json],
      examples: ["syncctl key drop --data hq"], exits: exits),
    VerbHelp(
      "store rotate", ["NUMBER|--all --data HQ [--json]"], 0...1, "has stores make themselves new credentials",
      details: """
        Over the link, without a visit. HQ takes the last one until it has seen the new one; whatever is cut off or killed in
        between, the store comes in. A backup of the store from before cannot come in any more: make a new one.
        """,
      options: [data, OptionHelp("all", .flag, "all stores that have joined"), json],
      examples: ["syncctl store rotate 7 --data hq", "syncctl store rotate --all --data hq"], exits: exits),
  ]
}
