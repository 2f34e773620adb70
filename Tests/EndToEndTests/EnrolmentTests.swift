import Base
import Causality
import NodeRuntime
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
  private func greet(_ enrolment: inout Enrolment, _ token: [UInt8]?, credential: [UInt8] = [2]) -> String? {
    enrolment.admit(
      Self.node, credentialDigest: Digest.sha256(credential), token: token, address: "a", software: "s", random: 7,
      at: Self.now)?.code
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
