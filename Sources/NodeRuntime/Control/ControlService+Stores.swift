import Causality
import RecordStore
import Retail
import StoreModel
import Transport
import Wire

extension ControlService {
  /// Makes a store's record and its enrolment, and answers with the join code. A store that exists gets a new code, and
  /// its earlier credential stops working.
  func addStore(_ request: CBORValue, _ completion: @escaping @Sendable (Result<CBORValue, ControlError>) -> Void) {
    guard gate.identity.isHQ else {
      return completion(
        .failure(ControlError(.notAllowed, "stores are added at HQ; this is store \(gate.identity.replica.node)")))
    }
    let store: Store
    do throws(ControlError) {
      store = try Self.store(request)
    } catch {
      return completion(.failure(error))
    }
    let gate = gate
    gate.commit([CommitDraft([RecordWrite(store)])]) { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(let results):
        if case .refused(let error)? = results.first {
          return completion(.failure(ControlError(.usage, error.description)))
        }
        self.enrol(store, completion)
      }
    }
  }

  private func enrol(_ store: Store, _ completion: @escaping @Sendable (Result<CBORValue, ControlError>) -> Void) {
    var generator = SystemRandomNumberGenerator()
    let secret = (0..<JoinCode.secretBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let node = NodeNumber(store.id.bytes.reduce(0) { $0 << 8 | UInt32($1) })
    gate.write { engine throws(StoreError) -> JoinCode in
      let hq = try NodeSettings.hq(engine)
      try NodeSettings.enrol(node, credentialDigest: Digest.sha256(secret), in: engine)
      return JoinCode(node: node, pin: hq.tls.pin, secret: secret, endpoints: hq.advertised)
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(let code):
        completion(
          .success(
            .object([
              "schema": .integer(Self.schema), "node": .text("\(node)"), "name": .text(store.name),
              "joinCode": .text(code.text),
            ])))
      }
    }
  }

  private static func store(_ request: CBORValue) throws(ControlError) -> Store {
    func needed(_ key: String) throws(ControlError) -> String {
      guard let text = request[key]?.textValue, !text.isEmpty else { throw ControlError(.usage, "\(key) is needed") }
      return text
    }
    let numberText = try needed("number")
    guard let number = UInt32(numberText), number > 0 else {
      throw ControlError(
        .usage, "found the store number “\(numberText)”, expected a whole number from 1 to \(UInt32.max)")
    }
    let timeZone = try needed("timeZone")
    do throws(RetailError) {
      _ = try BusinessCalendar(timeZone: timeZone)
    } catch {
      throw ControlError(.usage, "\(error)")
    }
    let currency = try needed("currency")
    guard currency.utf8.count == 3, currency.utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
    else { throw ControlError(.usage, "found the currency “\(currency)”, expected an ISO 4217 code such as USD") }
    return Store(
      id: RecordID(number: number), name: try needed("name"), code: request["code"]?.textValue ?? numberText,
      timeZone: timeZone, currency: currency, region: request["region"]?.textValue)
  }
}
