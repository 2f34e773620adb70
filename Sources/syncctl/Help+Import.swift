import NodeRuntime

extension Help {
  private static let encoding = OptionHelp(
    "encoding", .value("NAME"), "of the file: what iconv knows, such as gb18030, latin1, utf-16 (default: utf-8)")
  private static let money = OptionHelp(
    "money", .value("minor|decimal"),
    "amounts as 1234, or as 12.34 in the currency of the record or its store (default: minor)")
  private static let timeZone = OptionHelp(
    "time-zone", .value("ZONE"), "of times without an offset, an IANA name (default: that of the record's store)")
  private static let progress = OptionHelp(
    "progress", .flag, "tells how far it is, also where nobody looks at a terminal")
  private static let format = OptionHelp("format", .value("csv|jsonl"), "whatever the file is called")

  static let importing = VerbHelp(
    "import", ["FILE --entity NAME --data DIR [--dry-run] [--rejects FILE] [OPTION…]"], 1...1,
    "CSV or JSON Lines into records, or a till's receipts into sales; a second time adds nothing",
    details: """
      Takes CSV with a header line, or JSON Lines (files that end in .jsonl); FILE - is standard input. The entity is one of
      the model, or “sale” for a till's sales, returns and voids, each of which becomes one commit group.
      """,
    options: [
      data, OptionHelp("entity", .value("NAME"), "what the lines are: product, member, … or sale"),
      OptionHelp("key", .value("FIELD,…"), "the fields that identify a record whose file has no id"), format, encoding,
      OptionHelp("map", .value("COLUMN=FIELD,…"), "names fields by the file's columns"),
      OptionHelp("ignore", .value("COLUMN,…"), "leaves columns out"), money, timeZone,
      OptionHelp("rejects", .value("FILE"), "writes refused lines to a new file, each with its reason"),
      OptionHelp("dry-run", .flag, "has the node check everything, and commits nothing"), progress, json,
    ],
    examples: ["syncctl import products.csv --entity product --data hq"],
    exits: ["0  done", "1  some lines were refused; each is named"])

  static let exporting: [VerbHelp] = [
    VerbHelp(
      "export", ["--entity NAME --data DIR [--output FILE] [OPTION…]"], 0...0,
      "what an entity's records show, as CSV or JSON Lines that import reads",
      details: "Deleted records are left out; the order is that of the ids.",
      options: [
        data, OptionHelp("entity", .value("NAME"), "whose records: product, member, …"),
        OptionHelp("output", .value("FILE"), "a new file (default: standard output)"), format, encoding,
        OptionHelp("bom", .flag, "marks UTF-8 for spreadsheets"), money, timeZone,
        OptionHelp("counters", .flag, "counters too, which no import takes"),
        OptionHelp(
          "guard-formulas", .flag,
          "an apostrophe before texts that a spreadsheet would run; no longer imports as it was"),
        progress, json,
      ],
      examples: ["syncctl export --entity member --data hq --output members.csv --bom"])
  ]
}
