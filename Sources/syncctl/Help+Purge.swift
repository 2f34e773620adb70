import NodeRuntime

extension Help {
  static let purge = VerbHelp(
    "purge", ["--data DIR --before DATE|--older-than DAYS [options]"], 0...0,
    "lets go of old sales at a store; HQ keeps them",
    details: """
      Receipts with their lines, payments, stock movements, points and coupons, whole or not at all. It is no deletion: HQ
      and the other stores keep theirs, balances stay as they are, and nothing of it is sent or loaded again. Kept are those
      of the last 30 days, what HQ has not had for long enough, and what is parked, refused or in an open conflict.
      Sales go on meanwhile. The file does not get smaller; what is sold next takes the room.
      """,
    options: [
      data, OptionHelp("before", .value("DATE"), "what was made before this day began in the shop: 2026-01-31"),
      OptionHelp("older-than", .value("DAYS"), "what is older; 30 at the least"),
      OptionHelp(
        "at-hq-for", .value("DAYS"),
        "only what HQ has had for so long (default: 14): as old as the oldest backup of HQ that you might restore"),
      OptionHelp("dry-run", .flag, "only counts"),
      OptionHelp("progress", .flag, "tells every second how far it is, also without a terminal"), json,
    ],
    examples: [
      "syncctl purge --older-than 730 --dry-run --data store-1", "syncctl purge --before 2025-01-01 --data store-1",
    ],
    exits: ["0  done", "1  interrupted; what was dropped stays so"])
}
