package import Base
package import Causality
package import RecordStore
package import StoreModel
package import Wire

/// What happens to a session.
package enum SessionEvent: Sendable {
  /// The connection is open.
  case opened
  case received(Message)
  /// A part of a message; the rest is on its way.
  case heard
  /// Bytes that are no message of the protocol.
  case undecodable(reason: String)
  /// The answer to `SessionEffect.admit`.
  case admitted(Admission)
  /// The answer to `SessionEffect.enrol`: the store's credential, made and durable.
  case enrolled(credential: [UInt8])
  /// The answer to `SessionEffect.keep`: the token is durable.
  case kept
  /// HQ: its addresses are these from now on.
  case endpointsChanged(EndpointList)
  /// The answer to `SessionEffect.keepEndpoints`: the list of this version is durable.
  case endpointsKept(version: UInt64)
  /// HQ: ask the store, if it answers such questions; one at a time.
  case verify(VerifyQuestion)
  /// The answer to `SessionEffect.verify`.
  case verified(VerifyAnswer)
  /// HQ: tell the store about keys, if it knows of that and has answered the last; one thing at a time.
  case tellKeys(KeyNews)
  /// The answer to `SessionEffect.keepKeys`: it is durable.
  case keysKept(KeyReceipt)
  /// The answer to `admit` or `enrol`; while linked, the end of the link.
  case denied(Refusal)
  /// The answer to `SessionEffect.load`.
  case loaded(LoadedStretch)
  /// The answer to `SessionEffect.store`: the batch is durable. Only this makes an acknowledgement.
  case stored(lane: Lane, results: [GroupResult])
  /// The answer to `load`, `store` or `admit` where the store failed.
  case storageFailed(StoreError)
  /// The node's own log has new entries.
  case logGrew
  /// `deadline` has come.
  case deadlineReached
  /// The connection is gone.
  case disconnected(reason: String)
  /// The node stops.
  case stop
}

/// What a session wants done. The order of effects is the order in which they are to be begun.
package enum SessionEffect: Sendable {
  case send(Message)
  /// HQ: check who is calling, and answer with `admitted` or `denied`.
  case admit(Hello)
  /// HQ: check a join code's secret, and answer with `enrolled` or `denied`.
  case enrol(Enrol)
  /// A store that joins: this credential lets it in from now on.
  case enrolled(credential: [UInt8])
  /// A store: keep durably what HQ's welcome has told, before any later `store`, and answer with `kept`.
  case keep(Keeping)
  /// A store: keep HQ's addresses durably, and answer with `endpointsKept`.
  case keepEndpoints(EndpointList)
  /// HQ: the store holds the list of addresses of this version.
  case endpointsKept(version: UInt64)
  /// A store: HQ asks what it has; answer with `verified`.
  case verify(VerifyQuestion)
  /// HQ: the store's answer to the question that was asked last.
  case verified(VerifyAnswer)
  /// A store: HQ tells about keys. To be made durable, and answered with `keysKept`.
  case keepKeys(KeyNews)
  /// HQ: the store has made durable what it was told last about keys.
  case keysKept(KeyReceipt)
  /// HQ: the store has this token. To be durable before any later `store`.
  case confirmed(token: [UInt8])
  /// Read the log, and answer with `loaded`. There is one at a time.
  case load(OutgoingRequest)
  /// Apply a batch in one transaction, and answer with `stored` when it is durable. In the order given.
  case store(Batch, peer: NodeNumber, epoch: Epoch)
  /// The link is open.
  case linked(LinkInformation)
  /// The peer has durably taken a lane of this node's log up to here.
  /// - Parameter stamps: of the group that each exception is about; nil where there is none at its place.
  case acknowledged(lane: Lane, through: Sequence64, exceptions: [Acknowledgement.Exception], stamps: [Stamp?])
  /// Close the connection once what was to be sent is sent. The last effect of a session.
  case close(CloseReason)
}

