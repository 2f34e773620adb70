import Base
import Causality
import Merge
import Metrics
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Wire

/// What a bundle tells of a database: how much there is of what, and how things stand, without a value of any record.
struct BundleDatabase {
  /// Conflict cases, parked groups and the like that are listed.
  private static let listCount = 10_000

  let engine: StoreGate.Engine
  let pseudonyms: Pseudonyms
  private var model: Model { engine.model }
  private var backend: SQLiteBackend { engine.backend }

  init(_ engine: StoreGate.Engine, _ pseudonyms: Pseudonyms) {
    self.engine = engine
    self.pseudonyms = pseudonyms
  }

  // MARK: Settings

  /// What is set, by name: keys, credentials, tokens and names are not among them.
  func settings() throws(StoreError) -> CBORValue {
    let identity = engine.identity
    let loss = try NodeSettings.loss(engine)
    let isHQ = identity.isHQ
    let addresses = isHQ ? nil : try NodeSettings.addresses(engine)
    return .object([
      "node": .text("\(identity.replica.node)"), "replica": .text("\(identity.replica)"),
      "epoch": .text("\(identity.epoch)"), "logHead": .unsigned(try engine.logHead()),
      "starts": .unsigned(try NodeSettings.starts(engine)),
      "lossNoticedAt": loss.map { .text(RFC3339.format($0.noticedAt)) },
      "isHealing": .boolean(try NodeSettings.isHealing(engine)),
      "ancestors": .integer(Int64(try backend.ancestors(of: nil).count)),
      "clockMeasuredThrough": .unsigned(try backend.clockMeasurement().through),
      "endpointsVersion": isHQ ? .unsigned(try NodeSettings.endpointList(engine).version) : nil,
      "endpoints": isHQ ? .array(try NodeSettings.endpointList(engine).endpoints.compactMap(BundleWord.word)) : nil,
      "hqEndpoints": addresses.map { .array($0.inOrder.compactMap { BundleWord.word("\($0)") }) },
      "backupMadeAt": try Backup.time(in: engine).map { .text(RFC3339.format($0)) },
    ])
  }

  func enrolments() throws(StoreError) -> CBORValue {
    guard engine.identity.isHQ else { return .array([]) }
    func time(_ time: WallTime?) -> CBORValue? { time.map { .text(RFC3339.format($0)) } }
    return .array(
      try NodeSettings.enrolments(engine).map { node, enrolment in
        .object([
          "node": .text("\(node)"), "state": .text(enrolment.state.rawValue), "changedAt": time(enrolment.changedAt),
          "hasJoined": .boolean(enrolment.hasJoined), "joinCodeExpires": time(enrolment.secretExpires),
          "joinCodeIsUsed": .boolean(enrolment.secretIsUsed), "software": BundleWord.word(enrolment.software),
          "endpointsVersion": enrolment.endpointsVersion.map(CBORValue.unsigned),
          "incarnations": .integer(Int64(enrolment.history.incarnations.count)),
          "tokenIsConfirmed": .boolean(enrolment.history.tokenIsConfirmed),
          "restoredAt": time(enrolment.history.restoredAt), "fencedAt": time(enrolment.history.fencedAt),
          "healedAt": time(enrolment.history.healedAt), "lastContact": time(enrolment.history.lastContact),
          "address": enrolment.history.address.map { .text(pseudonyms.name("address", Array($0.utf8))) },
          "verifiedAt": time(enrolment.verifiedAt), "differing": .unsigned(enrolment.differing),
        ])
      })
  }

  // MARK: Counts

  func counts() throws(StoreError) -> CBORValue {
    let pages = try backend.pages()
    var entities: [CBORValue.Pair] = []
    for entity in model.entities {
      entities.append(.init(.text(entity.name), .integer(Int64(try engine.count(of: entity.tag)))))
    }
    var tables: [CBORValue.Pair] = []
    for name in try backend.tableNames() {
      tables.append(.init(.text(name), .integer(try backend.rowCount(ofTable: name))))
    }
    return .object([
      "pages": .object([
        "count": .integer(pages.count), "free": .integer(pages.free), "bytes": .integer(pages.byteCount),
      ]),
      "databaseFormat": .integer(try backend.formatVersion()), "entities": .map(entities), "tables": .map(tables),
      "unknownEntities": .integer(Int64(try engine.heldEntities().count { model.entity($0) == nil })),
      "receiveCursors": .array(try cursors()),
    ])
  }

