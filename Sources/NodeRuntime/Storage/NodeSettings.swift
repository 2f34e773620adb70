package import Base
package import Causality
package import RecordStore
package import SQLiteStore
import SyncSession
package import Transport
package import Wire

/// What a node keeps beside its records: its keys and addresses, and at HQ the enrolled stores.
package enum NodeSettings {
  private static let tlsIdentity = "tls-identity"
  private static let hqEndpoints = "hq-endpoints"
  private static let hqEndpointsVersion = "hq-endpoints-version"
  private static let hqWorkingEndpoint = "hq-working-endpoint"
  private static let hqPin = "hq-pin"
  private static let credential = "credential"
  private static let name = "name"
  private static let sessionToken = "session-token"
  private static let loss = "loss"

  // MARK: HQ

  package struct HQ: Sendable {
    package var name: String
    package var tls: TLSIdentity
    package var advertised: [Endpoint]

    package init(name: String, tls: TLSIdentity, advertised: [Endpoint]) {
      self.name = name
      self.tls = tls
      self.advertised = advertised
    }
  }

  package static func save(_ hq: HQ, in engine: StoreGate.Engine) throws(StoreError) {
    try engine.backend.setSettings([
      (NodeSettings.name, Array(hq.name.utf8)), (tlsIdentity, hq.tls.pem), (hqEndpoints, bytes(of: hq.advertised)),
    ])
  }

  package static func hq(_ engine: StoreGate.Engine) throws(StoreError) -> HQ {
    let pem = try needed(tlsIdentity, engine.backend)
    let name = try engine.backend.setting(NodeSettings.name) ?? []
    let advertised = try engine.backend.setting(hqEndpoints) ?? []
    do throws(TransportError) {
      return HQ(
        name: String(decoding: name, as: UTF8.self), tls: try TLSIdentity(pem: pem),
        advertised: endpoints(from: advertised))
    } catch {
      throw StoreError(.corrupt, "HQ's key in the database cannot be read: \(error.message)")
    }
  }

  /// HQ's addresses, and the pin of its key, as stores have them; of a database that no engine need have open.
  static func whereStoresReachHQ(_ backend: SQLiteBackend) throws(StoreError) -> (endpoints: [Endpoint], pin: [UInt8]) {
    let pem = try needed(tlsIdentity, backend)
    let endpoints = endpoints(from: try needed(hqEndpoints, backend))
    do throws(TransportError) {
      return (endpoints, try TLSIdentity(pem: pem).pin)
    } catch {
      throw StoreError(.corrupt, "HQ's key in the database cannot be read: \(error.message)")
    }
  }

  /// HQ's addresses as it tells them to its stores.
  package static func endpointList(_ engine: StoreGate.Engine) throws(StoreError) -> EndpointList {
    let endpoints = endpoints(from: try needed(hqEndpoints, engine.backend))
    // Databases of earlier versions have one list, and no number for it.
    return EndpointList(version: try endpointsVersion(engine.backend) ?? 1, endpoints: endpoints.map(\.description))
  }

  /// Changes HQ's addresses. A list's version is the time of its making: also an HQ that was restored from a backup never
  /// gives two lists one number.
  package static func advertise(
    _ endpoints: [Endpoint], at now: WallTime, in engine: StoreGate.Engine
  ) throws(StoreError) -> EndpointList {
    let last = try endpointsVersion(engine.backend) ?? 1
    let version = max(last + 1, UInt64(max(now.milliseconds, 0)))
    try engine.backend.setSettings([(hqEndpoints, bytes(of: endpoints)), (hqEndpointsVersion, bytes(of: version))])
    return EndpointList(version: version, endpoints: endpoints.map(\.description))
  }

  package static func save(
    _ enrolment: Enrolment, of node: NodeNumber, in engine: StoreGate.Engine
  ) throws(StoreError) {
    try engine.backend.setSettings([("enrolment.\(node)", enrolment.bytes)])
  }

  package static func enrolment(of node: NodeNumber, _ engine: StoreGate.Engine) throws(StoreError) -> Enrolment? {
    guard let bytes = try engine.backend.setting("enrolment.\(node)") else { return nil }
    return try Enrolment(bytes: bytes)
  }

  package static func enrolments(
    _ engine: StoreGate.Engine
  ) throws(StoreError) -> [(node: NodeNumber, enrolment: Enrolment)] {
    var all: [(node: NodeNumber, enrolment: Enrolment)] = []
    for node in try enrolledNodes(engine) {
      if let enrolment = try enrolment(of: node, engine) { all.append((node, enrolment)) }
    }
    return all
  }

  /// How many stores have ever been enrolled.
  static func enrolledCount(_ engine: StoreGate.Engine) throws(StoreError) -> Int {
    try engine.backend.settingNames(prefix: "enrolment.").count
  }

  private static func enrolledNodes(_ engine: StoreGate.Engine) throws(StoreError) -> [NodeNumber] {
    try engine.backend.settingNames(prefix: "enrolment.").compactMap { UInt32($0.dropFirst(10)) }
      .map(NodeNumber.init).sorted()
  }

  /// HQ's database was put back to an earlier state.
  package struct Loss: Hashable, Sendable {
    /// The epoch of HQ's log in which it was noticed, and in which HQ writes as another incarnation.
    package var epoch: Epoch
    package var noticedAt: WallTime

    package init(epoch: Epoch, noticedAt: WallTime) {
      self.epoch = epoch
      self.noticedAt = noticedAt
    }
  }

  package static func save(_ loss: Loss, in engine: StoreGate.Engine) throws(StoreError) {
    try engine.backend.setSettings([(Self.loss, Array("\(loss.epoch) \(loss.noticedAt.milliseconds)".utf8))])
  }

  package static func loss(_ engine: StoreGate.Engine) throws(StoreError) -> Loss? {
    guard let bytes = try engine.backend.setting(loss) else { return nil }
    let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard parts.count == 2, let epoch = UInt64(parts[0], radix: 16), let time = Int64(parts[1]) else {
      throw StoreError(.corrupt, "the setting “\(loss)” cannot be read")
    }
    return Loss(epoch: Epoch(rawValue: epoch), noticedAt: WallTime(milliseconds: time))
  }

  /// Whether a store may still have something that HQ has lost.
  package static func isHealing(_ engine: StoreGate.Engine) throws(StoreError) -> Bool {
    guard engine.identity.isHQ, let loss = try loss(engine) else { return false }
    return try enrolments(engine).contains { _, enrolment in
      enrolment.state == .active && enrolment.hasJoined && enrolment.history.mayHold(whatWasLostBefore: loss.noticedAt)
    }
  }

  // MARK: Store

  package struct Membership: Sendable {
    package var addresses: HQAddresses
    package var pin: [UInt8]
    package var credential: [UInt8]

    /// - Parameter endpoints: where HQ is tried until it has told better.
    package init(endpoints: [Endpoint], pin: [UInt8], credential: [UInt8]) {
      self.init(addresses: HQAddresses(list: endpoints), pin: pin, credential: credential)
    }

    package init(addresses: HQAddresses, pin: [UInt8], credential: [UInt8]) {
      self.addresses = addresses
      self.pin = pin
      self.credential = credential
    }
  }

  package static func save(_ membership: Membership, in engine: StoreGate.Engine) throws(StoreError) {
    try engine.backend.setSettings(
      settings(of: membership.addresses) + [(hqPin, membership.pin), (credential, membership.credential)])
  }

  package static func save(_ addresses: HQAddresses, in engine: StoreGate.Engine) throws(StoreError) {
    try engine.backend.setSettings(settings(of: addresses))
  }

  private static func settings(of addresses: HQAddresses) -> [(String, [UInt8])] {
    [
      (hqEndpoints, bytes(of: addresses.list)), (hqEndpointsVersion, bytes(of: addresses.version)),
      (hqWorkingEndpoint, bytes(of: addresses.working.map { [$0] } ?? [])),
    ]
  }

  package static func addresses(_ engine: StoreGate.Engine) throws(StoreError) -> HQAddresses {
    try addresses(engine.backend)
  }

  private static func addresses(_ backend: SQLiteBackend) throws(StoreError) -> HQAddresses {
    var addresses = HQAddresses(list: endpoints(from: try needed(hqEndpoints, backend)))
    addresses.version = try endpointsVersion(backend) ?? 0
    addresses.working = endpoints(from: try backend.setting(hqWorkingEndpoint) ?? []).first
    return addresses
  }

  package static func membership(_ engine: StoreGate.Engine) throws(StoreError) -> Membership {
    try membership(engine.backend)
  }

  /// The same of a database that may be damaged, and that no engine can work on.
  package static func membership(_ backend: SQLiteBackend) throws(StoreError) -> Membership {
    Membership(
      addresses: try addresses(backend), pin: try needed(hqPin, backend), credential: try needed(credential, backend))
  }

  /// HQ's last session token.
  package static func save(sessionToken token: [UInt8], in engine: StoreGate.Engine) throws(StoreError) {
    try engine.backend.setSettings([(sessionToken, token)])
  }

  package static func sessionToken(_ engine: StoreGate.Engine) throws(StoreError) -> [UInt8]? {
    try engine.backend.setting(sessionToken)
  }

  package static func sessionToken(_ backend: SQLiteBackend) throws(StoreError) -> [UInt8]? {
    try backend.setting(sessionToken)
  }

  private static func needed(_ name: String, _ backend: SQLiteBackend) throws(StoreError) -> [UInt8] {
    guard let value = try backend.setting(name) else {
      throw StoreError(.notFound, "the database has no “\(name)”; was it made by `hq-node init` or `store-node join`?")
    }
    return value
  }

  private static func endpointsVersion(_ backend: SQLiteBackend) throws(StoreError) -> UInt64? {
    try backend.setting(hqEndpointsVersion).flatMap { UInt64(String(decoding: $0, as: UTF8.self)) }
  }

  private static func bytes(of number: UInt64) -> [UInt8] { Array(String(number).utf8) }

  private static func bytes(of endpoints: [Endpoint]) -> [UInt8] {
    Array(endpoints.map(\.description).joined(separator: ",").utf8)
  }

  private static func endpoints(from bytes: [UInt8]) -> [Endpoint] {
    String(decoding: bytes, as: UTF8.self).split(separator: ",").compactMap { Endpoint(parsing: $0) }
  }
}
