import Base
import Causality
import Dispatch
import RecordStore
import Retail
import StoreModel
import Transport
import Wire

extension ControlService {
  /// Makes a store's record and its enrolment, and answers with the join code. A store that has been here already gets a
  /// new code only if asked `again`, and its earlier credential stops working. With `check` it only says whether that
  /// would go.
  func addStore(_ request: CBORValue, _ completion: @escaping Completion) {
    guard isHQ(completion) else { return }
    let number: NodeNumber
    do throws(ControlError) {
      number = try Self.number(request)
    } catch {
      return completion(.failure(error))
    }
    gate.read { engine throws(StoreError) in
      (
        try NodeSettings.enrolment(of: number, engine), try engine.shown(Store.self, RecordID(number: number.rawValue))
      )
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success((let enrolment, let known)):
        do throws(ControlError) {
          let isAgain = request["again"]?.booleanValue ?? false
          if let enrolment, !isAgain { try Self.checkNew(number, enrolment) }
          let store = try Self.store(request, number, known: isAgain ? known : nil)
          let hours = try Self.hours(request)
          if request["check"]?.booleanValue == true {
            return completion(
              .success(.object(["schema": .integer(Self.schema), "isEnrolled": .boolean(enrolment != nil)])))
          }
          self.commit(store, hours: hours, completion)
        } catch {
          completion(.failure(error))
        }
      }
    }
  }

  /// How long the join code is good.
  private static func hours(_ request: CBORValue) throws(ControlError) -> Int64 {
    guard let text = request["expires"]?.textValue else { return Enrolment.secretHours }
    guard let hours = Int64(text), (0...Enrolment.maximumSecretHours).contains(hours) else {
      throw ControlError(
        .usage, "found --expires “\(text)”, expected hours from 0 to \(Enrolment.maximumSecretHours)")
    }
    return hours
  }

  private static func checkNew(_ node: NodeNumber, _ enrolment: Enrolment) throws(ControlError) {
    let what: String
    switch enrolment.state {
    case .active where !enrolment.hasJoined: return
    case .active: what = "has joined already"
    case .revoked, .retired: what = "is \(enrolment.state.rawValue)"
    }
    throw ControlError(
      .notAllowed,
      "store \(node) \(what). A new join code makes its present database worthless for good, with whatever that has not "
        + "sent; if that is meant, say --again")
  }

  private func commit(_ store: Store, hours: Int64, _ completion: @escaping Completion) {
    gate.commit([CommitDraft([RecordWrite(store)])]) { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(let results):
        if case .refused(let error)? = results.first {
          return completion(.failure(ControlError(.usage, error.description)))
        }
        self.enrol(store, hours: hours, completion)
      }
    }
  }

  private func enrol(_ store: Store, hours: Int64, _ completion: @escaping Completion) {
    var generator = SystemRandomness()
    let secret = (0..<JoinCode.secretBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let node = NodeNumber(store.id.bytes.reduce(0) { $0 << 8 | UInt32($1) })
    let now = gate.clock.now
    let expires = now.advanced(byMilliseconds: hours * 3_600_000)
    gate.write { engine throws(StoreError) -> JoinCode in
      let hq = try NodeSettings.hq(engine)
      let enrolment = Enrolment.invited(
        secretDigest: Digest.sha256(secret), until: expires, at: now,
        after: try NodeSettings.enrolment(of: node, engine))
      try NodeSettings.save(enrolment, of: node, in: engine)
      return JoinCode(node: node, pin: hq.tls.pin, secret: secret, endpoints: hq.advertised)
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(let code):
        let answer = CBORValue.object([
          "schema": .integer(Self.schema), "node": .text("\(node)"), "name": .text(store.name),
          "joinCode": .text(code.text), "expires": .text(RFC3339.format(expires)),
        ])
        self.node.queue.async {
          // Whoever is connected has the earlier credential.
          self.node.endLink(
            of: node, Refusal(.wrongCredential, "store \(node) was given a new join code; join it again with that"))
          completion(.success(answer))
        }
      }
    }
  }

  /// - Parameter known: the store's record, which fills in what the request leaves out.
  private static func store(_ request: CBORValue, _ node: NodeNumber, known: Store?) throws(ControlError) -> Store {
    func needed(_ key: String, _ known: String?) throws(ControlError) -> String {
      let option = key == "timeZone" ? "time-zone" : key
      guard let text = request[key]?.textValue ?? known, !text.isEmpty else {
        throw ControlError(.usage, "--\(option) is needed")
      }
      return text
    }
    let timeZone = try needed("timeZone", known?.timeZone)
    do throws(RetailError) {
      _ = try BusinessCalendar(timeZone: timeZone)
    } catch {
      throw ControlError(.usage, "\(error)")
    }
    let currency = try needed("currency", known?.currency)
    guard currency.utf8.count == 3, currency.utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
    else { throw ControlError(.usage, "found the currency “\(currency)”, expected an ISO 4217 code such as USD") }
    return Store(
      id: RecordID(number: node.rawValue), name: try needed("name", known?.name),
      code: request["code"]?.textValue ?? known?.code ?? "\(node)", timeZone: timeZone, currency: currency,
      region: request["region"]?.textValue ?? known?.region)
  }
}
