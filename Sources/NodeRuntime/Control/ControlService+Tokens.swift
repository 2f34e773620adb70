import Base
import RecordStore
import StoreModel
import Wire

// The tokens that HTTP clients show: made, listed and revoked.

extension ControlService {
  /// Makes a token. The answer is the only place where its secret ever stands.
  func addToken(_ request: CBORValue, _ completion: @escaping Completion) {
    let name = request["name"]?.textValue ?? ""
    if let problem = APIToken.problem(withName: name) { return completion(.failure(ControlError(.usage, problem))) }
    guard let role = APIToken.Role(rawValue: request["role"]?.textValue ?? "") else {
      let roles = APIToken.Role.allCases.map(\.rawValue).joined(separator: ", ")
      return completion(
        .failure(
          ControlError(.usage, "found the role “\(request["role"]?.textValue ?? "")”, expected one of: \(roles)")))
    }
    var generator = SystemRandomness()
    let secret = APIToken.secret(using: &generator)
    let token = APIToken(name: name, role: role, madeAt: gate.clock.now, digest: APIToken.digest(of: secret))
    changeTokens(completion) { engine throws(StoreError) -> ControlError? in
      let all = try TokenTable.all(engine)
      guard !all.contains(where: { $0.name == name }) else {
        return ControlError(.notAllowed, "there is a token “\(name)” already; revoke it first, or choose another name")
      }
      guard all.count < APIToken.count else {
        return ControlError(
          .notAllowed, "there are \(all.count) tokens already, the most that a node keeps; revoke some")
      }
      try TokenTable.save(token, in: engine)
      return nil
    } then: { [log = node.log] in
      log(
        LogEvent(.info, "token.made", "a token was made for HTTP", [.init("name", name), .init("role", role.rawValue)]))
      return Self.value(of: token, ["secret": .text(secret)])
    }
  }

  /// Takes effect at once.
  func revokeToken(_ request: CBORValue, _ completion: @escaping Completion) {
    let name = request["name"]?.textValue ?? ""
    changeTokens(completion) { engine throws(StoreError) -> ControlError? in
      guard try TokenTable.all(engine).contains(where: { $0.name == name }) else {
        return ControlError(.notFound, "there is no token “\(name)”; `syncctl token list` has those there are")
      }
      try TokenTable.remove(name, in: engine)
      return nil
    } then: { [log = node.log] in
      log(LogEvent(.info, "token.revoked", "a token for HTTP was revoked", [.init("name", name)]))
      return .object(["schema": .integer(Self.schema), "revoked": .text(name)])
    }
  }

  func listTokens(_ completion: @escaping Completion) {
    read(completion) { engine throws(StoreError) in
      try TokenTable.all(engine)
    } then: { tokens in
      .success(
        .object(["schema": .integer(Self.schema), "tokens": .array(tokens.map { Self.value(of: $0, nil) })]))
    }
  }

  private func changeTokens(
    _ completion: @escaping Completion,
    _ change: @escaping @Sendable (StoreGate.Engine) throws(StoreError) -> ControlError?,
    then answer: @escaping @Sendable () -> CBORValue
  ) {
    gate.write { [tokens = gate.tokens] engine throws(StoreError) -> ControlError? in
      if let refusal = try change(engine) { return refusal }
      try tokens.load(engine)
      return nil
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(let refusal?): completion(.failure(refusal))
      case .success(nil): completion(.success(answer()))
      }
    }
  }

  private static func value(of token: APIToken, _ secret: KeyValuePairs<String, CBORValue?>?) -> CBORValue {
    .object([
      "schema": secret == nil ? nil : .integer(schema), "name": .text(token.name), "role": .text(token.role.rawValue),
      "madeAt": .text(RFC3339.format(token.madeAt)), "secret": secret?.first?.value,
    ])
  }
}
