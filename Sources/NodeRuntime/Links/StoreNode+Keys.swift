import Base
import Dispatch
import RecordStore
import SyncSession
import Transport
import Wire

/// What a store knows HQ by, and shows to it, while that changes. It is durable before HQ hears of it.
extension StoreNode {
  func keysTold(_ link: LinkDriver, _ news: KeyNews) {
    var generator = SystemRandomness()
    let fresh = (0..<Enrolment.credentialBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    gate.write { engine throws(StoreError) -> (keys: NodeSettings.StoreKeys, receipt: KeyReceipt, isSwitched: Bool) in
      var keys = try NodeSettings.storeKeys(engine)
      var receipt = KeyReceipt(number: news.number)
      var isSwitched = false
      if !news.pins.isEmpty {
        keys.pins = news.pins
        keys.version = news.number
      }
      if news.isTaken, let next = keys.nextCredential {
        keys.previousCredential = keys.credential
        keys.credential = next
        keys.nextCredential = nil
        isSwitched = true
      } else if news.renews {
        // The same as the last time, if HQ has not said that it takes it.
        keys.nextCredential = keys.nextCredential ?? fresh
        receipt.credential = keys.nextCredential
      }
      try NodeSettings.save(keys, in: engine)
      return (keys, receipt, isSwitched)
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(let (keys, receipt, isSwitched)):
          self.use(keys)
          link.answer(.keysKept(receipt))
          guard isSwitched else { return }
          self.log(LogEvent(.info, "credential.renewed", "HQ takes another credential of this store from now on"))
          // HQ gives the last one up when it sees the new one.
          self.startAnew("this store has a new credential")
        // HQ tells it again with the next link.
        case .failure(let error): self.log(LogEvent(.warning, "keys.unwritten", error.description))
        }
      }
    }
  }

  package func keysChanged() {
    dispatchPrecondition(condition: .onQueue(queue))
    gate.write { engine throws(StoreError) in
      try NodeSettings.storeKeys(engine)
    } completion: { result in
      guard case .success(let keys) = result else { return }
      self.queue.async {
        self.use(keys)
        self.startAnew("what this store takes for HQ was changed here")
      }
    }
  }
}
