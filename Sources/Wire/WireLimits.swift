/// What this module accepts at most. Each is checked before anything is allocated.
package enum WireLimits {
  /// The payload of one frame. A batch is a few megabytes at the most; what is left bounds the memory that one peer can
  /// bind before its first frame is checked. Also far below what other protocols' first four bytes are as a length, so
  /// that a wrong port is noticed at once.
  package static let maximumFrameBytes = 16 << 20

  /// Arrays and maps within each other. Messages nest less than ten deep; reading is recursive, and this bounds the stack.
  package static let maximumDepth = 32

  /// Items in one `CBORValue`. A value of one byte takes some twenty in memory: only control messages are read that way.
  package static let maximumValueItems = 65_536

  /// Bytes of a batch's contents before compression. A frame holds them even where they do not compress.
  package static let maximumContentsBytes = 15 << 20

  /// Groups in one batch: the shortest group takes some twenty bytes, and a batch is filled by bytes.
  package static let maximumBatchGroups = 100_000

  /// Replicas that one batch names: every node of the largest chain, with incarnations to spare.
  package static let maximumBatchReplicas = 65_536

  /// Fields of one record; the model has some dozens at the most, and newer versions more.
  package static let maximumRecordFields = 1_024

  /// Deletion marks of one record: concurrent deletions of one record at one time.
  package static let maximumDeletionMarks = 65_536

  /// Elements of a set, entries of custom fields. Above what a replica may write, since a merge puts several together.
  package static let maximumCollectionCount = 65_536

  /// Keys of a message's map: those of this version, and room for later ones.
  package static let maximumMessageFields = 64

  /// A reason, a code, a name of software: a few lines at the most.
  package static let maximumTextBytes = 4_096

  /// What proves a store's identity.
  package static let maximumCredentialBytes = 256

  /// Addresses at which HQ can be reached: a store tries them in turn, and more would keep it waiting.
  package static let maximumEndpoints = 8
  /// Keys of HQ that a store takes: the one that it shows, the next, the last, and one more.
  package static let maximumPins = 4
  /// Of a pin: a SHA-256.
  package static let pinBytes = 32

  /// Of such an address: the longest host name, and a port.
  package static let maximumEndpointBytes = 264

  /// Epochs that a log went on from, in a greeting: a node remembers fewer.
  package static let maximumAncestors = 64

  /// Entries a lane that a batch brings along, and that HQ tells to have: a store pulls in fewer.
  package static let maximumBroughtEntries = 4_096

  /// Ranges in one question of `verify`: some hundred bytes each in an answer that lists records.
  package static let maximumVerifyRanges = 64

  /// Records that a question of `verify` names: with ids of the greatest length still a small message.
  package static let maximumVerifyKeys = 256

  /// Records or parts that are told of one range.
  package static let maximumVerifyItems = 64
}
