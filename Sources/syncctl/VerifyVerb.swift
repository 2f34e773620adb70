import Glibc
import NodeRuntime
import Wire

/// `syncctl verify`: begins the comparison, and waits for it.
struct VerifyVerb {
  /// Between two looks at how it goes.
  private static let lookMicroseconds: UInt32 = 200_000
  /// Records that are named to a person; --json has more.
  private static let namedRecords = 20

  let arguments: CommandLineArguments
  private let stores: [(String, CBORValue)]

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
    stores =
      arguments.value("store").map { list in
        let numbers = list.split(separator: ",", omittingEmptySubsequences: false).map { CBORValue.text(String($0)) }
        return [("stores", .array(numbers))]
      } ?? []
  }

  func run() throws -> ExitStatus {
    let client = try ControlClient(arguments)
    let begun = try client.request(
      "verify", stores + [("start", .boolean(true)), ("repair", .boolean(arguments.flag("repair")))])
    var answer = begun
    let refused = Self.items(begun).filter { $0["problem"] != nil }
    try Patience.during("comparing") {
      while !Self.items(answer).allSatisfy({ $0["isFinished"]?.booleanValue == true }) {
        usleep(Self.lookMicroseconds)
        answer = try client.request("verify", stores)
      }
    }
    // What could not even begin has no later state of its own.
    let merged = Self.items(answer).map { item in refused.first { $0["node"] == item["node"] } ?? item }
    answer = .object(["schema": begun["schema"], "stores": .array(merged)])
    arguments.tell(answer, Self.text)
    return merged.allSatisfy { $0["problem"] == nil && $0["differing"]?.integerValue == 0 } ? .done : .partly
  }

  private static func items(_ answer: CBORValue) -> [CBORValue] { answer["stores"]?.arrayValue ?? [] }

  private static func text(_ answer: CBORValue) -> String {
    let items = items(answer)
    return items.isEmpty ? "no store has joined" : items.flatMap(lines).joined(separator: "\n")
  }

  private static func lines(_ store: CBORValue) -> [String] {
    let name = "store \(store["node"]?.textValue ?? "")"
    if let problem = store["problem"]?.textValue { return ["\(name): not verified: \(problem)"] }
    func count(_ key: String) -> Int64 { store[key]?.integerValue ?? 0 }
    let cost = "\(count("questions")) questions, \(count("bytes")) bytes"
    let differing = count("differing")
    var moving = ""
    if count("moving") > 0 { moving = "; \(count("moving")) were changed all the time, and are looked at next time" }
    guard differing > 0 else {
      return ["\(name): \(count("records")) records, none differs (\(cost))\(moving)"]
    }
    let atLeast = store["isAtLeast"]?.booleanValue == true ? "at least " : ""
    var lines = [
      "\(name): \(atLeast)\(differing) of \(count("records")) records differ, \(count("mended")) are mended (\(cost))\(moving)"
    ]
    let differences = store["differences"]?.arrayValue ?? []
    lines += differences.prefix(namedRecords).map(line)
    if differences.count > namedRecords { lines.append("  … and others; --json has more") }
    return lines
  }

  private static func line(_ difference: CBORValue) -> String {
    let what =
      switch difference["kind"]?.textValue {
      case "missing-at-store": "the store lacks it"
      case "missing-at-hq": "HQ lacks it"
      case "not-its-own": "the store holds it, and it is not its own"
      case "contents": "changed behind a node's back: the contents differ"
      default: "one has not what the other has"
      }
    let isMended = difference["isMended"]?.booleanValue == true
    let waits = difference["isWaiting"]?.booleanValue == true ? "; a parked or refused group touches it" : ""
    return "  \(difference["entity"]?.textValue ?? "") \(difference["id"]?.textValue ?? "")  \(what)"
      + (isMended ? "; mended" : waits)
  }
}
