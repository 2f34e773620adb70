import Base
import Causality
import Dispatch
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Wire

// Listing, revoking and retiring the stores of an HQ.

extension ControlService {
  typealias Completion = @Sendable (Result<CBORValue, ControlError>) -> Void

  /// Whether this is HQ; else answers that it is not.
  func isHQ(_ completion: Completion) -> Bool {
    if gate.identity.isHQ { return true }
    completion(
      .failure(
        ControlError(.notAllowed, "stores are enrolled at HQ; this is store \(gate.identity.replica.node)")))
    return false
  }

  func listStores(_ completion: @escaping Completion) {
    guard isHQ(completion) else { return }
    node.queue.async {
      let peers = self.node.peerStatuses()
      self.read(completion) { engine throws(StoreError) in
        var items: [CBORValue] = []
        for (node, enrolment) in try NodeSettings.enrolments(engine) {
          let store = try engine.shown(Store.self, RecordID(number: node.rawValue))
          items.append(enrolment.value(of: node, store, peers.first { $0.node == node }))
        }
        return .object(["schema": .integer(Self.schema), "stores": .array(items)])
      } then: {
        .success($0)
      }
    }
  }

  /// Takes effect at once: an open link is closed.
  func revokeStore(_ request: CBORValue, _ completion: @escaping Completion) {
    change(request, to: .revoked, completion) { (node, enrolment) throws(ControlError) in
      guard enrolment.state != .retired else {
        throw ControlError(.notAllowed, "store \(node) is retired, and kept out already")
      }
    }
  }

  /// Only with `force` where a store may still have something that HQ lacks: it would never come.
  func retireStore(_ request: CBORValue, _ completion: @escaping Completion) {
    let isForced = request["force"]?.booleanValue ?? false
    node.queue.async {
      let peers = self.node.peerStatuses()
      self.change(request, to: .retired, completion) { (node, enrolment) throws(ControlError) in
        guard !isForced, enrolment.state != .retired, enrolment.hasJoined else { return }
        if let peer = peers.first(where: { $0.node == node }), peer.isConnected {
          guard !peer.isCaughtUp else { return }
          throw ControlError(
            .notAllowed, "store \(node) is still sending; try again when `syncctl status` says it is done")
        }
        throw ControlError(
          .notAllowed,
          "store \(node) is not connected, so HQ cannot know whether the store has sent everything. Connect it and try "
            + "again, or give it up with what it may still have: --force")
      }
    }
  }

  /// Changes a store's state after `check` has let it pass, and ends its link.
  private func change(
    _ request: CBORValue, to state: Enrolment.State, _ completion: @escaping Completion,
    _ check: @escaping @Sendable (NodeNumber, Enrolment) throws(ControlError) -> Void
  ) {
    guard isHQ(completion) else { return }
    let node: NodeNumber
    do throws(ControlError) {
      node = try Self.number(request)
    } catch {
      return completion(.failure(error))
    }
    let now = gate.clock.now
    gate.write { engine throws(StoreError) -> Result<CBORValue, ControlError> in
      guard var enrolment = try NodeSettings.enrolment(of: node, engine) else {
        return .failure(
          ControlError(.notFound, "store \(node) is not enrolled; `syncctl store list` has those that are"))
      }
      let parked = try engine.backend.parkedSize(of: node).count
      do throws(ControlError) {
        try check(node, enrolment)
        if state == .retired, parked > 0, request["force"]?.booleanValue != true {
          throw ControlError(
            .notAllowed, "\(parked) groups of store \(node) are parked here; see `syncctl parked list`, or use --force")
        }
      } catch {
        return .failure(error)
      }
      enrolment.change(to: state, at: now)
      try NodeSettings.save(enrolment, of: node, in: engine)
      let store = try engine.shown(Store.self, RecordID(number: node.rawValue))
      return .success(
        .object(["schema": .integer(Self.schema), "store": enrolment.value(of: node, store, nil)]))
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(.failure(let error)): completion(.failure(error))
      case .success(.success(let value)):
        self.node.queue.async {
          if let refusal = Refusal(ofStore: node, in: state) { self.node.endLink(of: node, refusal) }
          completion(.success(value))
        }
      }
    }
  }

  static func number(_ request: CBORValue) throws(ControlError) -> NodeNumber {
    let text = request["number"]?.textValue ?? ""
    guard let number = UInt32(text), number > 0 else {
      throw ControlError(
        .usage, "found the store number “\(text)”, expected a whole number from 1 to \(UInt32.max)")
    }
    return NodeNumber(number)
  }
}

extension Enrolment {
  fileprivate func value(of node: NodeNumber, _ store: Store?, _ peer: PeerStatus?) -> CBORValue {
    .object([
      "node": .text("\(node)"),
      "name": store.map { .text($0.name) },
      "state": .text(state.rawValue),
      "hasJoined": .boolean(hasJoined),
      "joinCodeExpires": secretIsUsed ? nil : secretExpires.map { .text(RFC3339.format($0)) },
      "restoredAt": history.restoredAt.map { .text(RFC3339.format($0)) },
      "restoredAddress": history.restoredAddress.map(CBORValue.text),
      "fencedAt": history.fencedAt.map { .text(RFC3339.format($0)) },
      "fencedAddress": history.fencedAddress.map(CBORValue.text),
      "since": changedAt.map { .text(RFC3339.format($0)) },
      "isConnected": .boolean(peer?.isConnected ?? false),
      "lastContact": (peer?.lastContact ?? history.lastContact).map { .text(RFC3339.format($0)) },
      "address": (peer?.address ?? history.address).map(CBORValue.text),
      "software": (peer?.software ?? software).map(CBORValue.text),
    ])
  }
}
