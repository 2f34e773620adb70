import Causality
import RecordStore
import StoreModel
import SyncSession
import Wire

/// Effects and messages in the words of a scenario.
extension SessionEffect {
  var words: String {
    switch self {
    case .send(let message): "send \(message.words)"
    case .admit(let hello): "admit node \(hello.replica.node)"
    case .keep(let keeping): keeping.words
    case .keepEndpoints(let list): "keep endpoints \(list.words)"
    case .endpointsKept(let version): "endpoints kept \(version)"
    case .verify(let question): "verify \(question.number)"
    case .verified(let answer): "verified \(answer.number)"
    case .keepKeys(let news): "keep keys \(news.number)"
    case .keysKept(let receipt): "keys kept \(receipt.number)"
    case .confirmed(let token): "confirmed a token of \(token.count) bytes"
    case .enrol(let enrol): "enrol node \(enrol.node)"
    case .enrolled(let credential): "enrolled with a credential of \(credential.count) bytes"
    case .load(let request):
      "load \(request.lane) after \(request.after) for \(request.peer), sent \(request.sent.words)"
    case .store(let batch, let peer, let epoch):
      "store \(batch.lane) \(batch.after)..\(batch.through) from \(peer) of \(epoch)"
    case .linked(let link):
      "linked to \(link.peer) of \(link.peerEpoch), version \(link.version), which has \(link.acknowledged.words)"
    case .acknowledged(let lane, let through, let exceptions, _):
      "acknowledged \(lane) \(through)\(exceptions.words)"
    case .close(let reason): "close: \(reason)"
    }
  }
}

extension Message {
  var kind: String {
    switch self {
    case .hello: "hello"
    case .welcome: "welcome"
    case .refusal: "refusal"
    case .batch: "batch"
    case .acknowledgement: "ack"
    case .caughtUp: "caught-up"
    case .ping: "ping"
    case .pong: "pong"
    case .enrol: "enrol"
    case .enrolled: "enrolled"
    case .endpoints: "endpoints"
    case .endpointsKept: "endpoints-kept"
    case .verify: "verify"
    case .verified: "verified"
    case .keys: "keys"
    case .keysKept: "keys-kept"
    }
  }

  var words: String {
    switch self {
    case .hello(let hello):
      "hello from \(hello.replica.node), has \(hello.cursors.words) of \(hello.peerEpoch.map { "\($0)" } ?? "nothing")"
    case .welcome(let welcome):
      "welcome, has \(welcome.cursors.words), version \(welcome.version)"
        + (welcome.endpoints.map { ", endpoints \($0.words)" } ?? "")
    case .refusal(let refusal):
      "refusal \(refusal.code)\(refusal.retryAfter > 0 ? ", again after \(refusal.retryAfter)" : ""): \(refusal.message)"
    case .batch(let batch):
      "batch \(batch.lane) \(batch.after)..\(batch.through), \(batch.groupCount) groups, \(batch.payload.count) bytes"
    case .acknowledgement(let acknowledgement):
      "ack \(acknowledgement.lane) \(acknowledgement.through)\(acknowledgement.exceptions.words)"
    case .caughtUp: "caught-up"
    case .ping(let number): "ping \(number)"
    case .pong(let number): "pong \(number)"
    case .enrol(let enrol): "enrol \(enrol.node), a secret of \(enrol.secret.count) bytes"
    case .enrolled(let enrolled): "enrolled, version \(enrolled.version)"
    case .endpoints(let list): "endpoints \(list.words)"
    case .endpointsKept(let version): "endpoints-kept \(version)"
    case .verify(let question): "verify \(question.number)"
    case .verified(let answer): "verified \(answer.number)"
    case .keys(let news): "keys \(news.number)"
    case .keysKept(let receipt): "keys-kept \(receipt.number)"
    }
  }
}

extension EndpointList {
  var words: String { "\(endpoints.joined(separator: ",")) of version \(version)" }
}

extension LaneMap<Sequence64> {
  var words: String { "\(urgent),\(normal),\(bulk)" }
}

extension [Acknowledgement.Exception] {
  var words: String {
    map { ", group \($0.index) \($0.outcome): \($0.code) (\($0.reason))" }.joined()
  }
}

extension SyncSession {
  /// Where a session stands, as a status line would say it.
  var summary: String {
    if isClosed { return "closed" }
    guard isLinked else { return "not linked" }
    return "linked, \(isQuiet ? "quiet" : "busy")\(peerIsCaughtUp ? ", the peer is caught up" : ""), "
      + "acknowledged \(acknowledged?.words ?? "")"
  }
}

extension Keeping {
  fileprivate var words: String {
    var parts: [String] = []
    if let token { parts.append("a token of \(token.count) bytes") }
    if let log { parts.append("the log \(log.epoch) from \(resumption.words), \(log.ancestors.count) before it") }
    return "keep " + parts.joined(separator: " and ")
  }
}
