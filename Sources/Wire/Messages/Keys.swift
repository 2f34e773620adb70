import Causality

/// HQ tells a store about keys: HQ's own, and what the store proves itself by.
package struct KeyNews: Hashable, Sendable {
  /// What the store answers with.
  package var number: UInt64
  /// The keys that HQ may show from now on, by their pins, in the place of all that the store knows; none: as before.
  package var pins: [[UInt8]]
  /// The store is to make itself another credential.
  package var renews: Bool
  /// HQ takes the credential that the store has sent: the store uses it from now on.
  package var isTaken: Bool

  package init(number: UInt64, pins: [[UInt8]] = [], renews: Bool = false, isTaken: Bool = false) {
    self.number = number
    self.pins = pins
    self.renews = renews
    self.isTaken = isTaken
  }
}

/// A store has done what `KeyNews` says, durably.
package struct KeyReceipt: Hashable, Sendable {
  package var number: UInt64
  /// The credential that the store has made.
  package var credential: [UInt8]?

  package init(number: UInt64, credential: [UInt8]? = nil) {
    self.number = number
    self.credential = credential
  }
}

// Byte layout: Protocol/SPEC.md, "keys, keys kept"; Protocol/storesync.cddl.

extension KeyNews {
  func append(to writer: inout CBORWriter) {
    writer.append(mapCount: 1 + [!pins.isEmpty, renews, isTaken].count { $0 })
    writer.append(0, unsigned: number)
    if !pins.isEmpty {
      writer.append(unsigned: 1)
      writer.append(arrayCount: pins.count)
      for pin in pins { writer.append(bytes: pin) }
    }
    if renews {
      writer.append(unsigned: 2)
      writer.append(boolean: true)
    }
    if isTaken {
      writer.append(unsigned: 3)
      writer.append(boolean: true)
    }
  }

  init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    number = try fields.unsigned(0)
    pins =
      try fields.optional(1) { (reader) throws(DecodeError) in
        let count = try reader.readArrayCount(limit: WireLimits.maximumPins)
        guard count > 0 else { throw reader.invalid("1 to \(WireLimits.maximumPins) pins") }
        var pins: [[UInt8]] = []
        for _ in 0..<count {
          let pin = try reader.readBytes(limit: WireLimits.pinBytes)
          guard pin.count == WireLimits.pinBytes else { throw reader.invalid("a pin of \(WireLimits.pinBytes) bytes") }
          pins.append(Array(pin))
        }
        return pins
      } ?? []
    renews = try fields.optional(2) { (reader) throws(DecodeError) in try reader.readBoolean() } ?? false
    isTaken = try fields.optional(3) { (reader) throws(DecodeError) in try reader.readBoolean() } ?? false
  }
}

extension KeyReceipt {
  func append(to writer: inout CBORWriter) {
    writer.append(mapCount: credential == nil ? 1 : 2)
    writer.append(0, unsigned: number)
    if let credential {
      writer.append(unsigned: 1)
      writer.append(bytes: credential)
    }
  }

  init(_ reader: inout CBORReader) throws(DecodeError) {
    var fields = MessageFields()
    try fields.read(&reader)
    number = try fields.unsigned(0)
    credential = try fields.optionalBytes(1, limit: WireLimits.maximumCredentialBytes)
  }
}
