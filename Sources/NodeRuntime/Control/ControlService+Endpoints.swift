import Base
import Causality
import Dispatch
import RecordStore
import StoreModel
import SyncSession
import Transport
import Wire

// Where the stores reach HQ: told to all of them by HQ, or to one by hand.

extension ControlService {
  /// HQ's addresses; at HQ also which stores hold this list, so that IT knows when an old address can go.
  func endpoints(_ completion: @escaping Completion) {
    node.queue.async {
      let peers = self.node.peerStatuses()
      self.read(completion) { engine throws(StoreError) in
        engine.identity.isHQ
          ? try Self.endpointsOfHQ(engine, peers) : try Self.endpointsOfStore(engine)
      } then: {
        .success($0)
      }
    }
  }

  private static func endpointsOfHQ(
    _ engine: StoreGate.Engine, _ peers: [PeerStatus]
  ) throws(StoreError) -> CBORValue {
    let list = try NodeSettings.endpointList(engine)
    var stores: [CBORValue] = []
    for (node, enrolment) in try NodeSettings.enrolments(engine) where enrolment.state == .active && enrolment.hasJoined
    {
      let store = try engine.shown(Store.self, RecordID(number: node.rawValue))
      let contact = peers.first { $0.node == node }?.lastContact ?? enrolment.lastContact
      stores.append(
        .object([
          "node": .text("\(node)"), "name": store.map { .text($0.name) },
          "hasEndpoints": .boolean(enrolment.endpointsVersion == list.version),
          "lastContact": contact.map { .text(RFC3339.format($0)) },
        ]))
    }
    return .object([
      "schema": .integer(schema), "role": .text("hq"), "version": .unsigned(list.version),
      "endpoints": .array(list.endpoints.map(CBORValue.text)), "stores": .array(stores),
    ])
  }

  private static func endpointsOfStore(_ engine: StoreGate.Engine) throws(StoreError) -> CBORValue {
    let addresses = try NodeSettings.addresses(engine)
    return .object([
      "schema": .integer(schema), "role": .text("store"), "version": .unsigned(addresses.version),
      "endpoints": .array(addresses.list.map { .text($0.description) }),
      "working": addresses.working.map { .text($0.description) },
    ])
  }

  /// At HQ: the list that its stores are told. At a store: where this one tries HQ, until HQ tells it better.
  func setEndpoints(_ request: CBORValue, _ completion: @escaping Completion) {
    let list: [Endpoint]
    do throws(UsageError) {
      list = try Endpoint.list(request["endpoints"]?.textValue ?? "")
    } catch {
      return completion(.failure(ControlError(.usage, "\(error)")))
    }
    let now = gate.clock.now
    gate.write { engine throws(StoreError) in
      if engine.identity.isHQ {
        _ = try NodeSettings.advertise(list, at: now, in: engine)
      } else {
        try NodeSettings.save(HQAddresses(list: list), in: engine)
      }
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success:
        self.node.queue.async {
          self.node.endpointsChanged()
          self.endpoints(completion)
        }
      }
    }
  }
}
