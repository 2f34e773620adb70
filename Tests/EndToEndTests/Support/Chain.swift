import Foundation
import Glibc
import Interchange
import JSON
import NodeRuntime
import StoreModel
import Testing
import Wire

/// What a program that has ended left behind.
struct Finished {
  let status: Int32
  let output: String
  let errors: String

  /// The first line of what it said went wrong.
  var problem: String { String(errors.prefix { $0 != "\n" }) }

  func json() throws -> JSONObject {
    guard case .object(let object) = try JSONParser.parse(Array(output.utf8)[...]) else {
      try #require(Bool(false), "found no object: \(output)")
      return JSONObject()
    }
    return object
  }
}

/// A node's directory, and its daemon while that runs.
final class Node: @unchecked Sendable {
  let directory: String
  let name: String
  fileprivate(set) var daemon: Child?
  private let scratch: Scratch
  private var runs = 0

  fileprivate init(_ name: String, _ scratch: Scratch, in directory: String? = nil) {
    self.name = name
    self.scratch = scratch
    self.directory = directory ?? "\(scratch.path)/\(name)"
  }

  var database: Database { get throws { try Database("\(directory)/storesync.db") } }
  /// What the daemon, or the last one, has logged.
  var log: String { readFile("\(scratch.path)/\(name).\(runs).log") }

  fileprivate func run(_ program: String, _ arguments: [String]) throws -> Child {
    runs += 1
    return try Child(
      program, arguments, errors: "\(scratch.path)/\(name).\(runs).log", isGuarded: true)
  }

  /// Ends the daemon as an administrator does.
  func stop() throws {
    try daemon?.send(signal: SIGTERM)
    if let daemon { #expect(try daemon.status() == 0, "\(daemon.errors)") }
    daemon = nil
  }

  /// Ends the daemon as a power cut does.
  func kill() throws {
    try daemon?.kill()
    daemon = nil
  }
}

/// HQ and its stores, as real processes in a directory of their own.
final class Chain: @unchecked Sendable {
  let scratch: Scratch
  let hq: Node
  private(set) var stores: [Node] = []
  /// Where HQ listens, once it has run; it keeps its port from then on.
  private(set) var address = "127.0.0.1:0"
  /// What stands behind `run` beside the directory and the address.
  var hqOptions: [String] = []
  var storeOptions: [String] = []
  private var commands = 0

  init(hqDirectory: String? = nil) throws {
    scratch = try Scratch()
    hq = Node("hq", scratch, in: hqDirectory)
    try expectDone(run("hq-node", ["init", "--data", hq.directory, "--advertise", "127.0.0.1:7400"]))
  }

  /// A chain whose nodes all run and are in sync.
  convenience init(stores numbers: [Int]) throws {
    try self.init()
    for number in numbers { try addStore(number) }
    try startHQ()
    for store in stores { try start(store) }
    try inSync()
  }

  // MARK: Programs

  /// Runs a program to its end.
  func run(_ program: String, _ arguments: [String], input: String? = nil) throws -> Finished {
    commands += 1
    let inputPath = try input.map { try scratch.file("input.\(commands)", [$0]) }
    let child = try Child(
      program, arguments, input: inputPath ?? "/dev/null", errors: "\(scratch.path)/command.\(commands).log",
      isGuarded: false)
    let output = try child.rest()
    return Finished(status: try child.status(), output: output, errors: child.errors)
  }

  func syncctl(_ node: Node, _ words: String...) throws -> Finished {
    try run("syncctl", words + ["--data", node.directory])
  }

  func syncctl(_ node: Node, words: [String]) throws -> Finished {
    try run("syncctl", words + ["--data", node.directory])
  }

  // MARK: Nodes

  func joinCode(_ number: Int) throws -> String {
    let added = try syncctl(
      hq, "store", "add", "\(number)", "--name", "Store \(number)", "--time-zone", "America/New_York", "--currency",
      "USD")
    try expectDone(added)
    return added.output
  }

  /// Adds a store, which joins at HQ; HQ runs for as long as that takes if it does not run anyway.
  @discardableResult
  func addStore(_ number: Int, code: String? = nil, in directory: String? = nil) throws -> Node {
    let node = Node("store-\(number)", scratch, in: directory)
    let code = try code ?? joinCode(number)
    try expectDone(join(node.directory, code: code))
    stores.append(node)
    return node
  }

