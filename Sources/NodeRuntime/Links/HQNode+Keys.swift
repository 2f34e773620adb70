import Base
import Causality
import Dispatch
import RecordStore
import SyncSession
import Transport
import Wire

/// HQ's keys and its stores' credentials, while they change.
extension HQNode {
  /// What a store is to be told next, if anything: one thing at a time.
  func tellKeys(_ node: NodeNumber) {
    dispatchPrecondition(condition: .onQueue(queue))
    guard let link = links[node], link.canTellKeys else { return }
    gate.read { engine throws(StoreError) -> KeyNews? in
      guard let enrolment = try NodeSettings.enrolment(of: node, engine) else { return nil }
      let keys = try NodeSettings.keys(engine)
      if keys.version > 0, enrolment.keysVersion != keys.version {
        return KeyNews(number: keys.version, pins: keys.pins)
      }
      guard enrolment.rotationAskedAt != nil else { return nil }
      return KeyNews(number: UInt64.random(in: 1...UInt64(UInt32.max)), renews: true)
    } completion: { result in
      guard case .success(let news?) = result else { return }
      self.queue.async { if self.links[node] === link { link.answer(.tellKeys(news)) } }
    }
  }

  func keysKept(_ link: LinkDriver, _ receipt: KeyReceipt) {
    guard let node = link.information?.peer.node else { return }
    gate.write { engine throws(StoreError) -> Bool in
      guard var enrolment = try NodeSettings.enrolment(of: node, engine) else { return false }
      if let credential = receipt.credential {
        guard enrolment.rotationAskedAt != nil, credential.count >= Enrolment.credentialBytes else { return false }
        enrolment.nextCredentialDigest = Digest.sha256(credential)
      } else if try receipt.number == NodeSettings.keys(engine).version {
        enrolment.keysVersion = receipt.number
      } else {
        return false
      }
      try NodeSettings.save(enrolment, of: node, in: engine)
      return true
    } completion: { [log] result in
      self.queue.async {
        switch result {
        case .success(true) where receipt.credential != nil:
          // Durable here, so that the store can go over to it.
          link.answer(.tellKeys(KeyNews(number: receipt.number, isTaken: true)))
        case .success(true): self.tellKeys(node)
        case .success(false): break
        case .failure(let error): log(LogEvent(.warning, "enrolment.unwritten", error.description))
        }
      }
    }
  }

  /// HQ's keys were changed, or stores are to renew their credentials.
  package func keysChanged() {
    dispatchPrecondition(condition: .onQueue(queue))
    for node in links.keys.sorted() { tellKeys(node) }
    gate.read { engine throws(StoreError) in
      try NodeSettings.keys(engine).current
    } completion: { result in
      guard case .success(let identity) = result else { return }
      self.queue.async { self.show(identity) }
    }
  }
}
