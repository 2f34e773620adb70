import NodeRuntime
import StoreModel
import Wire

let usage = """
  usage: syncctl status --data DIR [--json]
         syncctl store add NUMBER --data DIR --name NAME --time-zone ZONE --currency CODE [--code CODE] [--region R]
                 [--expires HOURS] [--again] [--json]
         syncctl store list --data DIR [--json]
         syncctl store revoke NUMBER --data DIR [--json]
         syncctl store retire NUMBER --data DIR [--force] [--json]
         syncctl endpoints [set HOST:PORT[,HOST:PORT…]] --data DIR [--json]
         syncctl import FILE --data DIR --entity NAME [--key FIELD,…] [--format jsonl] [--dry-run] [--json]
         syncctl conflicts list --data DIR [--all] [--json]
         syncctl explain ENTITY ID [FIELD] --data DIR [--json]
         syncctl parked list --data DIR [--json]

  import takes CSV with a header line, or JSON Lines (files that end in .jsonl); FILE - is standard input. The entity is
  one of the model, or “sale” for baskets, each of which becomes one commit group. --key names the fields that identify
  a record whose file has no id. Importing a file twice adds nothing.
  store add prints a join code, good once and for --expires hours (a week); --again gives one to a store that has joined, or is revoked or retired: its database so
  far is then worthless, and the record's name, time zone and currency stay unless they are given. revoke keeps a store
  out at once, retire for good; --force also while HQ cannot know whether the store has sent everything.
  endpoints shows where the stores reach HQ; at HQ, set changes that, tells every store, and shows who has not heard it
  yet: keep the old addresses until all have. At a store it says where this one tries HQ.
  It asks the node that runs on DIR, or works on its database if none runs.
  Exit status: 0 done and in sync, 1 not in sync or partly done, 2 wrong usage, 3 unreachable, 4 data unsafe.
  """

Program.run {
  let arguments = try CommandLineArguments(
    CommandLine.arguments.dropFirst(),
    valued: ["data", "name", "time-zone", "currency", "code", "region", "entity", "key", "format", "expires"],
    flags: ["json", "all", "help", "dry-run", "again", "force"])
  if arguments.flag("help") || arguments.words.isEmpty {
    Console.print(usage)
    return arguments.flag("help") ? .done : .usage
  }
  return try Verbs(arguments).run()
}
