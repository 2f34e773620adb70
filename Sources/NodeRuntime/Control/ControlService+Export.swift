import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Wire

// What reading and writing files needs of a node.

extension ControlService {
  /// The stores that this node knows, with what amounts and times in files need of them.
  func places(_ completion: @escaping Completion) {
    let own = gate.identity.isHQ ? nil : CBORValue.integer(Int64(gate.identity.replica.node.rawValue))
    read(completion) { engine throws(StoreError) in
      var stores: [CBORValue] = []
      var last: RecordID?
      while true {
        let page = try engine.records(of: Store.tag, after: last, limit: StorageLimits.exportPageCount)
        guard let end = page.last else { break }
        last = end.id
        for state in page {
          guard let store = try engine.shown(Store.self, state.id),
            let number = Store.identity.value(of: state.id).controlValue.integerValue
          else { continue }
          stores.append(
            .object([
              "number": .integer(number), "currency": .text(store.currency), "timeZone": .text(store.timeZone),
            ]))
        }
      }
      return .object(["schema": .integer(Self.schema), "own": own, "stores": .array(stores)])
    } then: {
      .success($0)
    }
  }

  /// A page of what an entity's records show, in the order of their ids; deleted ones are none.
  ///
  /// Each page is what was committed when it was read. A record that nobody touches meanwhile is in exactly one page;
  /// one that is written is there as it was at some moment of the export, whole.
  func export(_ request: CBORValue, _ completion: @escaping Completion) {
    guard let name = request["entity"]?.textValue, let schema = gate.model.entity(named: name) else {
      let known = gate.model.entities.map(\.name).joined(separator: ", ")
      return completion(
        .failure(
          ControlError(.usage, "found the entity “\(request["entity"]?.textValue ?? "")”, expected one of: \(known)")))
    }
    let after = request["after"]?.bytesValue.map { RecordID($0) }
    page(of: schema, after: after, ExportPage(), completion)
  }

  /// Reads in small steps, so that others' questions come in between.
  private func page(of schema: EntitySchema, after: RecordID?, _ page: ExportPage, _ completion: @escaping Completion) {
    gate.read { engine throws(StoreError) in
      try engine.records(of: schema.tag, after: after, limit: StorageLimits.exportReadCount)
    } completion: { result in
      switch result {
      case .failure(let error):
        completion(.failure(ControlError(error)))
      case .success(let states):
        var page = page
        for state in states { page.add(state, schema) }
        let isEnd = states.count < StorageLimits.exportReadCount
        guard isEnd || page.isFull else { return self.page(of: schema, after: states.last?.id, page, completion) }
        completion(.success(page.value(next: isEnd ? nil : states.last?.id)))
      }
    }
  }

  /// How many records an entity has here, for a progress bar.
  func count(_ request: CBORValue, _ completion: @escaping Completion) {
    guard let name = request["entity"]?.textValue, let schema = gate.model.entity(named: name) else {
      return completion(.failure(ControlError(.usage, "the request names no entity that this node knows")))
    }
    read(completion) { engine throws(StoreError) in
      try engine.count(of: schema.tag)
    } then: {
      .success(.object(["schema": .integer(Self.schema), "count": .integer(Int64($0))]))
    }
  }
}

/// The records of one answer.
private struct ExportPage: Sendable {
  private var records: [CBORValue] = []
  private var bytes = 0

  var isFull: Bool { records.count >= StorageLimits.exportPageCount || bytes >= StorageLimits.exportPageBytes }

  mutating func add(_ state: RecordState, _ schema: EntitySchema) {
    guard !state.isDeleted(schema.deletion) else { return }
    var pairs: [CBORValue] = []
    for field in schema.fields {
      let content = state.shown(field, schema)
      guard content != .null else { continue }
      pairs.append(.array([.unsigned(UInt64(field.tag.rawValue)), content.controlValue]))
    }
    records.append(.array([.bytes(state.id.bytes), .array(pairs)]))
    bytes += state.approximateByteCount
  }

  func value(next: RecordID?) -> CBORValue {
    .object([
      "schema": .integer(ControlService.schema), "records": .array(records), "next": next.map { .bytes($0.bytes) },
    ])
  }
}
