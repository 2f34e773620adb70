package import Base
package import Causality
package import RecordStore
package import StoreModel

/// The versions of the protocol that this code speaks.
package enum ProtocolVersion {
  package static let oldest: UInt64 = 1
  package static let newest: UInt64 = 1
}

/// What travels in a frame.
package enum Message: Hashable, Sendable {
  case hello(Hello)
  case welcome(Welcome)
  case refusal(Refusal)
  case batch(Batch)
  case acknowledgement(Acknowledgement)
  /// The sender has no more of its log that concerns the receiver. Any batch after it takes that back until the next.
  case caughtUp
  case ping(UInt64)
  case pong(UInt64)
  case enrol(Enrol)
  /// HQ's answer to `enrol`: the credential of the store's own.
  case enrolled(Enrolled)
  /// HQ's addresses have changed.
  case endpoints(EndpointList)
  /// The store has made a list of addresses durable, by its version.
  case endpointsKept(UInt64)
  /// HQ compares what a store has with what it should have.
  case verify(VerifyQuestion)
  case verified(VerifyAnswer)
  /// HQ's keys change, or the store's credential is to.
  case keys(KeyNews)
  case keysKept(KeyReceipt)
}

/// The addresses at which stores reach HQ, in the order in which they are tried.
package struct EndpointList: Hashable, Sendable {
  /// Another number for each list that an HQ has had, also after it was restored from a backup.
  package var version: UInt64
  /// `host:port` each.
  package var endpoints: [String]

  package init(version: UInt64, endpoints: [String]) {
    self.version = version
    self.endpoints = endpoints
  }
}

/// The store's first message: who it is, and where HQ's log is to be resumed.
package struct Hello: Hashable, Sendable {
  package var oldestVersion: UInt64
  package var newestVersion: UInt64
  package var replica: ReplicaID
  /// Proves that the store is whom it says it is.
  package var credential: [UInt8]
  /// Of the store's own log.
  package var epoch: Epoch
  package var clock: WallTime
  /// The log of HQ that the cursors are of; nil at the first contact.
  package var peerEpoch: Epoch?
  package var cursors: LaneMap<Sequence64>
  /// Bytes of batches a lane that the store takes before it has acknowledged them.
  package var window: UInt64
  package var software: String
  /// The session token that HQ gave with its last welcome; nil if the store has none.
  package var token: [UInt8]?
  /// The version of HQ's list of addresses that the store holds, 0 if none; nil if it does not know of such lists.
  package var endpointsVersion: UInt64?
  /// The logs that the store's own went on from, the newest first; nil if it does not know of such.
  package var ancestors: [Lineage.Ancestor]?
  /// The logs that HQ's went on from, as far as the store has heard.
  package var peerAncestors: [Lineage.Ancestor]
  /// Whether the store answers `verify`.
  package var answersVerify: Bool
  /// The version of the list of HQ's keys that the store holds, 0 for the one of its join code; nil if it knows of no such lists.
  package var keysVersion: UInt64?
  /// The codecs that the store reads, bit n for codec n; nil if it knows the first two alone.
  package var codecs: UInt64?

  package init(
    oldestVersion: UInt64 = ProtocolVersion.oldest, newestVersion: UInt64 = ProtocolVersion.newest, replica: ReplicaID,
    credential: [UInt8], epoch: Epoch, clock: WallTime, peerEpoch: Epoch?, cursors: LaneMap<Sequence64>,
    window: UInt64, software: String, token: [UInt8]? = nil, endpointsVersion: UInt64? = nil,
    ancestors: [Lineage.Ancestor]? = nil, peerAncestors: [Lineage.Ancestor] = [], answersVerify: Bool = false,
    keysVersion: UInt64? = nil, codecs: UInt64? = nil
  ) {
    self.codecs = codecs
    self.keysVersion = keysVersion
    self.answersVerify = answersVerify
    self.ancestors = ancestors
    self.peerAncestors = peerAncestors
    self.endpointsVersion = endpointsVersion
    self.token = token
    self.oldestVersion = oldestVersion
    self.newestVersion = newestVersion
    self.replica = replica
    self.credential = credential
    self.epoch = epoch
    self.clock = clock
    self.peerEpoch = peerEpoch
    self.cursors = cursors
    self.window = window
    self.software = software
  }
}

/// HQ's answer: the link is open. `cursors` say where HQ resumes the store's log.
package struct Welcome: Hashable, Sendable {
  package var version: UInt64
  package var replica: ReplicaID
  package var epoch: Epoch
  package var clock: WallTime
  package var cursors: LaneMap<Sequence64>
  package var window: UInt64
  package var software: String
  /// What the store presents with its next hello: a copy or an older state of its database cannot.
  package var token: [UInt8]?
  /// HQ's addresses, where the store holds another list.
  package var endpoints: EndpointList?
  /// The logs that HQ's went on from, the newest first; nil if HQ does not know of such.
  package var ancestors: [Lineage.Ancestor]?
  /// Where the store goes on in HQ's log, if its epoch is not the one that hello named.
  package var resumption: LaneMap<Sequence64>?
  /// What HQ has of the store's log beyond `cursors`.
  package var brought: LaneMap<[Sequence64]>
  /// The codecs that HQ reads, bit n for codec n; nil if it knows the first two alone, or if hello names none.
  package var codecs: UInt64?

  package init(
    version: UInt64, replica: ReplicaID, epoch: Epoch, clock: WallTime, cursors: LaneMap<Sequence64>, window: UInt64,
    software: String, token: [UInt8]? = nil, endpoints: EndpointList? = nil, ancestors: [Lineage.Ancestor]? = nil,
    resumption: LaneMap<Sequence64>? = nil, brought: LaneMap<[Sequence64]> = LaneMap(repeating: []),
    codecs: UInt64? = nil
  ) {
    self.codecs = codecs
    self.brought = brought
    self.ancestors = ancestors
    self.resumption = resumption
    self.endpoints = endpoints
    self.token = token
    self.version = version
    self.replica = replica
    self.epoch = epoch
    self.clock = clock
    self.cursors = cursors
    self.window = window
    self.software = software
  }
}

