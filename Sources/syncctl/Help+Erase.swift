import NodeRuntime

extension Help {
  private static let reason = OptionHelp(
    "reason", .value("TEXT"), "why: a ticket's number; no name, it is kept for good")

  static let erase = [
    VerbHelp(
      "erase member", ["NUMBER --reason TEXT --data HQ [--unknown] [--json]"], 1...1,
      "forgets a member at HQ and at every store, for good, with proof",
      details: """
        Every value goes: fields with all that was concurrent, tags, custom fields, counters; conflict cases and what was decided
        about them; what parked groups hold of it; and the pages and the write-ahead log of each database. A store that is away
        does the same when it comes, and what it has written meanwhile is not kept. Receipts, points and coupons keep the
        number, which alone says nothing. HQ holds the number back: nobody makes the member anew by an import.
        Backups, exported files, and texts that other records hold are not reached.
        """,
      options: [
        data, reason, OptionHelp("unknown", .flag, "also a number that HQ does not hold: a store that is away may"),
        json,
      ], examples: ["syncctl erase member 100 --reason \"request 2026-117\" --data hq"],
      exits: ["0  erased everywhere", "1  begun; the answer says which stores have yet to confirm"]),
    VerbHelp(
      "erase status", ["NUMBER --data HQ [--json]"], 1...1, "where the erasing of a member stands, store by store",
      options: [data, json], examples: ["syncctl erase status 100 --data hq"],
      exits: ["0  erased everywhere", "1  not yet"]),
    VerbHelp(
      "erase list", ["--data HQ [--json]"], 0...0, "all that was erased", options: [data, json],
      examples: ["syncctl erase list --data hq"], exits: ["0  all is erased everywhere", "1  something is not yet"]),
    VerbHelp(
      "erase certificate", ["NUMBER --data HQ [--json]"], 1...1, "a paper that says what was erased where and when",
      details: "It names the member by a digest of the number. There is none before all stores have confirmed.",
      options: [data, json], examples: ["syncctl erase certificate 100 --data hq > request-2026-117.txt"],
      exits: ["0  done", "1  not erased everywhere yet"]),
    VerbHelp(
      "erase vouch", ["NUMBER --store N --reason TEXT --data HQ [--json]"], 1...1,
      "a person answers for a store that cannot confirm: its machine was destroyed",
      options: [
        data, OptionHelp("store", .value("N"), "the store"), reason, json,
      ], examples: ["syncctl erase vouch 100 --store 4 --reason \"disk shredded, ticket 88\" --data hq"],
      exits: ["0  erased everywhere", "1  not yet"]),
    VerbHelp(
      "erase lift", ["NUMBER --data HQ [--force] [--json]"], 1...1,
      "the number of an erased member may be given to somebody else",
      options: [
        data, OptionHelp("force", .flag, "also while stores have not confirmed: what they bring is then the new one's"),
        json,
      ], examples: ["syncctl erase lift 100 --data hq"]),
  ]
}
