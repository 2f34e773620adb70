import Base
import Causality
import Dispatch
import Merge
import RecordStore
import StoreModel
import Wire

extension ControlService {
  /// Records that an answer names for each store.
  private static let namedDifferences = 1_000

  /// With `start`, begins to compare; without, tells how it goes. It may take long, so that whoever wants to know asks again.
  func verify(_ request: CBORValue, _ completion: @escaping Completion) {
    guard isHQ(completion) else { return }
    let isRepairing = request["repair"]?.booleanValue ?? false
    let isStarting = request["start"]?.booleanValue ?? false
    var wanted: [NodeNumber]?
    do throws(ControlError) {
      if let texts = request["stores"]?.arrayValue {
        wanted = []
        for text in texts { wanted?.append(try Self.number(.object(["number": text]))) }
      }
    } catch {
      return completion(.failure(error))
    }
    let isRunning = node.isRunning
    guard isRunning else {
      return completion(
        .failure(ControlError(.unreachable, "HQ's node does not run, and only a running one is linked to its stores")))
    }
    let (model, chosen) = (gate.model, wanted)
    gate.read { engine throws(StoreError) -> [NodeNumber] in
      var nodes: [NodeNumber] = []
      for (node, enrolment) in try NodeSettings.enrolments(engine)
      where enrolment.state == .active && enrolment.hasJoined { nodes.append(node) }
      return nodes
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(let known):
        if let stranger = chosen?.first(where: { !known.contains($0) }) {
          return completion(
            .failure(
              ControlError(.notFound, "store \(stranger) is not enrolled, or has not joined; see `syncctl store list`"))
          )
        }
        self.node.queue.async {
          let values = (chosen ?? known).map { node in
            let problem = isStarting ? self.node.verify(node, isRepairing: isRepairing) : nil
            return Self.value(node, problem, problem == nil ? self.node.verification(of: node) : nil, model)
          }
          completion(.success(.object(["schema": .integer(Self.schema), "stores": .array(values)])))
        }
      }
    }
  }

  private static func value(
    _ node: NodeNumber, _ problem: String?, _ report: Verification.Report?, _ model: Model
  ) -> CBORValue {
    let differences = report?.differences ?? []
    return .object([
      "node": .text("\(node)"),
      "isFinished": .boolean(report == nil || report?.finishedAt != nil),
      "problem": (problem ?? report?.problem ?? (report == nil ? "it was not begun" : nil)).map(CBORValue.text),
      "startedAt": report.map { .text(RFC3339.format($0.startedAt)) },
      "finishedAt": report?.finishedAt.map { .text(RFC3339.format($0)) },
      "records": report.map { .unsigned($0.records) },
      "differing": report == nil ? nil : .integer(Int64(differences.count)),
      "mended": report == nil ? nil : .integer(Int64(differences.count { $0.isMended })),
      "moving": report.map { .integer(Int64($0.moving)) },
      "isAtLeast": report.map { .boolean($0.isCutShort) },
      "questions": report.map { .integer(Int64($0.questions)) },
      "bytes": report.map { .integer(Int64($0.bytes)) },
      "differences": .array(
        differences.prefix(namedDifferences).map { difference in
          let schema = model.entity(difference.key.entity)
          return .object([
            "entity": .text(schema?.name ?? "\(difference.key.entity)"),
            "id": .text(schema?.identity.text(of: difference.key.id) ?? difference.key.id.description),
            "kind": .text(difference.kind.rawValue), "isMended": .boolean(difference.isMended),
            "isWaiting": .boolean(difference.isWaiting),
          ])
        }),
    ])
  }
}
