import JSON
import NodeRuntime
import Wire

extension APIService {
  var statusRoutes: [Route] {
    [
      Route(
        .get, "/v1/status", for: .monitor, parameters: ["maxAgeSeconds", "stores"],
        [
          OpenAPIOperation(
            "/v1/status", id: "getStatus", tag: "node", "What is in sync, what is not, and why",
            parameters: [
              .init(
                "maxAgeSeconds", .query, "what may be older before it counts: a store that is away, or lacks something",
                ["type": "integer", "minimum": 0, "maximum": 31_536_000]),
              .init(
                "stores", .query, "only these stores, with commas between them (at HQ)",
                ["type": "string", "maxLength": 4_000]),
            ],
            answers: [.init(200, "The status", Schema.ref("Status"))], problems: [.invalidParameter, .notFound])
        ],
        handler: Self.answering { [self] request, respond throws(Problem) in
          var arguments: [(String, CBORValue)] = []
          if request.query("maxAgeSeconds") != nil {
            let seconds = try request.number("maxAgeSeconds", in: 0...31_536_000, default: 0)
            arguments.append(("maximumAgeMilliseconds", .integer(Int64(seconds) * 1_000)))
          }
          if let stores = request.query("stores") {
            arguments.append(("stores", .array(stores.split(separator: ",").map { .text(String($0)) })))
          }
          ask("status", arguments, respond)
        })
    ]
  }

  static var statusSchemas: [(name: String, schema: JSONValue)] {
    let count = Schema.count
    let word = Schema.text
    let peer = Schema.object(
      [
        "node": word, "name": word, "inSync": Schema.boolean, "state": Schema.choice(["active", "revoked", "retired"]),
        "hasJoined": Schema.boolean, "fencedAt": Schema.time, "fencedAddress": word, "isConnected": Schema.boolean,
        "isCaughtUp": Schema.boolean, "address": word, "software": word, "protocolVersion": count,
        "connectedAt": Schema.time, "lastContact": Schema.time, "notHeardSince": Schema.time,
        "clockOffsetMilliseconds": Schema.integer, "pendingGroups": count, "pendingBytes": count,
        "pendingIsAtLeast": Schema.boolean, "pendingSince": Schema.time,
        "incoming": Schema.choice(["none", "some", "unknown"]), "firstLoadPercent": count, "parked": count,
        "notApplied": count, "refused": count, "hasEndpoints": Schema.boolean,
        "lastVerified": Schema.nullable(Schema.time),
        "differing": count, "lastProblem": word,
      ],
      optional: [
        "name", "state", "hasJoined", "fencedAt", "fencedAddress", "address", "software", "protocolVersion",
        "connectedAt", "lastContact", "notHeardSince", "clockOffsetMilliseconds", "pendingSince", "firstLoadPercent",
        "hasEndpoints", "differing", "lastProblem",
      ], description: "Another node")
    let consumer = Schema.object(
      ["name": word, "lastSeen": Schema.time, "behind": count, "beginsAnew": Schema.boolean],
      description: "Somebody who follows the change feed")
    let webhook = Schema.object(
      [
        "name": word, "address": word, "state": Schema.choice(["active", "failing", "paused"]),
        "entities": Schema.array(word), "behind": count, "createdAt": Schema.time, "lastDelivery": Schema.time,
        "failingSince": Schema.time, "failures": count, "problem": word, "secrets": count,
      ], optional: ["entities", "behind", "lastDelivery", "failingSince", "failures", "problem"],
      description: "Where HQ posts what changes")
    let status = Schema.object(
      [
        "at": Schema.time, "role": Schema.choice(["hq", "store"]), "node": word, "replica": word, "epoch": word,
        "software": word, "protocolVersion": count, "isRunning": Schema.boolean, "addresses": Schema.map(word),
        "inSync": Schema.boolean, "reasons": Schema.array(word), "logHead": count, "parked": count,
        "conflictsOpen": count, "conflictsDecided": count, "conflictsAccepted": count,
        "stores": Schema.object([
          "enrolled": count, "inSync": count, "connected": count, "notConnected": count, "notJoined": count,
          "revoked": count,
        ]),
        "peers": Schema.array(Schema.ref("Peer")), "consumers": Schema.array(consumer),
        "webhooks": Schema.array(webhook),
      ], optional: ["addresses", "stores", "webhooks"], description: "What is in sync, as far as this node can know")
    return [("Status", status), ("Peer", peer)]
  }
}
