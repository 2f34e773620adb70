import JSON
import Merge
import NodeRuntime
import RecordStore
import StoreModel

extension APIService {
  var commitRoutes: [Route] {
    [
      Route(
        .post, "/v1/commits", for: .write, [commitOperation],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let identity = try request.identity(isRequired: true)
          commit(RecordCommit(edits: try edits(try request.object()), isSingle: false), identity, respond)
        })
    ]
  }

  private func edits(_ body: JSONObject) throws(Problem) -> [RecordEdit] {
    try check(body, known: ["writes"], at: "")
    guard case .array(let items)? = body["writes"], !items.isEmpty else {
      throw Problem(
        .missingField, "writes: expected an array of at least one write", at: [.init("writes", "expected at least one")]
      )
    }
    guard items.count <= APILimits.commitWrites else {
      let message = "found \(items.count), expected at most \(APILimits.commitWrites); split the commit"
      throw Problem(.tooLarge, "writes: \(message)", at: [.init("writes", message)])
    }
    var edits: [RecordEdit] = []
    var keys: Set<RecordKey> = []
    for (number, item) in zip(1..., items) {
      let path = "writes[\(number)]."
      guard case .object(let object) = item else { throw invalid("\(path.dropLast())", "expected an object") }
      let edit = try edit(object, at: path)
      guard keys.insert(RecordKey(entity: edit.entity.tag, id: edit.id)).inserted else {
        throw invalid("\(path)id", "an earlier write of this commit names the record, too; put them together")
      }
      edits.append(edit)
    }
    return edits
  }

  private func edit(_ object: JSONObject, at path: String) throws(Problem) -> RecordEdit {
    try check(object, known: ["entity", "id", "action", "fields", "ifMatch", "ifNoneMatch"], at: path)
    guard let entity = try text("entity", object, path).flatMap(model.entity(named:)) else {
      throw invalid("\(path)entity", "expected one of: \(model.entities.map(\.name).joined(separator: ", "))")
    }
    guard let action = RecordEdit.Action(rawValue: try text("action", object, path) ?? "patch") else {
      throw invalid(
        "\(path)action", "expected one of: \(RecordEdit.Action.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard let idText = try text("id", object, path), let id = try? entity.identity.parse(idText) else {
      throw invalid("\(path)id", "expected \(entity.identity.expectation)")
    }
    var edit = try RecordEdit(action, entity, id, try fields(object, action, path), at: "\(path)fields.")
    edit.precondition = try precondition(object, path)
    return edit
  }

  private func fields(
    _ object: JSONObject, _ action: RecordEdit.Action, _ path: String
  ) throws(Problem) -> JSONObject {
    switch (object["fields"], action) {
    case (.object(let fields)?, .put), (.object(let fields)?, .patch): return fields
    case (nil, .delete): return JSONObject()
    case (_, .delete): throw invalid("\(path)fields", "expected none with delete")
    case (_, .put), (_, .patch): throw invalid("\(path)fields", "expected an object")
    }
  }

  private func precondition(_ object: JSONObject, _ path: String) throws(Problem) -> Precondition? {
    switch (try text("ifMatch", object, path), try text("ifNoneMatch", object, path)) {
    case (nil, nil): return nil
    case ("*"?, nil): return .exists
    case (let version?, nil): return .versions([RecordVersion(text: version)])
    case (nil, "*"?): return .absent
    default: throw invalid("\(path)ifNoneMatch", "expected *, and not together with ifMatch")
    }
  }

  private func text(_ name: String, _ object: JSONObject, _ path: String) throws(Problem) -> String? {
    switch object[name] {
    case nil: return nil
    case .string(let text)?: return text
    case let other?: throw invalid(path + name, "found \(other.kindName), expected a string")
    }
  }

  private func check(_ object: JSONObject, known: [String], at path: String) throws(Problem) {
    guard let other = object.members.first(where: { !known.contains($0.name) }) else { return }
    let name = String(other.name.prefix(64))
    let message = "expected one of: \(known.joined(separator: ", "))"
    throw Problem(.unknownField, "\(path)\(name): \(message)", at: [.init(path + name, message)])
  }

  private func invalid(_ field: String, _ message: String) -> Problem {
    Problem(.invalidValue, "\(field): \(message)", at: [.init(field, message)])
  }
}
