import Base
import Causality
import RecordStore
import StoreModel

// Byte layout: Protocol/SPEC.md, "Messages"; Protocol/storesync.cddl.
//
// A message is an array of its number and a map with number keys. A reader passes over keys that it does not know, so a
// later version can say more; a key that is needed and missing is an error.

extension Message {
  package func encoded() -> [UInt8] {
    var writer = CBORWriter(reserving: 64)
    writer.append(arrayCount: 2)
    switch self {
    case .hello(let hello):
      writer.append(unsigned: 1)
      hello.append(to: &writer)
    case .welcome(let welcome):
      writer.append(unsigned: 2)
      welcome.append(to: &writer)
    case .refusal(let refusal):
      writer.append(unsigned: 3)
      refusal.append(to: &writer)
    case .batch(let batch):
      writer.append(unsigned: 4)
      batch.append(to: &writer)
    case .acknowledgement(let acknowledgement):
      writer.append(unsigned: 5)
      acknowledgement.append(to: &writer)
    case .ping(let number):
      writer.append(unsigned: 6)
      writer.append(unsigned: number)
    case .pong(let number):
      writer.append(unsigned: 7)
      writer.append(unsigned: number)
    case .caughtUp:
      writer.append(unsigned: 8)
      writer.append(mapCount: 0)
    case .enrol(let enrol):
      writer.append(unsigned: 9)
      enrol.append(to: &writer)
    case .enrolled(let enrolled):
      writer.append(unsigned: 10)
      enrolled.append(to: &writer)
    case .endpoints(let list):
      writer.append(unsigned: 11)
      writer.append(mapCount: 2)
      writer.append(0, unsigned: list.version)
      writer.append(unsigned: 1)
      list.appendEndpoints(to: &writer)
    case .endpointsKept(let version):
      writer.append(unsigned: 12)
      writer.append(mapCount: 1)
      writer.append(0, unsigned: version)
    case .verify(let question):
      writer.append(unsigned: 13)
      question.append(to: &writer)
    case .verified(let answer):
      writer.append(unsigned: 14)
      answer.append(to: &writer)
    case .keys(let news):
      writer.append(unsigned: 15)
      news.append(to: &writer)
    case .keysKept(let receipt):
      writer.append(unsigned: 16)
      receipt.append(to: &writer)
    }
    return writer.bytes
  }

  package init(decoding bytes: [UInt8]) throws(DecodeError) {
    var reader = CBORReader(bytes)
    try reader.expectArray(2)
    switch try reader.readUnsigned() {
    case 1: self = .hello(try Hello(&reader))
    case 2: self = .welcome(try Welcome(&reader))
    case 3: self = .refusal(try Refusal(&reader))
    case 4: self = .batch(try Batch(&reader))
    case 5: self = .acknowledgement(try Acknowledgement(&reader))
    case 6: self = .ping(try reader.readUnsigned())
    case 7: self = .pong(try reader.readUnsigned())
    case 8:
      var fields = MessageFields()
      try fields.read(&reader)
      self = .caughtUp
    case 9: self = .enrol(try Enrol(&reader))
    case 10: self = .enrolled(try Enrolled(&reader))
    case 11: self = .endpoints(try EndpointList(message: &reader))
    case 12:
      var fields = MessageFields()
      try fields.read(&reader)
      self = .endpointsKept(try fields.unsigned(0))
    case 13: self = .verify(try VerifyQuestion(&reader))
    case 14: self = .verified(try VerifyAnswer(&reader))
    case 15: self = .keys(try KeyNews(&reader))
    case 16: self = .keysKept(try KeyReceipt(&reader))
    default: throw reader.invalid("a message number from 1 to 16")
    }
    try reader.expectEnd()
  }
}

