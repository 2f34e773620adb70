import Base
import Causality
import RecordStore
import SyncSession

/// What a node's database holds besides records: it goes with the disk, into backups and back.
struct NodeMemory {
  /// A store: HQ's last session token.
  var token: [UInt8]?
  /// HQ: which databases have come as each store.
  var histories: [NodeNumber: StoreHistory] = [:]
  var retired: Set<NodeNumber> = []
  /// HQ: that it has lost something, in which epoch it noticed, and when.
  var loss: (epoch: Epoch, noticedAt: WallTime)?

  /// HQ: whether a store may still have something that HQ has lost.
  func isHealing(of stores: [NodeNumber]) -> Bool {
    guard let loss else { return false }
    return stores.contains { node in
      !retired.contains(node) && (histories[node] ?? StoreHistory()).mayHold(whatWasLostBefore: loss.noticedAt)
    }
  }
}

/// A disk as it was at some time.
struct NodeBackup {
  var disk: any StorageBackend
  var memory: NodeMemory
  var madeAt: Int64
  /// The disk itself, which another took the place of, and not a copy.
  var isDisk = false
}
