import Base
import Causality
import Dispatch
import Merge
import RecordStore
import StoreModel
import SyncSession
import Wire

// Erasing a record about a person at every node, and showing it.

extension ControlService {
  /// Erases at HQ, and has the stores asked. The answer says where it stands.
  func erase(_ request: CBORValue, _ completion: @escaping Completion) {
    guard isHQForErasing(completion), let key = erasureKey(request, completion) else { return }
    let reason = request["reason"]?.textValue ?? ""
    let mayBeUnknown = request["unknown"]?.booleanValue ?? false
    let now = gate.clock.now
    let file = ErasureFile(gate.directory)
    gate.write { engine throws(StoreError) -> EraseResult in
      let result = try engine.erase(key, reason: reason, mayBeUnknown: mayBeUnknown, at: now)
      guard case .erased(let erasure) = result else { return result }
      if try !file.entries().contains(where: { $0.key == key && $0.requestedAt == erasure.requestedAt }) {
        try file.append([ErasureFile.Entry(erasure)])
      }
      _ = try ErasureCleaning.clean(engine, at: now)
      return result
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(.unfit(let problem)): completion(.failure(ControlError(.usage, problem)))
      case .success(.notFound):
        completion(
          .failure(
            ControlError(
              .notFound,
              "HQ holds no such record; look at the number, or say --unknown if a store that is away may hold it")))
      case .success(.erased):
        self.node.log(
          LogEvent(.info, "erase.requested", "a record is erased at a person's request, at HQ and all stores"))
        self.node.queue.async {
          self.node.erasuresChanged()
          self.erasures(request, completion)
        }
      }
    }
  }

  /// Where erasures stand: one, or all.
  func erasures(_ request: CBORValue, _ completion: @escaping Completion) {
    guard isHQForErasing(completion) else { return }
    var key: RecordKey?
    if request["entity"] != nil {
      guard let found = erasureKey(request, completion) else { return }
      key = found
    }
    let (model, now, directory, wanted) = (gate.model, gate.clock.now, gate.directory, key)
    node.queue.async {
      let peers = self.node.peerStatuses()
      var problems: [NodeNumber: String] = [:]
      for peer in peers { problems[peer.node] = self.node.erasureProblem(of: peer.node) }
      let known = problems
      self.read(completion) { engine throws(StoreError) in
        try ErasureReport.all(engine, only: wanted, peers: peers, problems: known, directory: directory)
      } then: { reports in
        guard wanted == nil || !reports.isEmpty else {
          return .failure(
            ControlError(.notFound, "this record was not erased; `syncctl erase list` has those that were"))
        }
        return .success(
          .object([
            "schema": .integer(Self.schema), "erasures": .array(reports.map { $0.value(model, at: now) }),
          ]))
      }
    }
  }

  /// The id may be used again.
  func liftErasure(_ request: CBORValue, _ completion: @escaping Completion) {
    guard isHQForErasing(completion), let key = erasureKey(request, completion) else { return }
    let isForced = request["force"]?.booleanValue ?? false
    let now = gate.clock.now
    let directory = gate.directory
    gate.write { engine throws(StoreError) -> String? in
      let report = try ErasureReport.all(engine, only: key, peers: [], problems: [:], directory: directory).first
      guard let report else { return "this record was not erased" }
      guard isForced || report.isComplete || !report.erasure.isInForce else {
        let open = report.places.filter { !$0.standing.isDone }.map { "store \($0.node)" }.joined(separator: ", ")
        return
          "not all stores have confirmed yet (\(open.isEmpty ? "HQ itself" : open)): what they bring would then belong to "
          + "whoever gets the number next. Wait, or say --force"
      }
      _ = try engine.liftErasure(of: key, at: now)
      return nil
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(let problem?): completion(.failure(ControlError(.notAllowed, problem)))
      case .success(nil): self.erasures(request, completion)
      }
    }
  }

  /// A person answers for a store that cannot confirm.
  func vouchForErasure(_ request: CBORValue, _ completion: @escaping Completion) {
    guard isHQForErasing(completion), let key = erasureKey(request, completion) else { return }
    let reason = request["reason"]?.textValue ?? ""
    let number: NodeNumber
    do throws(ControlError) {
      number = try Self.number(request)
    } catch {
      return completion(.failure(error))
    }
    guard (1...StoreLimits.noteBytes).contains(reason.utf8.count) else {
      return completion(
        .failure(
          ControlError(.usage, "found a reason of \(reason.utf8.count) bytes, expected 1 to \(StoreLimits.noteBytes)")))
    }
    let now = gate.clock.now
    gate.write { engine throws(StoreError) -> ControlError? in
      guard let enrolment = try NodeSettings.enrolment(of: number, engine) else {
        return ControlError(.notFound, "store \(number) is not enrolled; see `syncctl store list`")
      }
      guard try engine.erasure(of: key) != nil else {
        return ControlError(.notFound, "this record was not erased")
      }
      let confirmation = ErasureConfirmation(
        node: number, at: now, incarnation: enrolment.history.incarnations.last ?? 0, voucher: reason)
      try engine.confirm([key], confirmation)
      return nil
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(let error?): completion(.failure(error))
      case .success(nil):
        self.node.queue.async {
          self.node.erasuresChanged()
          self.erasures(request, completion)
        }
      }
    }
  }

  private func isHQForErasing(_ completion: Completion) -> Bool {
    guard !gate.identity.isHQ else { return true }
    completion(
      .failure(
        ControlError(
          .notAllowed,
          "HQ erases, for all its stores; this is store \(gate.identity.replica.node). Ask at HQ")))
    return false
  }

  private func erasureKey(_ request: CBORValue, _ completion: Completion) -> RecordKey? {
    let name = request["entity"]?.textValue ?? ""
    guard let schema = gate.model.entity(named: name), schema.isErasable else {
      let known = gate.model.entities.filter(\.isErasable).map(\.name).joined(separator: ", ")
      completion(.failure(ControlError(.usage, "found “\(name)”, expected a kind of record about a person: \(known)")))
      return nil
    }
    do throws(IdentityError) {
      return RecordKey(entity: schema.tag, id: try schema.identity.parse(request["id"]?.textValue ?? ""))
    } catch {
      completion(.failure(ControlError(.usage, "\(error)")))
      return nil
    }
  }
}
