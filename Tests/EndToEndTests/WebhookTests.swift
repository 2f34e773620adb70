import Foundation
import Glibc
import JSON
import Testing

/// HQ posts to a receiver that is another program: down, refusing, and back, over restarts of HQ.
@Suite(.serialized) struct WebhookTests {
  /// Keeps what it is sent that is signed with the secret in a file, and answers with the status in another.
  private static let receiver = """
    import base64, hashlib, hmac, http.server, json, os, sys
    folder, port = sys.argv[1], int(sys.argv[2])
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def log_message(self, *arguments): pass
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            secret = base64.b64decode(open(folder + "/secret").read().strip().removeprefix("whsec_"))
            signed = f'{self.headers["webhook-id"]}.{self.headers["webhook-timestamp"]}.'.encode() + body
            wanted = "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
            status = int(open(folder + "/status").read())
            if wanted not in self.headers["webhook-signature"].split(" "): status = 401
            message = json.loads(body)
            items = message["data"].get("items", [])
            line = " ".join([str(status), message["type"]] + [item["id"] for item in items])
            with open(folder + "/log", "a") as log: log.write(line + "\\n")
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print("listening", server.server_address[1], flush=True)
    server.serve_forever()
    """

  private final class Receiver {
    let folder: String
    var port = 0
    private var process: Process?

    init(_ chain: Chain) throws {
      folder = chain.scratch.path + "/receiver"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try WebhookTests.receiver.write(toFile: folder + "/receiver.py", atomically: true, encoding: .utf8)
      try answer(200)
      try start()
    }

    deinit { stop() }

    func start() throws {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["python3", folder + "/receiver.py", folder, "\(port)"]
      let pipe = Pipe()
      process.standardOutput = pipe
      try process.run()
      self.process = process
      var line = ""
      while !line.hasSuffix("\n") {
        let more = pipe.fileHandleForReading.availableData
        try #require(!more.isEmpty, "the receiver has ended")
        line += String(decoding: more, as: UTF8.self)
      }
      port = try #require(Int(line.split(whereSeparator: \.isWhitespace).last ?? ""), "\(line)")
    }

    func stop() {
      // It inherits the signals that this process's threads hold back, SIGTERM among them.
      if let process { kill(process.processIdentifier, SIGKILL) }
      process?.waitUntilExit()
      process = nil
    }

    func answer(_ status: Int) throws {
      try "\(status)".write(toFile: folder + "/status", atomically: true, encoding: .utf8)
    }

    var lines: [String] { readFile(folder + "/log").split(separator: "\n").map(String.init) }
  }

  private func add(_ name: String, to chain: Chain) throws {
    let file = try chain.scratch.file("\(name).csv", ["id,name,unit", "\(name),\(name) 250 g,each"])
    try chain.expectDone(chain.syncctl(chain.hq, "import", file, "--entity", "product"))
  }

  @Test func aReceiverGetsEverythingWhateverHappens() throws {
    let chain = try Chain()
    try chain.startHQ()
    let receiver = try Receiver(chain)
    let added = try chain.syncctl(
      chain.hq, "webhook", "add", "http://127.0.0.1:\(receiver.port)/hook", "--name", "webshop", "--entity", "product")
    try chain.expectDone(added)
    let secret = try #require(added.output.split(separator: "\n").last)
    try String(secret).write(toFile: receiver.folder + "/secret", atomically: true, encoding: .utf8)
    try chain.expectDone(chain.syncctl(chain.hq, "webhook", "test", "webshop"))
    try add("tea", to: chain)
    try eventually("the first message") { receiver.lines == ["200 test", "200 changes tea"] }

    // It is down while HQ is restarted, and refuses at first when it is back.
    receiver.stop()
    try add("milk", to: chain)
    #expect(try chain.syncctl(chain.hq, "webhook", "test", "webshop").status == 1)
    try eventually("the failure to show") {
      try chain.syncctl(chain.hq, "webhook", "list").output.contains("failing")
    }
    try chain.hq.stop()
    try receiver.answer(503)
    try receiver.start()
    try chain.startHQ()
    try eventually("a refusal") { receiver.lines.last == "503 changes milk" }
    try receiver.answer(204)
    try add("rice", to: chain)
    try eventually("the rest") { receiver.lines.last?.hasSuffix("rice") == true && receiver.lines.last?.first == "2" }
    #expect(receiver.lines.contains { $0.hasPrefix("204 changes milk") })

    // It wants no more, until a person says that it does.
    try receiver.answer(410)
    try add("salt", to: chain)
    try eventually("the pause to show") {
      try chain.syncctl(chain.hq, "status").output.contains("webhook webshop: paused")
    }
    try receiver.answer(200)
    let rotated = try chain.syncctl(chain.hq, "webhook", "rotate", "webshop")
    try chain.expectDone(rotated)
    try chain.expectDone(chain.syncctl(chain.hq, "webhook", "resume", "webshop"))
    // Signed with the old secret as well.
    try eventually("what was held back") { receiver.lines.last == "200 changes salt" }

    // HQ goes back to a backup: the receiver is told, and gets all anew.
    let backup = "\(chain.scratch.path)/backup.db"
    try chain.expectDone(chain.syncctl(chain.hq, "backup", backup))
    try add("lost", to: chain)
    try eventually("the last before") { receiver.lines.last == "200 changes lost" }
    try chain.hq.stop()
    try chain.expectDone(chain.syncctl(chain.hq, "restore", backup, "--replace"))
    try chain.startHQ()
    try eventually("all anew") {
      receiver.lines.suffix(2) == ["200 changes.reset", "200 changes tea milk rice salt"]
    }
    try chain.expectDone(chain.syncctl(chain.hq, "webhook", "remove", "webshop"))
    #expect(try chain.syncctl(chain.hq, "webhook", "list").output.contains("posts to no webhook"))
  }

  @Test func whatIsWrongIsSaid() throws {
    let chain = try Chain(stores: [1])
    let cases: [([String], String)] = [
      (["http://example.com/", "--name", "a"], "http:// to another machine"),
      (["ftp://example.com/", "--name", "a"], "expected an address as https://"),
      (["https://example.com/", "--name", "Not One"], "small letters"),
      (["https://example.com/", "--name", "a", "--entity", "nothing"], "expected some of"),
    ]
    for (words, problem) in cases {
      let refused = try chain.syncctl(chain.hq, words: ["webhook", "add"] + words)
      #expect(refused.status == 2)
      #expect(refused.errors.contains(problem), "\(refused.errors)")
    }
    #expect(try chain.syncctl(chain.hq, "webhook", "resume", "a").status == 2)
    let atStore = try chain.syncctl(chain.stores[0], words: ["webhook", "list"])
    #expect(atStore.status == 2 && atStore.errors.contains("HQ sends webhooks"))
  }
}
