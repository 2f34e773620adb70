import NodeRuntime
import StoreModel
import Wire

let usage = """
  usage: syncctl status --data DIR [--json]
         syncctl store add NUMBER --data DIR --name NAME --time-zone ZONE --currency CODE [--code CODE] [--region R] [--json]
         syncctl import FILE --data DIR --entity NAME [--json]
         syncctl conflicts list --data DIR [--all] [--json]
         syncctl explain ENTITY ID [FIELD] --data DIR [--json]
         syncctl parked list --data DIR [--json]

  It asks the node that runs on DIR, or works on its database if none runs.
  Exit status: 0 done and in sync, 1 not in sync or partly done, 2 wrong usage, 3 unreachable, 4 data unsafe.
  """

Program.run(usage: usage) {
  let arguments = try CommandLineArguments(
    CommandLine.arguments.dropFirst(),
    valued: ["data", "name", "time-zone", "currency", "code", "region", "entity"], flags: ["json", "all", "help"])
  if arguments.flag("help") || arguments.words.isEmpty {
    Console.print(usage)
    return arguments.flag("help") ? .done : .usage
  }
  return try Verbs(arguments).run()
}
