import Causality
import Merge
import StoreModel

// Byte layout: Protocol/SPEC.md, "Verifying"; Protocol/storesync.cddl.

extension VerifyQuestion {
  func append(to writer: inout CBORWriter) {
    let count = [!ranges.isEmpty, !keys.isEmpty, !resend.isEmpty, !recount.isEmpty, isUnhurried, areErased]
      .count { $0 }
    writer.append(mapCount: 1 + count)
    writer.append(0, unsigned: number)
    if !ranges.isEmpty {
      writer.append(unsigned: 1)
      writer.append(arrayCount: ranges.count)
      for item in ranges {
        writer.append(arrayCount: 5)
        writer.append(unsigned: UInt64(item.range.entity.rawValue))
        writer.append(bound: item.range.after)
        writer.append(bound: item.range.through)
        writer.append(item.summary)
      }
    }
    if !keys.isEmpty { writer.append(2, keys) }
    if !resend.isEmpty { writer.append(3, resend) }
    if !recount.isEmpty {
      writer.append(unsigned: 4)
      writer.append(arrayCount: recount.count)
      for entity in recount { writer.append(unsigned: UInt64(entity.rawValue)) }
    }
    if isUnhurried {
      writer.append(unsigned: 5)
      writer.append(boolean: true)
    }
    if areErased {
      writer.append(unsigned: 6)
      writer.append(boolean: true)
    }
  }

  init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    number = try fields.unsigned(0)
    ranges =
      try fields.optional(1) { (reader) throws(DecodeError) in
        var ranges: [Range] = []
        for _ in 0..<(try reader.readArrayCount(limit: WireLimits.maximumVerifyRanges)) {
          try reader.expectArray(5)
          let entity = try reader.readEntity()
          let after = try reader.readBound()
          let through = try reader.readBound()
          let range = RecordRange(entity: entity, after: after, through: through)
          ranges.append(Range(range, try reader.readSummary()))
        }
        return ranges
      } ?? []
    keys = try fields.optional(2) { (reader) throws(DecodeError) in try reader.readKeys() } ?? []
    resend = try fields.optional(3) { (reader) throws(DecodeError) in try reader.readKeys() } ?? []
    recount =
      try fields.optional(4) { (reader) throws(DecodeError) in
        var entities: [EntityTag] = []
        for _ in 0..<(try reader.readArrayCount(limit: WireLimits.maximumVerifyKeys)) {
          entities.append(try reader.readEntity())
        }
        return entities
      } ?? []
    isUnhurried = try fields.optional(5) { (reader) throws(DecodeError) in try reader.readBoolean() } ?? false
    areErased = try fields.optional(6) { (reader) throws(DecodeError) in try reader.readBoolean() } ?? false
  }
}

extension VerifyAnswer {
  func append(to writer: inout CBORWriter) {
    writer.append(
      mapCount: 1 + [!findings.isEmpty, !looks.isEmpty, problem != nil, isWiped, remark != nil].count { $0 })
    writer.append(0, unsigned: number)
    if !findings.isEmpty {
      writer.append(unsigned: 1)
      writer.append(arrayCount: findings.count)
      for finding in findings { finding.append(to: &writer) }
    }
    if !looks.isEmpty {
      writer.append(unsigned: 2)
      writer.append(arrayCount: looks.count)
      for look in looks {
        guard let look else {
          writer.appendNull()
          continue
        }
        writer.append(arrayCount: 2)
        writer.append(sum: look.digest.value)
        writer.append(arrayCount: 3 * look.vector.entries.count)
        for entry in look.vector.entries {
          writer.append(unsigned: UInt64(entry.replica.node.rawValue))
          writer.append(unsigned: UInt64(entry.replica.incarnation))
          writer.append(unsigned: entry.time.rawValue)
        }
      }
    }
    if let problem { writer.append(3, text: problem) }
    if isWiped {
      writer.append(unsigned: 4)
      writer.append(boolean: true)
    }
    if let remark { writer.append(5, text: remark) }
  }

  init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    number = try fields.unsigned(0)
    findings =
      try fields.optional(1) { (reader) throws(DecodeError) in
        var findings: [Finding] = []
        for _ in 0..<(try reader.readArrayCount(limit: WireLimits.maximumVerifyRanges)) {
          findings.append(try Finding(&reader))
        }
        return findings
      } ?? []
    looks =
      try fields.optional(2) { (reader) throws(DecodeError) in
        var looks: [Look?] = []
        for _ in 0..<(try reader.readArrayCount(limit: WireLimits.maximumVerifyKeys)) {
          if try reader.peekKind() == .null {
            try reader.readNull()
            looks.append(nil)
          } else {
            looks.append(try Look(&reader))
          }
        }
        return looks
      } ?? []
    problem = try fields.optional(3) { (reader) throws(DecodeError) in
      try reader.readText(limit: WireLimits.maximumTextBytes)
    }
    isWiped = try fields.optional(4) { (reader) throws(DecodeError) in try reader.readBoolean() } ?? false
    remark = try fields.optional(5) { (reader) throws(DecodeError) in
      try reader.readText(limit: WireLimits.maximumTextBytes)
    }
  }
}