/// The first and only message of a store that joins: the secret of its join code, for a credential of its own.
package struct Enrol: Hashable, Sendable {
  package var oldestVersion: UInt64
  package var newestVersion: UInt64
  package var node: NodeNumber
  package var secret: [UInt8]
  package var software: String

  package init(
    oldestVersion: UInt64 = ProtocolVersion.oldest, newestVersion: UInt64 = ProtocolVersion.newest, node: NodeNumber,
    secret: [UInt8], software: String
  ) {
    self.oldestVersion = oldestVersion
    self.newestVersion = newestVersion
    self.node = node
    self.secret = secret
    self.software = software
  }
}

/// What lets a store in from now on.
package struct Enrolled: Hashable, Sendable {
  package var version: UInt64
  package var credential: [UInt8]

  package init(version: UInt64, credential: [UInt8]) {
    self.version = version
    self.credential = credential
  }
}

/// The last message before a connection is closed on purpose: why, and when to try again.
package struct Refusal: Hashable, Sendable {
  /// Unknown codes read as what they are: a reason in words.
  package enum Code: String, Hashable, Sendable, CaseIterable {
    case upgradeNeeded = "upgrade-needed"
    case notEnrolled = "not-enrolled"
    case wrongCredential = "wrong-credential"
    case joinCodeUsed = "join-code-used"
    case joinCodeExpired = "join-code-expired"
    case revoked
    case retired
    case fenced
    case restored
    case clock
    case alreadyConnected = "already-connected"
    case wrongCursor = "wrong-cursor"
    case protocolError = "protocol-error"
    case storage
    case busy
    case shuttingDown = "shutting-down"
  }

  package var code: String
  package var message: String
  /// Milliseconds after which trying again makes sense; 0 if it is the other side's choice.
  package var retryAfter: UInt64
  /// With `restored`: what HQ has of the store's log. The rest nobody else has seen.
  package var coverage: LogCoverage?

  package init(_ code: Code, _ message: String, retryAfter: UInt64 = 0, coverage: LogCoverage? = nil) {
    self.init(code: code.rawValue, message: message, retryAfter: retryAfter, coverage: coverage)
  }

  package init(code: String, message: String, retryAfter: UInt64, coverage: LogCoverage? = nil) {
    self.coverage = coverage
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }
}

/// A stretch of one lane of the sender's log.
package struct Batch: Hashable, Sendable {
  package var lane: Lane
  package var after: Sequence64
  package var through: Sequence64
  /// Above `through` while a chain of groups goes on.
  package var incompleteUntil: Sequence64
  /// Above 0 where the groups are whole only once another lane is there up to this sequence.
  package var awaited: LaneMap<Sequence64>
  /// Entries of other lanes whose groups are in it; told to HQ only.
  package var brought: LaneMap<[Sequence64]>
  package var codec: UInt64
  package var groupCount: UInt64
  /// Bytes of the contents before compression.
  package var contentsBytes: UInt64
  package var payload: [UInt8]

  package init(
    lane: Lane, after: Sequence64, through: Sequence64, incompleteUntil: Sequence64,
    awaited: LaneMap<Sequence64> = LaneMap(repeating: 0), brought: LaneMap<[Sequence64]> = LaneMap(repeating: []),
    codec: UInt64, groupCount: UInt64, contentsBytes: UInt64, payload: [UInt8]
  ) {
    self.awaited = awaited
    self.brought = brought
    self.lane = lane
    self.after = after
    self.through = through
    self.incompleteUntil = incompleteUntil
    self.codec = codec
    self.groupCount = groupCount
    self.contentsBytes = contentsBytes
    self.payload = payload
  }
}

/// The receiver has made the lane durable up to `through`.
package struct Acknowledgement: Hashable, Sendable {
  /// A group that was not applied.
  package struct Exception: Hashable, Sendable {
    package enum Outcome: UInt64, Hashable, Sendable {
      case parked = 1
      case refused = 2
    }

    /// The group's place in its batch.
    package var index: UInt64
    package var outcome: Outcome
    package var code: String
    package var reason: String

    package init(index: UInt64, outcome: Outcome, code: String, reason: String) {
      self.index = index
      self.outcome = outcome
      self.code = code
      self.reason = reason
    }
  }

  package var lane: Lane
  package var through: Sequence64
  package var exceptions: [Exception]

  package init(lane: Lane, through: Sequence64, exceptions: [Exception] = []) {
    self.lane = lane
    self.through = through
    self.exceptions = exceptions
  }
}
