import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Wire

/// Random messages and groups in the form that decoding gives.
extension SeededGenerator {
  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
  private mutating func chance(_ oneIn: Int) -> Bool { number(1...oneIn) == 1 }

  mutating func message() -> Message {
    switch number(1...16) {
    case 1:
      return .hello(
        Hello(
          oldestVersion: magnitude(), newestVersion: magnitude(), replica: replica(), credential: bytes(upTo: 40),
          epoch: Epoch(rawValue: magnitude()), clock: clock(),
          peerEpoch: chance(2) ? nil : Epoch(rawValue: magnitude()), cursors: cursors(), window: magnitude(),
          software: text(), token: chance(2) ? nil : bytes(upTo: 40),
          endpointsVersion: chance(2) ? nil : magnitude(), answersVerify: chance(2),
          keysVersion: chance(2) ? nil : magnitude(), codecs: chance(2) ? nil : magnitude()))
    case 2:
      return .welcome(
        Welcome(
          version: magnitude(), replica: replica(), epoch: Epoch(rawValue: magnitude()), clock: clock(),
          cursors: cursors(), window: magnitude(), software: text(), token: chance(2) ? nil : bytes(upTo: 40),
          endpoints: chance(2) ? nil : endpoints(), codecs: chance(2) ? nil : magnitude()))
    case 3: return .refusal(Refusal(code: text(), message: text(), retryAfter: magnitude()))
    case 4:
      // Columns leave out what is as usual.
      let payload = bytes(upTo: 60)
      let after = magnitude()
      return .batch(
        Batch(
          lane: lane(), after: after, through: chance(2) ? after &+ 1 : magnitude(),
          incompleteUntil: chance(2) ? 0 : magnitude(), codec: chance(2) ? UInt64(number(0...3)) : magnitude(),
          groupCount: chance(2) ? 1 : magnitude(), contentsBytes: chance(2) ? UInt64(payload.count) : magnitude(),
          payload: payload))
    case 5:
      let exceptions = (0..<number(0...3)).map { _ in
        Acknowledgement.Exception(
          index: magnitude(), outcome: chance(2) ? .parked : .refused, code: text(), reason: text())
      }
      return .acknowledgement(Acknowledgement(lane: lane(), through: magnitude(), exceptions: exceptions))
    case 6: return .ping(magnitude())
    case 7: return .pong(magnitude())
    case 8:
      return .enrol(
        Enrol(
          oldestVersion: magnitude(), newestVersion: magnitude(), node: replica().node, secret: bytes(upTo: 40),
          software: text()))
    case 10: return .endpoints(endpoints())
    case 11: return .endpointsKept(magnitude())
    case 9: return .enrolled(Enrolled(version: magnitude(), credential: bytes(upTo: 40)))
    case 12: return .verify(question())
    case 13: return .verified(answer())
    case 14:
      let pins = (0..<number(0...4)).map { _ in (0..<32).map { _ in UInt8(number(0...255)) } }
      return .keys(KeyNews(number: magnitude(), pins: pins, renews: chance(2), isTaken: chance(2)))
    case 15:
      return .keysKept(KeyReceipt(number: magnitude(), credential: chance(2) ? nil : bytes(upTo: 40)))
    default: return .caughtUp
    }
  }

  private mutating func digest() -> RecordDigest {
    RecordDigest(UInt128(magnitude()) << 64 | UInt128(magnitude()))
  }
  private mutating func summary() -> RangeSummary { RangeSummary(count: magnitude(), sum: digest().value) }
  private mutating func keys() -> [RecordKey] {
    (0..<number(0...3)).map { _ in RecordKey(entity: entity(), id: id()) }
  }

  private mutating func question() -> VerifyQuestion {
    let ranges = (0..<number(0...3)).map { _ in
      VerifyQuestion.Range(
        RecordRange(entity: entity(), after: chance(2) ? nil : id(), through: chance(2) ? nil : id()), summary())
    }
    return VerifyQuestion(
      number: magnitude(), ranges: ranges, keys: keys(), resend: keys(),
      recount: (0..<number(0...2)).map { _ in entity() }, isUnhurried: chance(2),
      areErased: chance(2))
  }

  private mutating func answer() -> VerifyAnswer {
    let findings = (0..<number(0...3)).map { _ -> VerifyAnswer.Finding in
      switch number(0...2) {
      case 0: .equal
      case 1: .items((0..<number(0...3)).map { _ in VerifyAnswer.Item(id: id(), digest: digest()) })
      default:
        .parts(
          (0..<number(0...3)).map { _ in VerifyAnswer.Part(through: chance(2) ? nil : id(), summary: summary()) })
      }
    }
    let looks = (0..<number(0...3)).map { _ in
      chance(2) ? nil : VerifyAnswer.Look(digest: digest(), vector: vector([replica(), replica()]))
    }
    return VerifyAnswer(
      number: magnitude(), findings: findings, looks: looks, problem: chance(2) ? nil : text(),
      isWiped: chance(2), remark: chance(2) ? nil : text())
  }