  private func cursors() throws(StoreError) -> [CBORValue] {
    var all: [CBORValue] = []
    let isHQ = engine.identity.isHQ
    let peers = isHQ ? try NodeSettings.enrolments(engine).map(\.node) : [NodeNumber.hq]
    for peer in peers {
      for lane in Lane.allCases {
        let cursor = try backend.receiveCursor(peer: peer, lane: lane)
        all.append(
          .object([
            "peer": .text("\(peer)"), "lane": .text("\(lane)"), "epoch": cursor.map { .text("\($0.epoch)") },
            "through": cursor.map { .unsigned($0.through) },
            "incompleteUntil": cursor.map { .unsigned($0.incompleteUntil) },
            "acknowledged": .unsigned(try backend.acknowledged(peer: peer, lane: lane)),
          ]))
      }
    }
    return all
  }

  // MARK: Cases, parked groups, exceptions

  func conflicts() throws(StoreError) -> CBORValue {
    let cases = try engine.conflictCases(includingClosed: true).suffix(Self.listCount)
    return .array(
      cases.map { one in
        let schema = model.entity(one.subject.entity)
        return .object([
          "number": .integer(one.number), "kind": .text(one.subject.kind.rawValue),
          "status": .text(one.status.rawValue),
          "entity": .text(schema?.name ?? "\(one.subject.entity)"),
          // Behind the field's or the key's name stands somebody's word: a custom field's key, or the value that is shared.
          "field": Self.declaredName(one.subject.detail, schema).map(CBORValue.text),
          "records": .array(one.records.map { pseudonyms.name(RecordKey(entity: one.subject.entity, id: $0), model) }),
          "candidates": .array(
            one.candidates.map { .object(["stamp": .text("\($0.stamp)"), "isShown": .boolean($0.isShown)]) }),
          "openedAt": .text(RFC3339.format(one.openedAt)), "changedAt": .text(RFC3339.format(one.changedAt)),
        ])
      })
  }

  private static func declaredName(_ detail: String, _ schema: EntitySchema?) -> String? {
    let name = String(detail.prefix { $0 != "=" && $0 != "." })
    guard let schema else { return nil }
    return schema.field(named: name) != nil || schema.unique.contains { $0.name == name } ? name : nil
  }

  func parked() throws(StoreError) -> CBORValue {
    let groups = try backend.parkedSummaries().suffix(Self.listCount)
    return .object([
      "parked": .array(
        groups.map { group in
          .object([
            "number": .integer(group.number), "from": .text("\(group.peer)"), "lane": .text("\(group.lane)"),
            "receivedAt": .text(RFC3339.format(group.receivedAt)), "code": BundleWord.word(group.code),
            "touches": .array(group.keys.map { pseudonyms.name($0, model) }),
          ])
        }),
      "sizes": .array(
        try backend.parkedCounts().map {
          .object(["from": .text("\($0.peer)"), "groups": .integer(Int64($0.count)), "bytes": .integer($0.bytes)])
        }),
      "notApplied": .array(
        try engine.allExceptions().suffix(Self.listCount).map { exception in
          .object([
            "number": .integer(exception.number), "peer": .text("\(exception.peer)"),
            "side": .text(exception.side == .here ? "here" : "there"), "outcome": BundleWord.word(exception.outcome),
            "notedAt": .text(RFC3339.format(exception.notedAt)), "code": BundleWord.word(exception.code),
            "stamp": exception.stamp.map { .text("\($0)") },
            "touches": .array(exception.keys.map { pseudonyms.name($0, model) }),
          ])
        }),
    ])
  }
}
