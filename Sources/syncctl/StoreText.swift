import NodeRuntime
import Wire

/// The enrolled stores for people.
enum StoreText {
  static func list(_ answer: CBORValue) -> String {
    let stores = answer["stores"]?.arrayValue ?? []
    guard !stores.isEmpty else { return "no store is enrolled; `syncctl store add` enrols one" }
    let header = ["store", "name", "state", "since", "link", "last contact", "address", "software"]
    return TextTable(header, stores.map(row)).lines.joined(separator: "\n")
  }

  private static func row(_ store: CBORValue) -> [String] {
    [
      store["node"]?.textValue ?? "", store["name"]?.textValue ?? "",
      state(of: store),
      store["since"]?.textValue ?? "–", store["isConnected"]?.booleanValue == true ? "connected" : "down",
      store["lastContact"]?.textValue ?? "never", store["address"]?.textValue ?? "–",
      store["software"]?.textValue ?? "–",
    ]
  }

  private static func state(of store: CBORValue) -> String {
    if store["hasJoined"]?.booleanValue == false { return "not joined" }
    return (store["state"]?.textValue ?? "") + (store["fencedAt"] == nil ? "" : ", fenced a copy")
  }

  static func changed(_ answer: CBORValue) -> String {
    let store = answer["store"]
    let number = store?["node"]?.textValue ?? ""
    let what = "store \(number) is \(store?["state"]?.textValue ?? "")"
    switch store?["state"]?.textValue {
    case "revoked":
      return "\(what): it is kept out from now on. `syncctl store add \(number) --again` lets it join anew"
    case "retired": return "\(what): it is kept out, and nothing waits for it any more"
    default: return what
    }
  }
}
