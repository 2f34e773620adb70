import Base
import Causality
import Merge
import RecordStore
import SQLiteStore
import StoreModel

/// What stands in a database that may be damaged, or that a peer's claims have gone into.
enum StorageFuzz {
  /// Two lineages of any ancestors: how far they agree is never beyond the end that either of them remembers.
  static func lineage(_ bytes: [UInt8]) -> String? {
    let half = bytes.count / 2
    guard let left = lineage(bytes[..<half]), let right = lineage(bytes[half...]) else { return nil }
    guard StoredForms.ancestors(StoredForms.setting(left.ancestors)) == left.ancestors else {
      return "ancestors are others when they are written and read again"
    }
    if left.shared(with: left) != .max { return "a log does not agree with itself" }
    if let shared = left.shared(with: right) {
      let common = ([left.epoch] + left.ancestors.map(\.epoch)).first { right.end(of: $0) != nil }
      guard let common, let mine = left.end(of: common), let theirs = right.end(of: common) else {
        return "two logs agree that have no epoch in common"
      }
      guard shared <= mine, shared <= theirs else { return "two logs agree beyond what one of them has" }
    }
    if let problem = partedLog(left, right, bytes) { return problem }
    let next = left.branched(to: Epoch(rawValue: .max), at: 7, hidden: nil).lineage
    guard next.ancestors.count <= StoreLimits.ancestorCount else { return "a lineage grows without end" }
    return next.end(of: left.epoch) == 7 || left.epoch == next.epoch ? nil : "a log does not know what it went on from"
  }

  /// What HQ has had of one log is never found in another beyond what the two share, nor beyond what it has had.
  private static func partedLog(_ left: Lineage, _ right: Lineage, _ bytes: [UInt8]) -> String? {
    let ends = left.ancestors.map(\.end) + [UInt64(bytes.count), 0, 1]
    let brought = Array(Set(right.ancestors.map(\.end)).sorted().prefix(4))
    let had = LogCoverage(
      cursors: LaneMap(urgent: ends[0], normal: ends[1 % ends.count], bulk: ends[2 % ends.count]),
      brought: LaneMap(urgent: brought, normal: [], bulk: brought))
    let parted = PartedLog(log: left, coverage: had)
    guard StoredForms.partedLogs(StoredForms.setting([parted, parted])) == [parted, parted] else {
      return "parted logs are others when they are written and read again"
    }
    // Damaged settings are nil, or logs.
    _ = StoredForms.partedLogs(bytes)
    guard let found = parted.coverage(in: right) else { return nil }
    let shared = left.shared(with: right) ?? 0
    for lane in Lane.allCases {
      guard found.cursors[lane] <= min(had.cursors[lane], shared), found.brought[lane].allSatisfy({ $0 <= shared })
      else {
        return "a log has more of another one than the two share"
      }
    }
    return parted.isHeld(by: left) ? nil : "a log does not hold all of itself"
  }

  private static func lineage(_ bytes: ArraySlice<UInt8>) -> Lineage? {
    var reader = ByteReader(Array(bytes))
    guard let epoch = try? reader.readByte() else { return nil }
    guard let ancestors = StoredForms.ancestors(Array(bytes.dropFirst())) else { return nil }
    // Few epochs, so that they meet.
    return Lineage(
      epoch: Epoch(rawValue: UInt64(epoch & 7)),
      ancestors: ancestors.prefix(StoreLimits.ancestorCount).map {
        Lineage.Ancestor(epoch: Epoch(rawValue: $0.epoch.rawValue & 7), end: $0.end)
      })
  }

  /// Metadata of a record, beside a row and alone: an error or a state, and a state that is the same when it is written
  /// and read again.
  static func metadata(_ bytes: [UInt8]) -> String? {
    var choices = Choices(bytes)
    let schema = Model.retail.entities[choices.below(Model.retail.entities.count)]
    let columns = schema.fields.map { _ in value(choices.byte()) }
    let metadata = Array(bytes.dropFirst(1 + columns.count))
    let key = RecordKey(entity: schema.tag, id: RecordID([1]))
    do throws(StoreError) {
      let forms = try StoredForms(replicas: (0..<4).map { ReplicaID(node: NodeNumber($0), incarnation: 1) })
      if let body = try? forms.body(metadata, key, row: (schema, columns)), case .held(let state) = body {
        _ = state.isDeleted(schema.deletion)
        for field in schema.fields { _ = state.shown(field, schema) }
      }
      guard let body = try? forms.body(Array(bytes), key, row: nil) else { return nil }
      return try forms.body(forms.metadata(body), key, row: nil) == body
        ? nil : "a record without a row is another one when it is written and read again"
    } catch {
      return "what was read cannot be written and read: \(error)"
    }
  }

  private static func value(_ choice: UInt8) -> Value {
    switch choice % 4 {
    case 0: .null
    case 1: .integer(Int64(choice))
    case 2: .text("a\(choice)")
    default: .bytes([choice])
    }
  }
}
