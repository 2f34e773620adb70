import NodeRuntime
import Wire

/// Where stores reach HQ, for people.
enum EndpointText {
  static func text(_ answer: CBORValue) -> String {
    let list = (answer["endpoints"]?.arrayValue ?? []).compactMap(\.textValue).joined(separator: ", ")
    guard answer["role"]?.textValue == "hq" else {
      let source = answer["version"]?.integerValue == 0 ? "as set here" : "as HQ has told"
      let working = answer["working"]?.textValue.map { "\nlast reached at \($0), which is tried first" } ?? ""
      return "HQ is tried at \(list) (\(source))\(working)"
    }
    let stores = answer["stores"]?.arrayValue ?? []
    let without = stores.filter { $0["hasEndpoints"]?.booleanValue != true }
    var lines = ["stores are told \(list)"]
    guard !without.isEmpty else {
      lines.append(stores.isEmpty ? "no store has joined yet" : "all \(stores.count) stores have this list")
      return lines.joined(separator: "\n")
    }
    lines.append(
      "\(stores.count - without.count) of \(stores.count) stores have this list; keep the old addresses for:")
    lines += TextTable(["store", "name", "last contact"], without.map(row)).lines
    return lines.joined(separator: "\n")
  }

  private static func row(_ store: CBORValue) -> [String] {
    [store["node"]?.textValue ?? "", store["name"]?.textValue ?? "", store["lastContact"]?.textValue ?? "never"]
  }
}