  func join(_ directory: String, code: String) throws -> Finished {
    let isResting = hq.daemon == nil
    if isResting { try startHQ() }
    defer { if isResting { try? hq.stop() } }
    return try run("store-node", ["join", "--data", directory, "--hq", address, "-"], input: code)
  }

  /// Takes in a store that joins in its own way.
  func adopt(_ name: String, _ join: (String) throws -> Finished) throws -> Node {
    let node = Node(name, scratch)
    try expectDone(join(node.directory))
    stores.append(node)
    return node
  }

  /// Ends a store for good; its directory goes too.
  func remove(_ store: Node) throws {
    try store.stop()
    stores.removeAll { $0 === store }
    try FileManager.default.removeItem(atPath: store.directory)
  }

  /// Ends a store that does not count any more; its directory stays.
  func remove(keeping store: Node) throws {
    try store.stop()
    stores.removeAll { $0 === store }
  }

  /// HQ listens elsewhere from its next start on, and nobody tells the stores.
  func moveHQ() throws {
    address = "127.0.0.1:\(try freePort())"
  }

  /// Starts HQ; from the second time on at the port that it had.
  func startHQ() throws {
    // Another process may have been given the port meanwhile, as one of its own for a while.
    try eventually("HQ to get its port \(address) back") {
      let daemon = try hq.run("hq-node", ["run", "--data", hq.directory, "--listen", address] + hqOptions)
      guard let line = try daemon.line() else {
        let errors = daemon.errors
        try #require(errors.contains("in use"), "HQ does not start: \(errors)")
        return false
      }
      try #require(line.hasPrefix("listening "))
      address = String(line.dropFirst("listening ".count))
      _ = try daemon.line(after: "ready")
      hq.daemon = daemon
      return true
    }
  }

  /// Starts a store and tells it first where HQ listens.
  func start(_ store: Node, isTold: Bool = true) throws {
    if isTold, !address.hasSuffix(":0") {
      try expectDone(run("store-node", ["set-hq", address, "--data", store.directory]))
    }
    let daemon = try store.run("store-node", ["run", "--data", store.directory] + storeOptions)
    _ = try daemon.line(after: "ready")
    store.daemon = daemon
  }

  /// Begins an import and does not wait for its end.
  func beginImport(_ path: String, as entity: String, into node: Node) throws -> Child {
    commands += 1
    return try Child(
      "syncctl", ["import", path, "--entity", entity, "--json", "--data", node.directory],
      errors: "\(scratch.path)/command.\(commands).log", isGuarded: true)
  }

  // MARK: What holds

  /// Waits until every node says that it is in sync.
  func inSync(
    within limit: Int64 = patienceMilliseconds, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var last = ""
    try eventually("all in sync; \(last)", within: limit, sourceLocation: sourceLocation) {
      // The stores first: what they have sent is at HQ when HQ is asked.
      for node in stores + [hq] {
        let status = try syncctl(node, "status")
        last = status.output + status.errors
        guard status.status == 0 else { return false }
      }
      return true
    }
  }

  /// Imports lines into a node, as JSON for sales and CSV for all else.
  func importing(
    _ lines: [String], as entity: String, into node: Node, _ more: String...
  ) throws -> Finished {
    commands += 1
    let name = "import.\(commands).\(entity == "sale" ? "jsonl" : "csv")"
    return try syncctl(node, words: ["import", scratch.file(name, lines), "--entity", entity, "--json"] + more)
  }

  /// Deletes a record, as a back office does.
  func delete(_ entity: EntityTag, _ id: RecordID, at node: Node) throws {
    let client = try ControlClient(directory: DataDirectory(node.directory), model: .retail)
    let draft = CommitDraft([RecordWrite(entity: entity, id: id, .delete)])
    let answer = try client.request("commit", [("drafts", .array([draft.controlValue]))])
    try #require(answer.arrayValue?.first?["outcome"]?.textValue == "committed", "\(answer)")
  }

  func expectDone(_ finished: Finished, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try #require(
      finished.status == 0, "status \(finished.status): \(finished.errors)\(finished.output)",
      sourceLocation: sourceLocation)
  }
}
