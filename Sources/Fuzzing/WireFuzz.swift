import Merge
import Wire

/// What comes over a link.
enum WireFuzz {
  /// However the stream is cut into chunks, the same frames come out, and they are the stream.
  static func frames(_ bytes: [UInt8]) -> String? {
    let whole = read([bytes])
    var choices = Choices(bytes)
    var chunks: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = 1 + choices.below(7)
      chunks.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    guard read(chunks) == whole else { return "the frames depend on how the stream was cut" }
    var again: [UInt8] = []
    do throws(FrameError) {
      for payload in whole.payloads { again += try FrameWriter.frame(payload) }
    } catch {
      return "a frame that was read cannot be written: \(error)"
    }
    guard bytes.starts(with: again) else { return "the frames are not what the stream says" }
    return whole.error == nil && again.count != bytes.count ? "the stream ended in the middle, and nobody noticed" : nil
  }

  private struct Reading: Equatable {
    var payloads: [[UInt8]] = []
    var error: FrameError?
  }

  private static func read(_ chunks: [[UInt8]]) -> Reading {
    var decoder = FrameDecoder()
    var reading = Reading()
    do throws(FrameError) {
      for chunk in chunks {
        decoder.append(chunk)
        while let payload = try decoder.next() { reading.payloads.append(payload) }
      }
      try decoder.finish()
    } catch {
      reading.error = error
    }
    return reading
  }

  /// A message that can be read is read again as the same.
  static func message(_ bytes: [UInt8]) -> String? {
    guard let message = try? Message(decoding: bytes) else { return nil }
    let encoded = message.encoded()
    guard let again = try? Message(decoding: encoded) else { return "what was written of it cannot be read" }
    return again == message && again.encoded() == encoded ? nil : "it is another one when it is written and read again"
  }

  /// An item of the protocol's subset has one encoding.
  static func cbor(_ bytes: [UInt8]) -> String? {
    guard let value = try? CBORValue(decoding: bytes) else { return nil }
    return value.encoded() == bytes ? nil : "an item was read that is not in its one encoding"
  }

  /// A group that can be read is the same when it is written again, and alone as in its batch.
  static func contents(_ bytes: [UInt8]) -> String? {
    guard let decoded = try? BatchContents.decode(bytes) else { return nil }
    if let problem = problem(ofGroupsAloneIn: decoded) { return problem }
    let groups = decoded.groups.compactMap { try? $0.get() }
    guard let again = try? BatchContents.decode(BatchContents.encode(groups)) else {
      return "what was written of the groups cannot be read"
    }
    let same = again.groups.count == groups.count && zip(again.groups, groups).allSatisfy { (try? $0.get()) == $1 }
    return same ? nil : "groups are others when they are written and read again"
  }

  /// Each group alone is what it is in its batch.
  private static func problem(ofGroupsAloneIn decoded: BatchContents.Decoded) -> String? {
    for (index, group) in decoded.groups.enumerated() {
      guard let alone = try? BatchContents.decode(decoded.single(index)), alone.groups.count == 1 else {
        return "a group cannot be read alone"
      }
      switch (group, alone.groups[0]) {
      case (.success(let group), .success(let alone)) where group == alone: break
      case (.failure, .failure): break
      default: return "a group alone is another one"
      }
    }
    return nil
  }

  /// Groups that can be read from columns are the same when they are written again in either form, and alone as in their
  /// batch; what cannot be read is kept as contents of one group that cannot be read either.
  static func columns(_ bytes: [UInt8]) -> String? {
    guard let decoded = try? ColumnContents.decode(bytes) else { return nil }
    if let problem = problem(ofGroupsAloneIn: decoded) { return problem }
    let groups = decoded.groups.compactMap { try? $0.get() }
    guard let columns = ColumnContents.encode(groups), let again = try? ColumnContents.decode(columns.bytes) else {
      return "what was written of the groups cannot be read"
    }
    let same = again.groups.count == groups.count && zip(again.groups, groups).allSatisfy { (try? $0.get()) == $1 }
    guard same else { return "groups are others when they are written and read again" }
    return ColumnContents.encode(groups) == columns ? nil : "the same groups are other bytes"
  }
}
