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
      examples: ["syncctl metrics --data hq", "syncctl metrics --data hq --store 7,12 | grep store_"])
  ]
}
