import Dispatch
import Glibc
import Transport

/// Whether a node of ours is at the other end of an address.
enum Reach {
  private static let timeoutMilliseconds = 5_000

  /// Connects, shakes hands, and hangs up. Blocks.
  static func check(_ endpoint: Endpoint, pin: [UInt8]) throws(TransportError) {
    let tls = try TLSClient(pinnedKey: pin)
    let queue = DispatchQueue(label: "storesync.reach")
    let answered = DispatchSemaphore(value: 0)
    let box = AnswerBox<TransportError?>()
    queue.async {
      _ = Connector.connect(to: .tcp(endpoint), tls: tls, queue: queue, timeoutMilliseconds: timeoutMilliseconds) {
        result in
        var error: TransportError?
        switch result {
        case .success(let stream): stream.close(flushing: true)
        case .failure(let problem): error = problem
        }
        if box.put(error) { answered.signal() }
      }
    }
    answered.wait()
    if let answer = box.take(), let error = answer { throw error }
  }
}

extension InstallationCheck {
  /// Whether the ports that the node needs are its own, or free.
  func ports(isHQ: Bool) -> [Finding] {
    var wanted: [(setting: String, text: String)] = []
    if isHQ { wanted.append(("listen", settings["listen"] ?? "[::]:7400")) }
    if let http = settings["http"], http != "off" { wanted.append(("http", http)) }
    let sockets = ListeningSockets.read()
    return wanted.compactMap { setting, text in
      guard let endpoint = Endpoint(parsing: text) else {
        return Finding("ports", .failure, "\(setting): found “\(text)”, expected HOST:PORT", "correct the settings")
      }
      return endpoint.port == 0 ? nil : port(endpoint, sockets.filter { $0.port == endpoint.port })
    }
  }

  private func port(_ endpoint: Endpoint, _ sockets: [ListeningSockets.Socket]) -> Finding {
    let holder = WriterHolder.process(of: directory)
    guard let socket = sockets.first else {
      return isServed
        ? Finding(
          "ports", .warning, "the node runs, and nobody listens at port \(endpoint.port), which the settings name",
          "restart the node, if the settings were changed")
        : Finding("ports", .ok, "port \(endpoint.port) is free")
    }
    let process = socket.process()
    if isServed, process == nil || process?.number == holder {
      return Finding("ports", .ok, "the node listens at port \(endpoint.port)")
    }
    let whose = process.map { "process \($0.number) (\($0.name))" } ?? "a process of another user"
    return Finding(
      "ports", .failure, "port \(endpoint.port) is taken by \(whose)",
      "stop that, or give the node another port in its settings")
  }
}

/// The TCP sockets of this machine that wait for connections, as proc(5) tells them.
enum ListeningSockets {
  struct Socket {
    var port: UInt16
    var inode: String

    /// Who has it open; nil if that is not for this user to see.
    func process() -> (number: Int32, name: String)? {
      for name in DurableFile.names(in: "/proc") {
        guard let number = Int32(name) else { continue }
        let folder = "/proc/\(number)/fd"
        for descriptor in DurableFile.names(in: folder)
        where ListeningSockets.link("\(folder)/\(descriptor)") == "socket:[\(inode)]" {
          return (
            number,
            ListeningSockets.contents("/proc/\(number)/comm").split(separator: "\n").first.map(String.init) ?? "?"
          )
        }
      }
      return nil
    }
  }

  static func read() -> [Socket] {
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { parse(contents($0)) }
  }

  /// Lines of “sl local_address rem_address st … inode”; state 0A is listening.
  static func parse(_ table: String) -> [Socket] {
    table.split(separator: "\n").dropFirst().compactMap { line in
      let words = line.split(separator: " ")
      guard words.count > 9, words[3] == "0A", let digits = words[1].split(separator: ":").last,
        let port = UInt16(digits, radix: 16)
      else { return nil }
      return Socket(port: port, inode: String(words[9]))
    }
  }

  fileprivate static func contents(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    return String(decoding: Console.readToEnd(descriptor, limit: 4 << 20), as: UTF8.self)
  }

  fileprivate static func link(_ path: String) -> String {
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = buffer.withUnsafeMutableBytes { bytes in
      bytes.bindMemory(to: CChar.self).baseAddress.map { readlink(path, $0, bytes.count) } ?? -1
    }
    return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
  }
}

/// Which process writes a node's database: the number in the lock's file.
enum WriterHolder {
  static func process(of directory: DataDirectory) -> Int32? {
    let text = ListeningSockets.contents(directory.databasePath + ".lock")
    return text.split(separator: "\n").first.flatMap { Int32($0) }
  }
}
