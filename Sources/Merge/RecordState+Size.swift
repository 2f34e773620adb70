import Causality
import StoreModel

extension RecordState {
  /// About how many bytes the record takes on the wire, for limits and for filling batches: values, and a share for
  /// each stamp and tag. Not exact.
  package var approximateByteCount: Int {
    var count = 16 + id.bytes.count + 16 * vector.entries.count
    for mark in deletions { count += 16 + 16 * mark.saw.entries.count }
    for field in fields {
      count += 2
      switch field.content {
      case .register(let siblings): for sibling in siblings { count += 14 + sibling.value.byteCount }
      case .set(let elements): for element in elements { count += 12 * element.stamps.count + element.value.byteCount }
      case .counter(let shares): count += 20 * shares.count
      case .map(let entries):
        for entry in entries {
          count += entry.key.utf8.count
          for sibling in entry.siblings { count += 14 + sibling.value.byteCount }
        }
      }
    }
    return count
  }
}
