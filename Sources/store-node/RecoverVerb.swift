import NodeRuntime
import RecordStore
import StoreModel
import Transport
import Wire

/// Makes a damaged store anew, or takes over what an old database has not sent.
func recover(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  let takesIncomplete = arguments.flag("incomplete")
  let report: StoreRecovery.Report
  if let old = arguments.value("from") {
    report = try StoreRecovery.takeOver(
      from: DataDirectory(old), into: directory, model: .retail, takesIncomplete: takesIncomplete)
  } else {
    let papers = try papers(arguments, directory)
    try directory.becomeOwner()
    report = try StoreRecovery.rebuild(
      directory, as: papers, model: .retail, takesIncomplete: takesIncomplete,
      at: SystemWallClock().now)
  }
  directory.giveToOwner()
  Console.print(arguments.flag("json") ? report.value(directory).json : report.text(directory))
  return report.isWhole ? .done : .partly
}

/// Who the store is: as its database says, or by a join code.
func papers(_ arguments: CommandLineArguments, _ directory: DataDirectory) throws -> StoreRecovery.Papers {
  if arguments.words.isEmpty, arguments.value("code-file") == nil {
    do throws(StoreError) {
      return try StoreRecovery.papers(in: directory, model: .retail)
    } catch {
      guard error.code == .corrupt || error.code == .notFound && directory.hasDatabase else { throw error }
      throw StoreError(
        .corrupt,
        "who this store is cannot be read from its database (\(error.message)). Get a join code at HQ with `syncctl store "
          + "add NUMBER --again`, and give it: store-node recover --data \(directory.path) --code-file FILE")
    }
  }
  try directory.checkDatabase()
  let code = try JoinCodeInput.parse(try JoinCodeInput.read(arguments))
  let endpoints = try arguments.value("hq").map { try Endpoint.list($0) } ?? code.endpoints
  let credential = try Patience.during("asking HQ at \(endpoints.map(\.description).joined(separator: ", "))") {
    try StoreEnrolment.enrol(code, at: endpoints)
  }
  return StoreRecovery.Papers(
    node: code.node,
    membership: NodeSettings.Membership(endpoints: endpoints, pin: code.pin, credential: credential))
}
