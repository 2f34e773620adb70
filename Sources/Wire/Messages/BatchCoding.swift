import RecordStore
import StoreModel

// Byte layout: Protocol/SPEC.md, "4 batch"; Protocol/storesync.cddl.

extension Batch {
  /// Columns are for peers that know keys may be left out: a basket is a hundred bytes, and these would be a dozen more.
  private var leavesOut: Bool { UInt8(exactly: codec).flatMap(Codec.init)?.isColumns == true }

  func append(to writer: inout CBORWriter) {
    let isAwaiting = awaited != LaneMap(repeating: 0)
    let through = leavesOut && after < .max && through == after + 1 ? nil : through
    let incompleteUntil = leavesOut && incompleteUntil == 0 ? nil : incompleteUntil
    let groupCount = leavesOut && groupCount == 1 ? nil : groupCount
    let contentsBytes = leavesOut && contentsBytes == UInt64(payload.count) ? nil : contentsBytes
    let optional = [through, incompleteUntil, groupCount, contentsBytes].count { $0 != nil }
    writer.append(mapCount: 4 + optional + (brought.isEmpty ? 0 : 1) + (isAwaiting ? 1 : 0))
    writer.append(0, unsigned: UInt64(lane.rawValue))
    writer.append(1, unsigned: after)
    if let through { writer.append(2, unsigned: through) }
    if let incompleteUntil { writer.append(3, unsigned: incompleteUntil) }
    writer.append(4, unsigned: codec)
    if let groupCount { writer.append(5, unsigned: groupCount) }
    if let contentsBytes { writer.append(6, unsigned: contentsBytes) }
    writer.append(unsigned: 7)
    writer.append(bytes: payload)
    if !brought.isEmpty { writer.append(8, brought) }
    if isAwaiting { writer.append(9, awaited) }
  }

  init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    lane = try fields.lane(0)
    after = try fields.unsigned(1)
    codec = try fields.unsigned(4)
    payload = try fields.bytes(7, limit: WireLimits.maximumFrameBytes)
    brought = try fields.brought(8)
    awaited = try fields.optionalCursors(9) ?? LaneMap(repeating: 0)
    if UInt8(exactly: codec).flatMap(Codec.init)?.isColumns == true {
      let next = after.addingReportingOverflow(1)
      guard let through = try fields.optionalUnsigned(2) ?? (next.overflow ? nil : next.partialValue) else {
        throw reader.invalid("a sequence")
      }
      self.through = through
      incompleteUntil = try fields.optionalUnsigned(3) ?? 0
      groupCount = try fields.optionalUnsigned(5) ?? 1
      contentsBytes = try fields.optionalUnsigned(6) ?? UInt64(payload.count)
    } else {
      through = try fields.unsigned(2)
      incompleteUntil = try fields.unsigned(3)
      groupCount = try fields.unsigned(5)
      contentsBytes = try fields.unsigned(6)
    }
  }
}
