import JSON
import Merge
import NodeRuntime
import RecordStore
import StoreModel

/// What a request writes: one commit group, all of it or nothing.
struct RecordCommit: Sendable {
  /// What became of one record.
  private enum Outcome: String {
    case created, changed, unchanged, deleted, conflict
  }

  let edits: [RecordEdit]
  /// Whether the answer is that of the one record alone.
  let isSingle: Bool

  /// Commits within a transaction, and says what became of it.
  func run(
    _ engine: StoreGate.Engine, _ commit: StoreGate.Commit
  ) throws(StoreError) -> (answer: RequestAnswer, tookEffect: Bool) {
    var before: [RecordState?] = []
    for edit in edits { before.append(try engine.record(edit.key)) }
    let writes: [RecordWrite]
    do throws(Problem) {
      writes = try self.writes(on: before)
    } catch {
      return (RequestAnswer(error), false)
    }
    var conditional = ConditionalDraft(CommitDraft(writes))
    for (place, edit) in edits.enumerated() { conditional.preconditions[place] = edit.precondition }
    switch try engine.commit(conditional, commit) {
    case .preconditionFailed(let place): return (RequestAnswer(failed(edits[place])), false)
    case .done(.refused(let error)): return (RequestAnswer(refused(error)), false)
    case .done(.unchanged): return (try answer(engine, before, stamp: nil), false)
    case .done(.committed(let stamp)): return (try answer(engine, before, stamp: "\(stamp)"), true)
    }
  }

  private func writes(on states: [RecordState?]) throws(Problem) -> [RecordWrite] {
    var writes: [RecordWrite] = []
    for (edit, state) in zip(edits, states) { writes.append(try edit.write(on: state)) }
    return writes
  }

  private func failed(_ edit: RecordEdit) -> Problem {
    let expected: String
    switch edit.precondition {
    case .versions?: expected = "the record has another version, or is not there; read it, and write again"
    case .exists?: expected = "the record is not there"
    case .absent?, nil: expected = "the record is there already"
    }
    let name = edit.path.isEmpty ? nil : "\(edit.path.dropLast("fields.".count))ifMatch"
    return Problem(.preconditionFailed, expected, at: name.map { [.init($0, expected)] } ?? [])
  }

  private func refused(_ error: ModelError) -> Problem {
    // The engine names the entity; of several records of it nobody can tell which.
    let meant = edits.filter { $0.entity.name == error.entity }
    return Problem(error, at: meant.count == 1 ? meant[0].path : isSingle ? "" : "\(error.entity).")
  }

  // MARK: The answer

  private func answer(
    _ engine: StoreGate.Engine, _ before: [RecordState?], stamp: String?
  ) throws(StoreError) -> RequestAnswer {
    var items: [JSONValue] = []
    var contradicted: [RecordEdit] = []
    for (edit, before) in zip(edits, before) {
      let after = try engine.record(edit.key)
      let outcome = outcome(edit, before, after)
      if outcome == .conflict { contradicted.append(edit) }
      let version = after.flatMap { $0.isDeleted(edit.entity.deletion) ? nil : RecordVersion($0.vector).text }
      items.append(
        .members([
          "outcome": .string(outcome.rawValue), "version": version.map(JSONValue.string),
          "stamp": isSingle ? stamp.map(JSONValue.string) : nil,
        ]))
    }
    if let first = contradicted.first { return RequestAnswer(contradiction(first, contradicted.count)) }
    guard !isSingle else { return RequestAnswer(status: 200, body: JSONText.bytes(items[0])) }
    let body = JSONValue.members([
      "outcome": .string(stamp == nil ? "unchanged" : "committed"), "stamp": stamp.map(JSONValue.string),
      "records": .array(items),
    ])
    return RequestAnswer(status: 200, body: JSONText.bytes(body))
  }

  private func outcome(_ edit: RecordEdit, _ before: RecordState?, _ after: RecordState?) -> Outcome {
    let wasThere = before.map { !$0.isDeleted(edit.entity.deletion) } ?? false
    if before?.vector == after?.vector { return .unchanged }
    if edit.action == .delete { return .deleted }
    if !wasThere { return .created }
    return edit.entity.mutability == .immutable ? .conflict : .changed
  }

  /// What the model makes of a fact that is told twice in different ways: both are kept, and a person decides.
  private func contradiction(_ edit: RecordEdit, _ count: Int) -> Problem {
    Problem(
      .conflict,
      "a \(edit.entity.name) is written once, and this one has other contents: it stays as it is, and what was sent is kept "
        + "beside it as a conflict case (GET /v1/conflicts?entity=\(edit.entity.name))"
        + (count > 1 ? "; so are \(count - 1) more records of this commit" : "")
        + (isSingle ? "" : ". The rest of the commit is written"),
      at: edit.path.isEmpty ? [] : [.init(String(edit.path.dropLast()), "other contents than what is there")])
  }
}

extension RecordEdit {
  fileprivate var key: RecordKey { RecordKey(entity: entity.tag, id: id) }
}

extension RequestAnswer {
  init(_ problem: Problem) {
    self.init(status: UInt16(problem.code.status), body: JSONText.bytes(problem.json))
  }

  /// As it goes out, the first time or again.
  var response: HTTPResponse {
    let type = status < 400 ? HTTPResponse.json : Problem.mediaType
    return HTTPResponse(status: Int(status), headers: [.init("Content-Type", type)], body: .bytes(body))
  }
}
