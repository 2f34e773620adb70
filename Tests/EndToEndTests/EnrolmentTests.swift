import Base
import Causality
import NodeRuntime
import RecordStore
import SyncSession
import Testing
import Transport
import Wire

/// Whom HQ lets in, as a value.
@Suite struct EnrolmentTests {
  private static let node = NodeNumber(1)
  private static let now = WallTime(milliseconds: 1_000)

  private func joined() -> Enrolment {
    var enrolment = Enrolment.invited(
      secretDigest: Digest.sha256([1]), until: WallTime(milliseconds: 2_000), at: Self.now)
    #expect(join(&enrolment) == nil)
    return enrolment
  }

  private func join(_ enrolment: inout Enrolment, secret: [UInt8] = [1], at now: WallTime = now) -> String? {
    enrolment.join(
      Self.node, secretDigest: Digest.sha256(secret), credentialDigest: Digest.sha256([2]), at: now)?.code
  }

  /// - Returns: the code of the refusal.
  private func greet(
    _ enrolment: inout Enrolment, _ token: [UInt8]?, credential: [UInt8] = [2], incarnation: UInt32 = 1,
    hasLost: Bool? = nil, isLinked: Bool = false
  ) -> String? {
    let standing = hasLost.map { Meeting(cursors: LaneMap(repeating: 4), hasLost: $0) }
    let visit = Enrolment.Visit(
      node: Self.node, incarnation: incarnation, credentialDigest: Digest.sha256(credential), token: token,
      address: "a", software: "s", isLinked: isLinked, standing: standing)
    let refusal = enrolment.admit(visit, random: 7, at: Self.now)
    #expect(refusal?.coverage?.cursors == (refusal?.code == "restored" ? LaneMap(repeating: 4) : nil))
    return refusal?.code
  }

  @Test func aSecretIsGoodUntilTheStoreHasComeIn() {
    var enrolment = joined()
    #expect(join(&enrolment, secret: [9]) == "wrong-credential")
    #expect(join(&enrolment) == nil, "the answer was lost")
    #expect(join(&enrolment, at: WallTime(milliseconds: 2_001)) == "join-code-expired")
    #expect(greet(&enrolment, nil, credential: [3]) == "wrong-credential")
    #expect(join(&enrolment) == nil, "a wrong greeting does not use it up")
    #expect(greet(&enrolment, nil) == nil)
    #expect(join(&enrolment) == "join-code-used")
    enrolment.change(to: .revoked, at: Self.now)
    #expect(join(&enrolment) == "revoked")
    #expect(greet(&enrolment, enrolment.token) == "revoked")
    #expect(greet(&enrolment, enrolment.token, credential: [3]) == "wrong-credential", "a stranger is told nothing")
  }

  @Test func aTokenIsGoodOnce() {
    var enrolment = joined()
    #expect(greet(&enrolment, nil) == nil)
    let first = enrolment.token
    #expect(first?.count == 16)
    #expect(greet(&enrolment, nil) == nil, "the first welcome was lost")
    let second = enrolment.token
    enrolment.tokenIsConfirmed = true
    #expect(greet(&enrolment, first) == "fenced")
    #expect(greet(&enrolment, nil) == "fenced")
    #expect(enrolment.token == second, "the true one may still come in")
    #expect(enrolment.fencedAddress == "a")
    #expect(greet(&enrolment, second) == nil)
    #expect(greet(&enrolment, second) == nil, "the third welcome was lost")
    let fourth = enrolment.token
    #expect(greet(&enrolment, fourth) == nil)
    enrolment.tokenIsConfirmed = true
    #expect(greet(&enrolment, fourth) == "fenced")
  }