extension Hello {
  fileprivate func append(to writer: inout CBORWriter) {
    writer.append(
      mapCount: 9 + (peerEpoch == nil ? 0 : 1) + (token == nil ? 0 : 1) + (endpointsVersion == nil ? 0 : 1)
        + (ancestors == nil ? 0 : 1) + (peerAncestors.isEmpty ? 0 : 1) + (answersVerify ? 1 : 0)
        + (keysVersion == nil ? 0 : 1) + (codecs == nil ? 0 : 1))
    writer.append(0, unsigned: oldestVersion)
    writer.append(1, unsigned: newestVersion)
    writer.append(2, replica)
    writer.append(unsigned: 3)
    writer.append(bytes: credential)
    writer.append(4, unsigned: epoch.rawValue)
    writer.append(unsigned: 5)
    writer.append(integer: clock.milliseconds)
    if let peerEpoch { writer.append(6, unsigned: peerEpoch.rawValue) }
    writer.append(7, cursors)
    writer.append(8, unsigned: window)
    writer.append(9, text: software)
    if let token {
      writer.append(unsigned: 10)
      writer.append(bytes: token)
    }
    if let endpointsVersion { writer.append(11, unsigned: endpointsVersion) }
    if let ancestors { writer.append(12, ancestors) }
    if !peerAncestors.isEmpty { writer.append(13, peerAncestors) }
    if answersVerify {
      writer.append(unsigned: 14)
      writer.append(boolean: true)
    }
    if let keysVersion { writer.append(15, unsigned: keysVersion) }
    if let codecs { writer.append(16, unsigned: codecs) }
  }

  fileprivate init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    oldestVersion = try fields.unsigned(0)
    newestVersion = try fields.unsigned(1)
    replica = try fields.replica(2)
    credential = try fields.bytes(3, limit: WireLimits.maximumCredentialBytes)
    epoch = Epoch(rawValue: try fields.unsigned(4))
    clock = WallTime(milliseconds: try fields.integer(5))
    peerEpoch = try fields.optionalUnsigned(6).map(Epoch.init)
    cursors = try fields.cursors(7)
    window = try fields.unsigned(8)
    software = try fields.text(9)
    token = try fields.optionalBytes(10, limit: WireLimits.maximumCredentialBytes)
    endpointsVersion = try fields.optionalUnsigned(11)
    ancestors = try fields.ancestors(12)
    peerAncestors = try fields.ancestors(13) ?? []
    answersVerify = try fields.optional(14) { (reader) throws(DecodeError) in try reader.readBoolean() } ?? false
    keysVersion = try fields.optionalUnsigned(15)
    codecs = try fields.optionalUnsigned(16)
  }
}

extension Welcome {
  fileprivate func append(to writer: inout CBORWriter) {
    writer.append(
      mapCount: 7 + (token == nil ? 0 : 1) + (endpoints == nil ? 0 : 1) + (ancestors == nil ? 0 : 1)
        + (resumption == nil ? 0 : 1) + (brought.isEmpty ? 0 : 1) + (codecs == nil ? 0 : 1))
    writer.append(0, unsigned: version)
    writer.append(1, replica)
    writer.append(2, unsigned: epoch.rawValue)
    writer.append(unsigned: 3)
    writer.append(integer: clock.milliseconds)
    writer.append(4, cursors)
    writer.append(5, unsigned: window)
    writer.append(6, text: software)
    if let token {
      writer.append(unsigned: 7)
      writer.append(bytes: token)
    }
    if let endpoints {
      writer.append(unsigned: 8)
      writer.append(arrayCount: 2)
      writer.append(unsigned: endpoints.version)
      endpoints.appendEndpoints(to: &writer)
    }
    if let ancestors { writer.append(9, ancestors) }
    if let resumption { writer.append(10, resumption) }
    if !brought.isEmpty { writer.append(11, brought) }
    if let codecs { writer.append(12, unsigned: codecs) }
  }

  fileprivate init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    version = try fields.unsigned(0)
    replica = try fields.replica(1)
    epoch = Epoch(rawValue: try fields.unsigned(2))
    clock = WallTime(milliseconds: try fields.integer(3))
    cursors = try fields.cursors(4)
    window = try fields.unsigned(5)
    software = try fields.text(6)
    token = try fields.optionalBytes(7, limit: WireLimits.maximumCredentialBytes)
    endpoints = try fields.optional(8) { (reader) throws(DecodeError) in
      try reader.expectArray(2)
      return EndpointList(version: try reader.readUnsigned(), endpoints: try EndpointList.readEndpoints(&reader))
    }
    ancestors = try fields.ancestors(9)
    resumption = try fields.optionalCursors(10)
    brought = try fields.brought(11)
    codecs = try fields.optionalUnsigned(12)
  }
}