/// What a store keeps of a welcome before it sends anything.
package struct Keeping: Hashable, Sendable {
  /// HQ's session token, in the place of the last one.
  package var token: [UInt8]?
  /// HQ's log, and where the store goes on in it; nil where HQ does not tell.
  package var log: Lineage?
  package var resumption: LaneMap<Sequence64>
  /// What HQ has of this node's log: nobody else has seen the rest.
  package var sent: LogCoverage
  /// HQ's clock.
  package var clock: WallTime
}

/// HQ's knowledge of a store that may come in.
package struct Admission: Hashable, Sendable {
  package var identity: NodeIdentity
  package var head: Sequence64
  package var clock: WallTime
  /// Where HQ stands in the store's log.
  package var cursors: LaneMap<Sequence64>
  /// What HQ has of it beyond those.
  package var brought: LaneMap<[Sequence64]>
  /// What the store has to present next time.
  package var token: [UInt8]?
  /// HQ's addresses.
  package var endpoints: EndpointList?
  /// The logs that HQ's went on from; nil if the store does not know of such.
  package var ancestors: [Lineage.Ancestor]?
  /// Where the store goes on in HQ's log.
  package var resumption: LaneMap<Sequence64>
  /// Bytes of batches a lane that the store may have on its way.
  package var window: UInt64
  /// The codecs that HQ reads, bit n for codec n; nil for an HQ that knows the first two alone.
  package var codecs: UInt64?

  package init(
    identity: NodeIdentity, head: Sequence64, clock: WallTime, cursors: LaneMap<Sequence64>,
    resumption: LaneMap<Sequence64>, token: [UInt8]? = nil, endpoints: EndpointList? = nil,
    ancestors: [Lineage.Ancestor]? = nil, brought: LaneMap<[Sequence64]> = LaneMap(repeating: []),
    window: UInt64 = SessionLimits.windowBytes, codecs: UInt64? = Codec.readable
  ) {
    self.codecs = codecs
    self.window = window
    self.brought = brought
    self.resumption = resumption
    self.ancestors = ancestors
    self.endpoints = endpoints
    self.token = token
    self.identity = identity
    self.head = head
    self.clock = clock
    self.cursors = cursors
  }
}

extension Hello {
  /// The store's log; an older program tells the epoch alone.
  package var log: Lineage { Lineage(epoch: epoch, ancestors: ancestors ?? []) }
  /// HQ's log, as far as the store has heard of it.
  package var peerLog: Lineage? { peerEpoch.map { Lineage(epoch: $0, ancestors: peerAncestors) } }
}

/// A stretch of the log, ready to go; `batch` is nil if nothing in it concerns the peer.
package struct LoadedStretch: Hashable, Sendable {
  package var lane: Lane
  package var after: Sequence64
  package var through: Sequence64
  package var hasMore: Bool
  package var skipped: Int
  package var batch: Batch?
  /// Of the batch's groups, in order.
  package var stamps: [Stamp]

  package init(
    lane: Lane, after: Sequence64, through: Sequence64, hasMore: Bool, skipped: Int, batch: Batch?,
    stamps: [Stamp] = []
  ) {
    self.stamps = stamps
    self.lane = lane
    self.after = after
    self.through = through
    self.hasMore = hasMore
    self.skipped = skipped
    self.batch = batch
  }
}

/// What the handshake told.
package struct LinkInformation: Hashable, Sendable {
  package var peer: ReplicaID
  package var peerEpoch: Epoch
  package var peerClock: WallTime
  package var peerSoftware: String
  package var version: UInt64
  /// How far the peer has this node's log.
  package var acknowledged: LaneMap<Sequence64>
}

/// Why a link ended.
package enum CloseReason: Hashable, Sendable, CustomStringConvertible {
  case refusedByPeer(Refusal)
  case refusedByUs(Refusal)
  case disconnected(String)
  case timedOut(String)
  case stopped
  /// A store has joined, which was all.
  case enrolled

  package var description: String {
    switch self {
    case .refusedByPeer(let refusal): "the peer refused: \(refusal.message) (\(refusal.code))"
    case .refusedByUs(let refusal): "\(refusal.message) (\(refusal.code))"
    case .disconnected(let reason): "the connection is gone: \(reason)"
    case .timedOut(let what): "timed out: \(what)"
    case .stopped: "the node stops"
    case .enrolled: "the store has joined"
    }
  }
}
