import Base
import RecordStore
import StoreModel
import Testing

/// Requests that take effect once, however often they come.
@Suite struct RequestTests {
  private static let done = RequestAnswer(status: 200, body: Array("{}".utf8))

  private func request(_ key: String, _ digest: UInt8 = 1, scope: String = "till 1") -> RequestIdentity {
    RequestIdentity(scope: scope, key: key, digest: [digest])
  }

  @Test(arguments: BackendKind.allCases) func theSameRequestHasOneEffect(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    #expect(try node.add("a", by: request("k")) == .answered(Self.done))
    #expect(try node.add("a", by: request("k")) == .repeated(Self.done))
    #expect(try node.add("b", by: request("k", 2)) == .keyReused)
    #expect(
      try node.add("c", by: request("k", 2, scope: "till 2")) == .answered(Self.done), "keys are each sender's own")
    #expect(try node.add("d", by: nil) == .answered(Self.done))
    #expect(try ["a", "b", "c", "d"].map { try node.state(Shop.entry, $0) != nil } == [true, false, true, true])
  }

  @Test(arguments: BackendKind.allCases) func whatHadNoEffectIsNotRemembered(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    #expect(try node.add("a", store: 2, by: request("k")) == .answered(RequestAnswer(status: 422, body: [])))
    #expect(try node.add("a", by: request("k", 2)) == .answered(Self.done))
  }

  /// In one transaction with the effect: a disk that is full between the two leaves neither.
  @Test(arguments: BackendKind.allCases) func effectAndAnswerAreDurableTogether(_ kind: BackendKind) throws {
    var failing: FailingBackend?
    let node = try TestNode(kind, 1) { inner in
      let backend = FailingBackend(inner)
      failing = backend
      return backend
    }
    let backend = try #require(failing)
    var failures = 0
    for writes in 0..<20 {
      backend.writesLeft = writes
      if (try? node.add("a", by: request("k"))) != nil { break }
      backend.writesLeft = nil
      failures += 1
      #expect(try node.state(Shop.entry, "a") == nil && backend.answeredRequest(scope: "till 1", key: "k") == nil)
    }
    backend.writesLeft = nil
    #expect(failures > 3)
    #expect(try node.state(Shop.entry, "a") != nil)
    #expect(try node.add("a", by: request("k")) == .repeated(Self.done))
  }

  @Test(arguments: BackendKind.allCases) func answersAreKeptForSevenDays(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    for key in 0..<8 { _ = try node.add("e\(key)", by: request("k\(key)")) }
    func kept() throws -> [Int] {
      try (0..<8).filter { try node.backend.answeredRequest(scope: "till 1", key: "k\($0)") != nil }
    }
    node.wall = node.wall.advanced(byMilliseconds: StoreLimits.requestDays * 86_400_000 - 20_000)
    _ = try node.add("later", by: request("later"))
    #expect(try kept() == Array(0..<8))
    node.wall = node.wall.advanced(byMilliseconds: 30_000)
    _ = try node.add("latest", by: request("latest"))
    #expect(try kept() == Array(StoreLimits.requestDropCount..<8), "a few at a time")
    _ = try node.add("latest 2", by: request("latest 2"))
    #expect(try kept() == [])
    #expect(try node.backend.answeredRequest(scope: "till 1", key: "later") != nil)
  }

  /// A clock that showed 2040 for an hour must not keep answers until then.
  @Test(arguments: BackendKind.allCases) func timesFarAheadGoToo(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let now = node.wall
    node.wall = now.advanced(byMilliseconds: 400_000_000_000)
    _ = try node.add("a", by: request("k"))
    node.wall = now
    _ = try node.add("b", by: request("l"))
    #expect(try node.backend.answeredRequest(scope: "till 1", key: "k") == nil)
  }

  @Test(arguments: BackendKind.allCases) func theOldestGoBeyondACount(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    for key in 0..<6 { _ = try node.add("e\(key)", by: request("k\(key)")) }
    let times = node.wall.advanced(byMilliseconds: -100_000)...node.wall
    try node.backend.transaction { () throws(StoreError) in
      try node.backend.dropAnsweredRequests(keptOutside: times, beyond: 3, limit: 2)
    }
    let kept = try (0..<6).filter { try node.backend.answeredRequest(scope: "till 1", key: "k\($0)") != nil }
    #expect(kept == [2, 3, 4, 5], "two of the three that are too many, as only two are looked at")
  }

  @Test func anAnswerThatIsTooLargeIsAMistakeOfOurs() throws {
    let node = try TestNode(.memory, 1)
    let large = RequestAnswer(status: 200, body: [UInt8](repeating: 0, count: StoreLimits.requestAnswerBytes + 1))
    #expect(throws: StoreError.self) { _ = try node.add("a", by: request("k"), answer: large) }
    #expect(try node.state(Shop.entry, "a") == nil)
  }
}

extension TestNode {
  /// Commits an entry for a request, a second after what was before.
  fileprivate func add(
    _ id: String, store: Int64 = 1, by request: RequestIdentity?,
    answer: RequestAnswer = RequestAnswer(status: 200, body: Array("{}".utf8))
  ) throws -> RequestOutcome {
    wall = wall.advanced(byMilliseconds: 1_000)
    return try Self.once(backend, .entry(id, store: store, "cash", 5), request, answer, wall)
  }

  private static func once(
    _ backend: some StorageBackend, _ write: RecordWrite, _ request: RequestIdentity?, _ answer: RequestAnswer,
    _ wall: WallTime
  ) throws -> RequestOutcome {
    let engine = try StoreEngine(backend)
    return try engine.commit(at: wall) { commit throws(StoreError) in
      try engine.once(request, at: wall) { () throws(StoreError) in
        guard case .committed = try commit(CommitDraft([write])) else {
          return (RequestAnswer(status: 422, body: []), false)
        }
        return (answer, true)
      }
    }
  }
}
