import Base
import Causality
import Dispatch
import RecordStore
import StoreModel
import SyncSession
import Transport
import Wire

// Changing HQ's key and the stores' credentials.

extension ControlService {
  /// What is done with HQ's keys.
  enum KeyChange: String {
    case rotate, `switch`, drop
  }

  /// Which keys HQ has, and which stores know them.
  func keyStatus(_ completion: @escaping Completion) {
    guard isHQForKeys(completion) else { return }
    node.queue.async {
      let peers = self.node.peerStatuses()
      self.read(completion) { engine throws(StoreError) in
        try Self.keyValue(engine, peers)
      } then: {
        .success($0)
      }
    }
  }

  func changeKeys(_ change: KeyChange, _ request: CBORValue, _ completion: @escaping Completion) {
    guard isHQForKeys(completion) else { return }
    let isForced = request["force"]?.booleanValue ?? false
    let fresh: TLSIdentity
    do throws(TransportError) {
      fresh = try TLSIdentity.generate()
    } catch {
      return completion(.failure(ControlError(.storage, "a key could not be made: \(error.message)")))
    }
    let now = gate.clock.now
    gate.write { engine throws(StoreError) -> String? in
      var keys = try NodeSettings.keys(engine)
      let unaware = try Self.unaware(engine, of: keys)
      switch change {
      case .rotate:
        guard keys.next == nil else {
          return "a next key is there already; see `syncctl key status`, then `key switch`"
        }
        guard keys.oldPin == nil else { return "the last key is still taken; `syncctl key drop` first" }
        keys.next = fresh
      case .switch:
        guard let next = keys.next else { return "there is no next key; `syncctl key rotate` makes one" }
        guard isForced || unaware.isEmpty else {
          return
            "\(Self.names(unaware)) would not know HQ any more: wait until `syncctl key status` says that all know the next "
            + "key, or say --force; then they need `store-node set-pin`"
        }
        keys.oldPin = keys.current.pin
        keys.current = next
        keys.next = nil
      case .drop:
        guard keys.oldPin != nil else { return "there is no key of before" }
        keys.oldPin = nil
      }
      try NodeSettings.save(keys, at: now, in: engine)
      return nil
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(let problem?): completion(.failure(ControlError(.notAllowed, problem)))
      case .success(nil):
        self.node.log(LogEvent(.info, "key.changed", "HQ's keys: \(change.rawValue)"))
        self.node.queue.async {
          self.node.keysChanged()
          self.keyStatus(completion)
        }
      }
    }
  }

  /// Has stores make themselves other credentials: one, or all that have joined.
  func rotateStores(_ request: CBORValue, _ completion: @escaping Completion) {
    guard isHQForKeys(completion) else { return }
    var only: NodeNumber?
    if request["number"] != nil {
      do throws(ControlError) {
        only = try Self.number(request)
      } catch {
        return completion(.failure(error))
      }
    }
    let (now, wanted) = (gate.clock.now, only)
    gate.write { engine throws(StoreError) -> Int in
      var count = 0
      for (node, var enrolment) in try NodeSettings.enrolments(engine)
      where (wanted ?? node) == node && enrolment.state == .active && enrolment.hasJoined {
        enrolment.rotationAskedAt = now
        try NodeSettings.save(enrolment, of: node, in: engine)
        count += 1
      }
      return count
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(0):
        completion(
          .failure(ControlError(.notFound, "no such store is enrolled and has joined; see `syncctl store list`")))
      case .success:
        self.node.queue.async {
          self.node.keysChanged()
          self.keyStatus(completion)
        }
      }
    }
  }

  /// At a store that has not heard of HQ's new key.
  func setPin(_ request: CBORValue, _ completion: @escaping Completion) {
    guard !gate.identity.isHQ else {
      return completion(.failure(ControlError(.notAllowed, "this is HQ; a pin is set at a store")))
    }
    let digits = (request["pin"]?.textValue ?? "").utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count == 64, request["pin"]?.textValue?.utf8.count == 64 else {
      return completion(
        .failure(ControlError(.usage, "expected the 64 hexadecimal digits that `syncctl key status` shows at HQ")))
    }
    let pin = stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    gate.write { engine throws(StoreError) in
      var keys = try NodeSettings.storeKeys(engine)
      keys.pins = [pin]
      keys.version = 0
      try NodeSettings.save(keys, in: engine)
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success:
        self.node.queue.async {
          self.node.keysChanged()
          completion(.success(.object(["schema": .integer(Self.schema)])))
        }
      }
    }
  }

  // MARK: Answers

  private func isHQForKeys(_ completion: Completion) -> Bool {
    guard !gate.identity.isHQ else { return true }
    completion(.failure(ControlError(.notAllowed, "keys are HQ's; this is store \(gate.identity.replica.node)")))
    return false
  }

  private static func unaware(
    _ engine: StoreGate.Engine, of keys: NodeSettings.HQKeys
  ) throws(StoreError) -> [NodeNumber] {
    try NodeSettings.enrolments(engine).filter { _, enrolment in
      enrolment.state == .active && enrolment.hasJoined && enrolment.keysVersion != keys.version
    }.map(\.node)
  }

  private static func names(_ nodes: [NodeNumber]) -> String {
    (nodes.count == 1 ? "store " : "stores ") + nodes.map(\.description).joined(separator: ", ")
  }

  private static func keyValue(
    _ engine: StoreGate.Engine, _ peers: [PeerStatus]
  ) throws(StoreError) -> CBORValue {
    let keys = try NodeSettings.keys(engine)
    var stores: [CBORValue] = []
    for (node, enrolment) in try NodeSettings.enrolments(engine) where enrolment.state == .active {
      let store = try engine.shown(Store.self, RecordID(number: node.rawValue))
      let contact = peers.first { $0.node == node }?.lastContact ?? enrolment.history.lastContact
      stores.append(
        .object([
          "node": .text("\(node)"), "name": store.map { .text($0.name) }, "hasJoined": .boolean(enrolment.hasJoined),
          "knowsKeys": .boolean(keys.version == 0 || enrolment.keysVersion == keys.version),
          "hasOpenJoinCode": .boolean(!enrolment.secretIsUsed && enrolment.secretDigest != nil),
          "rotationAskedAt": enrolment.rotationAskedAt.map { .text(RFC3339.format($0)) },
          "rotatedAt": enrolment.rotatedAt.map { .text(RFC3339.format($0)) },
          "lastContact": contact.map { .text(RFC3339.format($0)) },
        ]))
    }
    return .object([
      "schema": .integer(schema), "version": .unsigned(keys.version), "current": .text(Hex.encode(keys.current.pin)),
      "next": keys.next.map { .text(Hex.encode($0.pin)) }, "old": keys.oldPin.map { .text(Hex.encode($0)) },
      "stores": .array(stores),
    ])
  }
}
