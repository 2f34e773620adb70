import Base
package import Causality
import Dispatch
import Metrics
import RecordStore
import Wire

extension ControlService {
  /// The metrics as Prometheus reads them; what `stores` names gets series of its own.
  func metrics(_ request: CBORValue, _ completion: @escaping Completion) {
    var stores: [NodeNumber] = []
    do throws(ControlError) {
      for text in request["stores"]?.arrayValue ?? [] {
        stores.append(try ControlService.number(.object(["number": text])))
      }
    } catch {
      return completion(.failure(error))
    }
    metrics(ofStores: stores) { result in
      completion(result.map { .object(["schema": .integer(Self.schema), "text": .text($0)]) })
    }
  }

  /// The same for other ways in. `completion` is called once, on any thread.
  /// - Parameter stores: at HQ, those that get series of their own, `MetricLimits.namedStoreCount` at the most.
  package func metrics(
    ofStores stores: [NodeNumber], _ completion: @escaping @Sendable (Result<String, ControlError>) -> Void
  ) {
    let isHQ = gate.identity.isHQ
    guard stores.isEmpty || isHQ else {
      return completion(.failure(ControlError(.usage, "stores are named in HQ's metrics; this is a store")))
    }
    guard stores.count <= MetricLimits.namedStoreCount else {
      return completion(
        .failure(
          ControlError(
            .usage,
            "found \(stores.count) stores, expected \(MetricLimits.namedStoreCount) at the most; ask several times")))
    }
    node.queue.async {
      let reader = MetricsReader(
        now: self.gate.clock.now, named: stores, peers: self.node.peerStatuses(),
        greetingCount: self.node.greetingCount, consumers: self.gate.consumers)
      self.gate.gather { engine throws(StoreError) in
        try reader.families(engine)
      } completion: { result in
        switch result {
        case .success(let read):
          completion(
            .success(Exposition.text(read + self.gate.metrics.registry.families() + ProcessMetrics.families())))
        case .failure(let error): completion(.failure(ControlError(error)))
        }
      }
    }
  }
}