extension VerifyAnswer.Finding {
  fileprivate func append(to writer: inout CBORWriter) {
    switch self {
    case .equal:
      writer.append(arrayCount: 1)
      writer.append(unsigned: 0)
    case .items(let items):
      writer.append(arrayCount: 2)
      writer.append(unsigned: 1)
      writer.append(arrayCount: items.count)
      for item in items {
        writer.append(arrayCount: 2)
        writer.append(bytes: item.id.bytes)
        writer.append(sum: item.digest.value)
      }
    case .parts(let parts):
      writer.append(arrayCount: 2)
      writer.append(unsigned: 2)
      writer.append(arrayCount: parts.count)
      for part in parts {
        writer.append(arrayCount: 3)
        writer.append(bound: part.through)
        writer.append(part.summary)
      }
    }
  }

  fileprivate init(_ reader: inout CBORReader) throws(DecodeError) {
    let count = try reader.readArrayCount(limit: 2)
    guard count > 0 else { throw reader.invalid("a finding") }
    switch (try reader.readUnsigned(), count) {
    case (0, 1): self = .equal
    case (1, 2):
      var items: [VerifyAnswer.Item] = []
      for _ in 0..<(try reader.readArrayCount(limit: WireLimits.maximumVerifyItems)) {
        try reader.expectArray(2)
        let id = RecordID(try reader.readBytes(limit: ModelLimits.recordIDBytes))
        items.append(VerifyAnswer.Item(id: id, digest: RecordDigest(try reader.readSum())))
      }
      self = .items(items)
    case (2, 2):
      var parts: [VerifyAnswer.Part] = []
      for _ in 0..<(try reader.readArrayCount(limit: WireLimits.maximumVerifyItems)) {
        try reader.expectArray(3)
        let through = try reader.readBound()
        parts.append(VerifyAnswer.Part(through: through, summary: try reader.readSummary()))
      }
      self = .parts(parts)
    default: throw reader.invalid("a finding: 0 alone, 1 with a list of records, or 2 with a list of parts")
    }
  }
}

extension VerifyAnswer.Look {
  fileprivate init(_ reader: inout CBORReader) throws(DecodeError) {
    try reader.expectArray(2)
    digest = RecordDigest(try reader.readSum())
    let count = try reader.readArrayCount(limit: 3 * WireLimits.maximumBatchReplicas)
    guard count.isMultiple(of: 3) else { throw reader.invalid("node, incarnation and time of each replica") }
    var entries: [VersionVector.Entry] = []
    for _ in 0..<count / 3 {
      let replica = ReplicaID(node: NodeNumber(try reader.readUInt32()), incarnation: try reader.readUInt32())
      let time = HybridTimestamp(rawValue: try reader.readUnsigned())
      entries.append(VersionVector.Entry(replica: replica, time: time))
    }
    guard let vector = VersionVector(ascending: entries) else { throw reader.invalid("replicas in ascending order") }
    self.vector = vector
  }
}

extension CBORWriter {
  /// A bound of a range; no id is empty, so that says that there is none.
  fileprivate mutating func append(bound id: RecordID?) { append(bytes: id?.bytes ?? []) }

  fileprivate mutating func append(sum: UInt128) {
    append(
      bytes: stride(from: 120, through: 0, by: -8).map { UInt8(truncatingIfNeeded: sum >> UInt128($0)) })
  }

  fileprivate mutating func append(_ summary: RangeSummary) {
    append(unsigned: summary.count)
    append(sum: summary.sum)
  }

  fileprivate mutating func append(_ key: UInt64, _ keys: [RecordKey]) {
    append(unsigned: key)
    append(arrayCount: keys.count)
    for key in keys {
      append(arrayCount: 2)
      append(unsigned: UInt64(key.entity.rawValue))
      append(bytes: key.id.bytes)
    }
  }
}

extension CBORReader {
  fileprivate mutating func readEntity() throws(DecodeError) -> EntityTag {
    guard let tag = UInt16(exactly: try readUnsigned()) else { throw invalid("an entity's tag, of 16 bits") }
    return EntityTag(tag)
  }

  fileprivate mutating func readBound() throws(DecodeError) -> RecordID? {
    let bytes = try readBytes(limit: ModelLimits.recordIDBytes)
    return bytes.isEmpty ? nil : RecordID(bytes)
  }

  fileprivate mutating func readSum() throws(DecodeError) -> UInt128 {
    let bytes = try readBytes(limit: RecordDigest.byteCount)
    guard bytes.count == RecordDigest.byteCount else { throw invalid("\(RecordDigest.byteCount) bytes") }
    return bytes.reduce(0) { $0 << 8 | UInt128($1) }
  }

  fileprivate mutating func readSummary() throws(DecodeError) -> RangeSummary {
    let count = try readUnsigned()
    return RangeSummary(count: count, sum: try readSum())
  }

  fileprivate mutating func readKeys() throws(DecodeError) -> [RecordKey] {
    var keys: [RecordKey] = []
    for _ in 0..<(try readArrayCount(limit: WireLimits.maximumVerifyKeys)) {
      try expectArray(2)
      let entity = try readEntity()
      keys.append(RecordKey(entity: entity, id: RecordID(try readBytes(limit: ModelLimits.recordIDBytes))))
    }
    return keys
  }
}