  private mutating func endpoints() -> EndpointList {
    EndpointList(version: magnitude(), endpoints: (0..<number(1...8)).map { _ in text() })
  }
  private mutating func clock() -> WallTime { WallTime(milliseconds: Int64(bitPattern: magnitude())) }
  private mutating func lane() -> Lane { Lane.allCases.randomElement(using: &self) ?? .normal }
  private mutating func cursors() -> LaneMap<Sequence64> {
    LaneMap(urgent: magnitude(), normal: magnitude(), bulk: magnitude())
  }

  mutating func replica() -> ReplicaID {
    ReplicaID(
      node: NodeNumber(UInt32(truncatingIfNeeded: magnitude())), incarnation: UInt32(truncatingIfNeeded: magnitude()))
  }

  // MARK: Groups

  /// Groups whose stamps come from a few replicas, so that they meet in vectors.
  mutating func groups() -> [CommitGroup] {
    let replicas = (0..<number(1...5)).map { _ in replica() }
    return (0..<number(0...4)).map { _ in group(replicas) }
  }

  private mutating func group(_ replicas: [ReplicaID]) -> CommitGroup {
    let stamp = stamp(replicas)
    let records = (0..<number(0...4)).map { _ in chance(2) ? fact(stamp) : record(replicas) }
    let evictions = (0..<(chance(3) ? number(1...3) : 0)).map { _ in
      Eviction(key: RecordKey(entity: entity(), id: id()), vector: vector(replicas))
    }
    return CommitGroup(stamp: stamp, records: records, evictions: evictions)
  }

  private mutating func entity() -> EntityTag { EntityTag(UInt16(truncatingIfNeeded: magnitude())) }
  private mutating func id() -> RecordID { RecordID([1] + bytes(upTo: 20)) }

  private mutating func stamp(_ replicas: [ReplicaID]) -> Stamp {
    Stamp(
      time: HybridTimestamp(rawValue: max(magnitude(), 1)), replica: replicas.randomElement(using: &self) ?? replica())
  }

  private mutating func vector(_ replicas: [ReplicaID]) -> VersionVector {
    var vector = VersionVector()
    for _ in 0..<number(0...4) { vector.insert(stamp(replicas)) }
    return vector
  }

  /// A record that only its group's commit has written.
  private mutating func fact(_ stamp: Stamp) -> RecordState {
    var state = RecordState(entity: entity(), id: id(), vector: VersionVector(stamp))
    for tag in tags() {
      var value = plain()
      if value.isNull { value = .text("") }
      state.fields.append(FieldState(tag: tag, content: .register([Sibling(stamp: stamp, value: value)])))
    }
    return state
  }

  private mutating func record(_ replicas: [ReplicaID]) -> RecordState {
    var state = RecordState(entity: entity(), id: id(), vector: vector(replicas))
    for tag in tags() { state.fields.append(FieldState(tag: tag, content: content(replicas))) }
    let marks = stamps(replicas, 0...2).map { ($0, vector(replicas)) }
    state.deletions = marks.map { DeletionMark(stamp: $0, saw: $1) }
    return state
  }

  private mutating func tags() -> [FieldTag] {
    Set((0..<number(0...5)).map { _ in FieldTag(UInt16(truncatingIfNeeded: magnitude())) }).sorted()
  }

  private mutating func stamps(_ replicas: [ReplicaID], _ range: ClosedRange<Int>) -> [Stamp] {
    Set((0..<number(range)).map { _ in stamp(replicas) }).sorted()
  }

  private mutating func siblings(_ replicas: [ReplicaID]) -> [Sibling] {
    stamps(replicas, 1...3).map { Sibling(stamp: $0, value: plain()) }
  }

  private mutating func content(_ replicas: [ReplicaID]) -> FieldState.Content {
    switch number(0...3) {
    case 0: return .register(Siblings(siblings(replicas)))
    case 1:
      let values = Set((0..<number(1...3)).map { _ in plain() }).sorted()
      return .set(values.map { Element(value: $0, stamps: stamps(replicas, 1...3)) })
    case 2:
      let shares = Dictionary(stamps(replicas, 1...4).map { ($0.replica, $0) }, uniquingKeysWith: max)
      return .counter(
        shares.values.sorted { $0.replica < $1.replica }.map {
          Share(stamp: $0, sum: Int64(bitPattern: magnitude()))
        })
    default:
      let keys = Set((0..<number(1...3)).map { _ in Array("k\(number(0...99))".utf8) })
      return .map(
        keys.map { String(decoding: $0, as: UTF8.self) }.sorted { OrderedText($0) < OrderedText($1) }
          .map { MapEntry(key: $0, siblings: siblings(replicas)) })
    }
  }

  private mutating func plain() -> Value {
    switch number(0...3) {
    case 0: .null
    case 1: .integer(Int64(bitPattern: magnitude()))
    case 2: .text(text())
    default: .bytes(bytes(upTo: 20))
    }
  }
}