extension EndpointList {
  fileprivate func appendEndpoints(to writer: inout CBORWriter) {
    writer.append(arrayCount: endpoints.count)
    for endpoint in endpoints { writer.append(text: endpoint) }
  }

  fileprivate static func readEndpoints(_ reader: inout CBORReader) throws(DecodeError) -> [String] {
    let count = try reader.readArrayCount(limit: WireLimits.maximumEndpoints)
    guard count > 0 else { throw reader.invalid("1 to \(WireLimits.maximumEndpoints) addresses") }
    var endpoints: [String] = []
    for _ in 0..<count { endpoints.append(try reader.readText(limit: WireLimits.maximumEndpointBytes)) }
    return endpoints
  }

  fileprivate init(message reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    version = try fields.unsigned(0)
    endpoints = try fields.needed(1) { (reader) throws(DecodeError) in try Self.readEndpoints(&reader) }
  }
}

extension Refusal {
  fileprivate func append(to writer: inout CBORWriter) {
    let brought = coverage?.brought ?? LaneMap(repeating: [])
    writer.append(mapCount: 3 + (coverage == nil ? 0 : 1) + (brought.isEmpty ? 0 : 1))
    writer.append(0, text: code)
    writer.append(1, text: message)
    writer.append(2, unsigned: retryAfter)
    if let coverage { writer.append(3, coverage.cursors) }
    if !brought.isEmpty { writer.append(4, brought) }
  }

  fileprivate init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    code = try fields.text(0)
    message = try fields.text(1)
    retryAfter = try fields.unsigned(2)
    let brought = try fields.brought(4)
    coverage = try fields.optionalCursors(3).map { LogCoverage(cursors: $0, brought: brought) }
  }
}

extension Acknowledgement {
  fileprivate func append(to writer: inout CBORWriter) {
    writer.append(mapCount: exceptions.isEmpty ? 2 : 3)
    writer.append(0, unsigned: UInt64(lane.rawValue))
    writer.append(1, unsigned: through)
    guard !exceptions.isEmpty else { return }
    writer.append(unsigned: 2)
    writer.append(arrayCount: exceptions.count)
    for exception in exceptions {
      writer.append(arrayCount: 4)
      writer.append(unsigned: exception.index)
      writer.append(unsigned: exception.outcome.rawValue)
      writer.append(text: exception.code)
      writer.append(text: exception.reason)
    }
  }

  fileprivate init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    lane = try fields.lane(0)
    through = try fields.unsigned(1)
    exceptions =
      try fields.optional(2) { (list) throws(DecodeError) in
        var exceptions: [Exception] = []
        for _ in 0..<(try list.readArrayCount(limit: WireLimits.maximumBatchGroups)) {
          exceptions.append(try Exception(&list))
        }
        return exceptions
      } ?? []
  }
}

extension Acknowledgement.Exception {
  fileprivate init(_ list: inout CBORReader) throws(DecodeError) {
    try list.expectArray(4)
    index = try list.readUnsigned()
    guard let outcome = Outcome(rawValue: try list.readUnsigned()) else { throw list.invalid("an outcome, 1 or 2") }
    self.outcome = outcome
    code = try list.readText(limit: WireLimits.maximumTextBytes)
    reason = try list.readText(limit: WireLimits.maximumTextBytes)
  }
}

extension Enrol {
  fileprivate func append(to writer: inout CBORWriter) {
    writer.append(mapCount: 5)
    writer.append(0, unsigned: oldestVersion)
    writer.append(1, unsigned: newestVersion)
    writer.append(2, unsigned: UInt64(node.rawValue))
    writer.append(unsigned: 3)
    writer.append(bytes: secret)
    writer.append(4, text: software)
  }

  fileprivate init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    oldestVersion = try fields.unsigned(0)
    newestVersion = try fields.unsigned(1)
    node = try fields.node(2)
    secret = try fields.bytes(3, limit: WireLimits.maximumCredentialBytes)
    software = try fields.text(4)
  }
}

extension Enrolled {
  fileprivate func append(to writer: inout CBORWriter) {
    writer.append(mapCount: 2)
    writer.append(0, unsigned: version)
    writer.append(unsigned: 1)
    writer.append(bytes: credential)
  }

  fileprivate init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    version = try fields.unsigned(0)
    credential = try fields.bytes(1, limit: WireLimits.maximumCredentialBytes)
  }
}
