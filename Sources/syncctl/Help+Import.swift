import NodeRuntime

extension Help {
  static let importing = VerbHelp(
    "import", ["FILE --entity NAME --data DIR [--key FIELD,…] [--format jsonl] [--dry-run] [--json]"], 1...1,
    "CSV or JSON Lines into records, or baskets into sales; a second time adds nothing",
    details: """
      Takes CSV with a header line, or JSON Lines (files that end in .jsonl); FILE - is standard input. The entity is one of
      the model, or “sale” for baskets, each of which becomes one commit group.
      """,
    options: [
      data, OptionHelp("entity", .value("NAME"), "what the lines are: product, member, … or sale"),
      OptionHelp("key", .value("FIELD,…"), "the fields that identify a record whose file has no id"),
      OptionHelp("format", .value("jsonl"), "reads JSON Lines whatever the file is called"),
      OptionHelp("dry-run", .flag, "checks, and writes nothing"), json,
    ],
    examples: ["syncctl import products.csv --entity product --data hq"],
    exits: ["0  done", "1  some lines were refused; each is named"])

  static let exporting: [VerbHelp] = []
}
