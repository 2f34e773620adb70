import Base
package import Causality
package import RecordStore
import SQLiteStore
package import StoreModel
package import Transport
import Wire

/// Makes the databases of new nodes.
package enum NodeCreation {
  /// - Parameter generator: gives the incarnation and the epoch.
  package static func makeHQ(
    in directory: DataDirectory, name: String, advertised: [Endpoint], model: Model,
    using generator: inout some RandomNumberGenerator
  ) throws(StoreError) {
    let tls: TLSIdentity
    do throws(TransportError) {
      tls = try TLSIdentity.generate()
    } catch {
      throw StoreError(.internalError, "HQ's key could not be made: \(error.message)")
    }
    let engine = try make(.hq, in: directory, model: model, using: &generator)
    try NodeSettings.save(NodeSettings.HQ(name: name, tls: tls, advertised: advertised), in: engine)
  }

  package static func makeStore(
    in directory: DataDirectory, node: NodeNumber, membership: NodeSettings.Membership, model: Model,
    using generator: inout some RandomNumberGenerator
  ) throws(StoreError) {
    let engine = try make(node, in: directory, model: model, using: &generator)
    try NodeSettings.save(membership, in: engine)
  }

  /// Says what was made.
  package static func tell(
    _ arguments: CommandLineArguments, _ node: NodeNumber, _ directory: DataDirectory, _ text: String
  ) {
    guard arguments.flag("json") else { return Console.print(text) }
    let answer = CBORValue.object([
      "schema": .integer(ControlService.schema), "node": .text("\(node)"), "data": .text(directory.path),
    ])
    Console.print(answer.json)
  }

  package static func checkVacant(_ directory: DataDirectory) throws(StoreError) {
    guard directory.hasDatabase else { return }
    throw StoreError(
      .occupied, "“\(directory.path)” holds a node already; a new one needs a directory of its own")
  }

  private static func make(
    _ node: NodeNumber, in directory: DataDirectory, model: Model, using generator: inout some RandomNumberGenerator
  ) throws(StoreError) -> StoreGate.Engine {
    try directory.create()
    try checkVacant(directory)
    let identity = NodeIdentity(
      replica: ReplicaID(node: node, incarnation: generator.next()), epoch: Epoch(rawValue: generator.next()))
    let engine = try StoreGate.Engine(
      SQLiteBackend.open(path: directory.databasePath, model: model, mode: .create(identity)))
    try LastProgram.note(in: engine, directory)
    return engine
  }
}
