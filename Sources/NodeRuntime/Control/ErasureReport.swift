import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession
import Transport
import Wire

/// Where an erased record stands: at HQ, and at each of its stores.
struct ErasureReport {
  /// What is known of one store.
  enum Standing: String {
    /// It has nothing of it any more, and has said so.
    case confirmed
    /// A person answers for it.
    case vouched
    /// It is connected, and has yet to say so.
    case pending
    /// It is not connected.
    case away
    /// It is kept out, and keeps what it has.
    case revoked, retired
    /// It has never come in, so that it never had anything.
    case notJoined = "not-joined"
    /// Its last join code has not been used, and it had a database before.
    case earlierDatabase = "earlier-database"

    var isDone: Bool { self == .confirmed || self == .vouched || self == .notJoined }
  }

  struct Place {
    var node: NodeNumber
    var name: String?
    var standing: Standing
    var confirmation: ErasureConfirmation?
    var lastContact: WallTime?
    var problem: String?
  }

  var erasure: Erasure
  var places: [Place]
  /// Parked groups at HQ that cannot be read, and have the id in them.
  var unreadable: [Int64]
  /// Databases of before in HQ's own directory.
  var oldDatabases: String?

  var isComplete: Bool {
    erasure.isInForce && erasure.cleanedAt != nil && unreadable.isEmpty && places.allSatisfy(\.standing.isDone)
  }

  /// - Parameters:
  ///   - peers: the stores as the running node knows them.
  ///   - problems: why connected ones have not confirmed.
  static func all(
    _ engine: StoreGate.Engine, only key: RecordKey?, peers: [PeerStatus], problems: [NodeNumber: String],
    directory: DataDirectory
  ) throws(StoreError) -> [ErasureReport] {
    let stores = try NodeSettings.enrolments(engine)
    var names: [NodeNumber: String] = [:]
    for (node, _) in stores { names[node] = try engine.shown(Store.self, RecordID(number: node.rawValue))?.name }
    let unread = try engine.parkedGroups().filter(\.keys.isEmpty)
    let old = ErasureCleaning.oldDatabases(in: directory)
    var reports: [ErasureReport] = []
    for erasure in try engine.erasures() where key == nil || erasure.key == key {
      let confirmations = try engine.confirmations(of: erasure.key)
      let places = stores.map { node, enrolment in
        let peer = peers.first { $0.node == node }
        let confirmation = confirmations.first { $0.node == node }
        return Place(
          node: node, name: names[node],
          standing: standing(enrolment, confirmation, isConnected: peer?.isConnected ?? false),
          confirmation: confirmation, lastContact: peer?.lastContact ?? enrolment.lastContact,
          problem: problems[node])
      }
      reports.append(
        ErasureReport(
          erasure: erasure, places: places,
          unreadable: erasure.cleanedAt == nil
            ? unread.filter { $0.payload.hasPart(erasure.key.id.bytes) }.map(\.number) : [],
          oldDatabases: old))
    }
    return reports
  }

  private static func standing(
    _ enrolment: Enrolment, _ confirmation: ErasureConfirmation?, isConnected: Bool
  ) -> Standing {
    if let confirmation {
      if confirmation.voucher != nil { return .vouched }
      // A database that has come since was brought back by a backup.
      let present = enrolment.history.incarnations.last
      if present == nil || present == confirmation.incarnation { return .confirmed }
    }
    switch enrolment.state {
    case .revoked: return enrolment.hasJoined || enrolment.hadDatabase ? .revoked : .notJoined
    case .retired: return enrolment.hasJoined || enrolment.hadDatabase ? .retired : .notJoined
    case .active:
      guard enrolment.hasJoined else { return enrolment.hadDatabase ? .earlierDatabase : .notJoined }
      return isConnected ? .pending : .away
    }
  }

  func value(_ model: Model, at now: WallTime) -> CBORValue {
    let schema = model.entity(erasure.key.entity)
    let name = schema?.name ?? "\(erasure.key.entity)"
    let id = schema?.identity.text(of: erasure.key.id) ?? erasure.key.id.description
    let digest = Digest.sha256(Array("\(name) \(id)".utf8))
    return .object([
      "entity": .text(name), "id": .text(id),
      "digest": .text(digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()),
      "reason": .text(erasure.reason), "requestedAt": .text(RFC3339.format(erasure.requestedAt)),
      "lastAt": .text(RFC3339.format(erasure.lastAt)),
      "isComplete": .boolean(isComplete), "asOf": .text(RFC3339.format(now)),
      "liftedAt": erasure.liftedAt.map { .text(RFC3339.format($0)) },
      "foundAt": erasure.foundAt.map { .text("\($0)") },
      "hq": .object([
        "isClean": .boolean(erasure.cleanedAt != nil), "cleanedAt": erasure.cleanedAt.map { .text(RFC3339.format($0)) },
        "unreadableGroups": unreadable.isEmpty ? nil : .array(unreadable.map(CBORValue.integer)),
        "oldDatabases": oldDatabases.map(CBORValue.text),
      ]),
      "stores": .array(places.map(\.value)),
    ])
  }
}

extension ErasureReport.Place {
  fileprivate var value: CBORValue {
    let isSettled = standing == .confirmed || standing == .vouched
    return .object([
      "node": .text("\(node)"), "name": name.map(CBORValue.text), "state": .text(standing.rawValue),
      "at": isSettled ? confirmation.map { .text(RFC3339.format($0.at)) } : nil,
      "voucher": standing == .vouched ? confirmation?.voucher.map(CBORValue.text) : nil,
      "oldDatabases": confirmation.flatMap { $0.remark.isEmpty ? nil : .text($0.remark) },
      "lastContact": lastContact.map { .text(RFC3339.format($0)) },
      "problem": standing == .pending ? problem.map(CBORValue.text) : nil,
    ])
  }
}
