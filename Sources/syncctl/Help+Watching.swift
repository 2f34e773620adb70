import NodeRuntime

extension Help {
  static let watching = [
    VerbHelp(
      "metrics", ["--data DIR [--store N[,N…]] [--json]"], 0...0,
      "counters and gauges in the text format of Prometheus, as GET /metrics gives them",
      details: """
        What is counted begins anew with each start of the node; if no node runs, only what stands in the database says
        anything. At HQ stores are counted and added up; --store gives series of their own to 100 stores at the most.
        """,
      options: [data, OptionHelp("store", .value("N[,N…]"), "at HQ: series of their own for these stores"), json],
      examples: ["syncctl metrics --data hq", "syncctl metrics --data hq --store 7,12 | grep store_"]),
    VerbHelp(
      "bundle", ["FILE --data DIR [--log FILE] [--json]"], 1...1,
      "what somebody who helps from afar needs to know, without personal data and secrets",
      details: """
        Versions, status, metrics, settings, enrolments, counts, the schema, conflicts and parked groups without their values,
        and the last lines of the log, in one archive that `tar` reads; with .tar.zst it is compressed. Also of a node that
        does not run, and of one whose database is damaged: what cannot be found out is listed. Nothing is changed.
        """,
      options: [
        data, OptionHelp("log", .value("FILE"), "the node's log, where journald does not have it"), json,
      ],
      examples: [
        "syncctl bundle /tmp/hq.tar.zst --data hq", "syncctl bundle shop-7.tar --data store-7 --log store-7.log",
      ]),
  ]
}