  @Test("FC-25 a database that was put back takes another incarnation, and is let in with that")
  func restoredStore() {
    var enrolment = joined()
    #expect(greet(&enrolment, nil, hasLost: true) == nil, "it has joined anew, with an empty database")
    let old = enrolment.token
    enrolment.tokenIsConfirmed = true
    #expect(greet(&enrolment, old, hasLost: false) == nil)
    enrolment.tokenIsConfirmed = true
    #expect(greet(&enrolment, old, hasLost: true) == "restored", "by its token and by its log")
    #expect(greet(&enrolment, old, hasLost: false) == "restored", "by its token alone")
    #expect(greet(&enrolment, old, incarnation: 2, hasLost: true) == nil)
    #expect(enrolment.restoredAddress == "a" && enrolment.incarnations == [1, 2])
    enrolment.tokenIsConfirmed = true
    #expect(greet(&enrolment, enrolment.token, incarnation: 2, hasLost: true) == "restored", "by its log alone")
    #expect(greet(&enrolment, enrolment.token, incarnation: 3, hasLost: true) == nil, "noticed by the store itself")
  }

  @Test("FC-25 a backup that is put back a second time: an incarnation that the store has left since does not come in")
  func leftIncarnation() {
    var enrolment = joined()
    #expect(greet(&enrolment, nil) == nil)
    enrolment.tokenIsConfirmed = true
    let backup = enrolment.token
    #expect(greet(&enrolment, backup, hasLost: false) == nil)
    enrolment.tokenIsConfirmed = true
    #expect(greet(&enrolment, backup, hasLost: true) == "restored")
    #expect(greet(&enrolment, backup, incarnation: 2, hasLost: true) == nil, "and the welcome with its token is lost")
    #expect(greet(&enrolment, backup, hasLost: false) == "restored", "the second came with this token too")
    #expect(greet(&enrolment, backup, incarnation: 2, hasLost: false) == nil, "the second may still come for its token")
    #expect(greet(&enrolment, backup, incarnation: 3, hasLost: true) == nil)
    #expect(enrolment.incarnations == [1, 2, 3])
  }

  @Test("FC-27 FC-28 a copy stays out while the other is connected, and comes in as another when it is gone")
  func copies() {
    var enrolment = joined()
    #expect(greet(&enrolment, nil, hasLost: false) == nil)
    let old = enrolment.token
    enrolment.tokenIsConfirmed = true
    #expect(
      greet(&enrolment, old, hasLost: false, isLinked: true) == nil, "its connection was lost, and HQ has not noticed")
    enrolment.tokenIsConfirmed = true
    let last = enrolment.token
    #expect(greet(&enrolment, old, hasLost: true, isLinked: true) == "fenced")
    #expect(greet(&enrolment, old, incarnation: 2, hasLost: true, isLinked: true) == "fenced")
    #expect(greet(&enrolment, last, incarnation: 2, hasLost: false, isLinked: true) == "fenced", "a copy that knows it")
    #expect(greet(&enrolment, old, incarnation: 2, hasLost: true) == nil)
    enrolment.tokenIsConfirmed = true
    #expect(greet(&enrolment, last, hasLost: true, isLinked: true) == "fenced", "now the first is the other one")
    #expect(greet(&enrolment, last, hasLost: true) == "restored")
    for incarnation in 3...100 as ClosedRange<UInt32> {
      #expect(greet(&enrolment, last, incarnation: incarnation, hasLost: true) == nil)
    }
    #expect(enrolment.incarnations.count == 64)
  }

  @Test("FC-26 an HQ that was restored does not take its stores for copies")
  func restoredHQ() {
    var enrolment = joined()
    #expect(greet(&enrolment, nil) == nil)
    enrolment.tokenIsConfirmed = true
    var backup = enrolment
    #expect(greet(&enrolment, enrolment.token) == nil)
    #expect(greet(&enrolment, enrolment.token) == nil)
    let later = enrolment.token
    #expect(greet(&backup, later) == nil)
    backup.tokenIsConfirmed = true
    #expect(greet(&backup, later) == "fenced")
    #expect(greet(&backup, [UInt8](repeating: 255, count: 16)) == nil, "no token makes it trap")
    #expect(greet(&backup, backup.token) == nil)
    #expect(greet(&backup, [1]) == "fenced")
  }
}
