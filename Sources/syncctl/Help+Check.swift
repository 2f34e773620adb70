import NodeRuntime

extension Help {
  static let check = VerbHelp(
    "check", ["[--data DIR] [--config FILE] [--json]"], 0...0, "what is wrong with an installation, and what to do",
    details: """
      Looks at the rights of the files, the database, the room on the disk, the clock, the way to HQ and the key that answers
      there, ports, the service and the node that runs, HTTP's certificate, time zones and, at HQ, the last backup. It changes
      nothing, and works whether the node runs or not. Run it as root: others cannot see all of it.
      """,
    options: [
      OptionHelp("data", .value("DIR"), "the node's directory (default: that of the settings)"),
      OptionHelp("config", .value("FILE"), "the daemon's settings (default: those of the installed package)"), json,
    ],
    examples: ["sudo syncctl check", "syncctl check --data store-1 --json"],
    exits: ["0  all is well", "1  something is to be seen to", "4  the node does not work, or its data is not safe"])
}
