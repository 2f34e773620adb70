import NodeRuntime

extension Help {
  static let consumers = [
    VerbHelp(
      "consumers list", ["--data DIR [--json]"], 0...0, "who follows the change feed under a name, and how far behind",
      details: """
        “behind” counts entries of the log, commit groups about, since what a consumer has acknowledged: by asking for
        /v1/changes?consumer=NAME&after=CURSOR it says that it has all up to there.
        """,
      options: [data, json], examples: ["syncctl consumers list --data hq"]),
    VerbHelp(
      "consumers forget", ["NAME --data DIR [--json]"], 1...1, "forgets a consumer that will not come again",
      options: [data, json], examples: ["syncctl consumers forget webshop --data hq"]),
  ]

  static let webhooks = [
    VerbHelp(
      "webhook add",
      ["URL --name NAME --data DIR [--entity ENTITY[,ENTITY…]] [--from now|beginning] [--allow-http] [--json]"], 1...1,
      "has HQ post to an address what changes, and prints the secret that signs it",
      details: """
        HQ posts pages of changes as JSON, in order, each until the receiver has answered with 200 to 299: at least once. The
        headers are those of Standard Webhooks (standardwebhooks.com): webhook-id, the same with each attempt; webhook-timestamp;
        webhook-signature. Receivers check the signature with one of its libraries and the secret, and do what they do in less
        than 20 s. An answer of 410 pauses the webhook, and so do five days of failure.
        """,
      options: [
        data, OptionHelp("name", .value("NAME"), "what it is called"),
        OptionHelp("entity", .value("ENTITY,…"), "only records of these (default: all)"),
        OptionHelp(
          "from", .value("now|beginning"), "what is posted first: all that is there, or nothing (default: now)"),
        OptionHelp("allow-http", .flag, "also without TLS to another machine: anyone on the way can read it"), json,
      ],
      examples: ["syncctl webhook add https://shop.example.com/hooks/stock --name webshop --entity listing --data hq"]),
    VerbHelp(
      "webhook list", ["--data DIR [--json]"], 0...0, "where HQ posts what changes, and how far each receiver has come",
      options: [data, json], examples: ["syncctl webhook list --data hq"]),
    VerbHelp(
      "webhook test", ["NAME --data DIR [--json]"], 1...1, "posts a message that says nothing, and tells the answer",
      options: [data, json], examples: ["syncctl webhook test webshop --data hq"],
      exits: ["0  the receiver has taken it", "1  it has not", "3  HQ's node does not run"]),
    VerbHelp(
      "webhook pause", ["NAME --data DIR [--json]"], 1...1, "posts nothing to it until it is resumed",
      options: [data, json], examples: ["syncctl webhook pause webshop --data hq"]),
    VerbHelp(
      "webhook resume", ["NAME --data DIR [--json]"], 1...1, "goes on where it was, whatever had paused it",
      options: [data, json], examples: ["syncctl webhook resume webshop --data hq"]),
    VerbHelp(
      "webhook rotate", ["NAME --data DIR [--overlap HOURS] [--json]"], 1...1,
      "gives it a new secret; for a time the one before signs as well",
      options: [
        data,
        OptionHelp("overlap", .value("HOURS"), "how long both sign (default: 24; 0 if the old one is known to others)"),
        json,
      ], examples: ["syncctl webhook rotate webshop --data hq"]),
    VerbHelp(
      "webhook remove", ["NAME --data DIR [--json]"], 1...1, "forgets a webhook, with how far it has come",
      options: [data, json], examples: ["syncctl webhook remove webshop --data hq"]),
  ]
}
