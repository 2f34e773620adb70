import NodeRuntime

extension Help {
  private static let progress = OptionHelp(
    "progress", .flag, "tells every second how far it is, also without a terminal")

  static let backups = [
    VerbHelp(
      "backup", ["FILE --data DIR [--progress] [--json]"], 1...1, "copies a node into one file, also while it runs",
      details: """
        The copy is the node at one moment; sales go on, and what is sold meanwhile is not in it. It is checked before it
        gets its name: the file, and that every commit has its records. Nothing is ever overwritten. The file is all that
        is needed to make the node again, so it holds its secrets, and only its owner can read it.
        """,
      options: [data, progress, json],
      examples: ["syncctl backup /mnt/backup/hq-2026-03-02.db --data hq"],
      exits: ["0  done", "1  interrupted; nothing was kept"]),
    VerbHelp(
      "restore", ["FILE --data DIR [--replace] [--progress] [--json]"], 1...1, "makes a node again from a backup",
      details: """
        The backup is checked first. The node takes a new incarnation, so that what it writes from now on is never taken for
        what it wrote before; peers bring back what the backup lacks. The node must not run. With --replace, a database that
        is there is kept in a folder `aside-TIME` in DIR.
        """,
      options: [
        data, OptionHelp("replace", .flag, "also if DIR holds a node, whose database is then kept aside"), progress,
        json,
      ],
      examples: ["syncctl restore /mnt/backup/hq-2026-03-02.db --data hq"],
      exits: ["0  done", "1  interrupted; nothing was changed"]),
    VerbHelp(
      "move out", ["FILE --data DIR [--progress] [--json]"], 1...1, "closes a node for good here, to go on elsewhere",
      details: """
        The node must not run. What it holds goes into a file, and it does not start here any more, so that there are never
        two. `restore` on the new machine makes it again, as what it was: nothing was written in between, so nothing has to be
        brought back. See “HQ on another machine” in OPERATIONS.md.
        """,
      options: [data, progress, json], examples: ["syncctl move out /mnt/usb/hq.db --data hq"],
      exits: ["0  done", "1  interrupted; say it again, or `move back`"]),
    VerbHelp(
      "move back", ["--data DIR"], 0...0, "a node that moved out has not gone after all", options: [data],
      examples: ["syncctl move back --data hq"]),
  ]
}
