import Base
import Interchange
import JSON
import RecordStore
import StoreModel

/// A query as it stands behind the question mark: `field=value`, `field[gte]=value`, `sort=-field`, `limit`, `after`.
struct QueryParameters {
  static let standardLimit = 100

  private let entity: EntitySchema
  private let form: RecordForm

  init(_ entity: EntitySchema) {
    self.entity = entity
    form = RecordForm(entity)
  }

  func plan(_ request: APIRequest) throws(Problem) -> RecordQueryPlan {
    var query = RecordQuery(
      limit: try request.number("limit", in: 1...StoreLimits.queryRecordCount, default: Self.standardLimit))
    var after: String?
    var seen: Set<String> = []
    for parameter in request.http.query {
      let (name, value) = (parameter.name, parameter.value)
      guard seen.insert(name).inserted else {
        throw invalid(name, "found it twice, expected it once")
      }
      switch name {
      case "limit": break
      case "after": after = value
      case "sort":
        query.isDescending = value.hasPrefix("-")
        query.sort = try subject(String(value.drop { $0 == "-" }), parameter: "sort")
      default: query.conditions.append(try condition(name, value))
      }
    }
    do throws(RecordQueryError) {
      let plan = try RecordQueryPlan(query, entity)
      guard let after else { return plan }
      guard let position = PageCursor.read(after, of: plan) else { throw wrongCursor }
      query.after = position
      return try RecordQueryPlan(query, entity)
    } catch {
      throw problem(error)
    }
  }

  private var wrongCursor: RecordQueryError {
    RecordQueryError(
      code: .wrongPosition,
      reason: "expected what `next` said to the same question (filters, sort), or nothing to begin anew")
  }

  // MARK: Conditions

  private func condition(_ name: String, _ text: String) throws(Problem) -> RecordQuery.Condition {
    let parts = name.split(separator: "[", maxSplits: 1, omittingEmptySubsequences: false)
    var comparison = RecordQuery.Comparison.equal
    if parts.count == 2 {
      guard parts[1].hasSuffix("]"), let found = RecordQuery.Comparison(rawValue: String(parts[1].dropLast())) else {
        let words = RecordQuery.Comparison.allCases.map { "[\($0.rawValue)]" }.joined(separator: ", ")
        throw unknown(name, "expected one of \(words) behind the field")
      }
      comparison = found
    }
    let subject = try subject(String(parts[0]), parameter: name)
    return RecordQuery.Condition(subject, comparison, try value(text, of: subject, parameter: name))
  }

  private func subject(_ name: String, parameter: String) throws(Problem) -> RecordQuery.Subject {
    if name == "id" { return .id }
    guard let field = entity.field(named: name) else { throw unknown(parameter, "a \(entity.name) has no such field") }
    return .field(field.tag)
  }

  private func value(
    _ text: String, of subject: RecordQuery.Subject, parameter: String
  ) throws(Problem) -> Value {
    switch subject {
    case .id:
      do throws(IdentityError) {
        return entity.identity.value(of: try entity.identity.parse(text))
      } catch {
        throw invalid(parameter, "expected \(error.expected)")
      }
    case .field(let tag):
      guard let field = entity.field(tag) else { throw unknown(parameter, "a \(entity.name) has no such field") }
      guard field.rule != .set, field.rule != .counter, field.rule != .customFields else {
        throw unknown(parameter, "records are not found by a \(field.rule.name)")
      }
      do throws(MappingError) {
        return try form.value(text, of: field)
      } catch {
        throw invalid(parameter, error.reason)
      }
    }
  }

  // MARK: Problems

  private var forms: JSONValue { .array(entity.queryForms.map { .string($0.text(entity)) }) }

  private func unknown(_ parameter: String, _ message: String) -> Problem {
    let name = String(parameter.prefix(64))
    return Problem(
      .unknownFilter, "\(name): \(message)", at: [.init(name, message)], extra: [.init(name: "allowed", value: forms)])
  }

  private func invalid(_ parameter: String, _ message: String) -> Problem {
    let name = String(parameter.prefix(64))
    return Problem(.invalidParameter, "\(name): \(message)", at: [.init(name, message)])
  }

  private func problem(_ error: RecordQueryError) -> Problem {
    switch error.code {
    case .notIndexed:
      Problem(
        .unknownFilter, error.description, at: error.field.map { [.init($0, "no index serves this")] } ?? [],
        extra: [.init(name: "allowed", value: forms)])
    case .wrongPosition: invalid("after", error.reason)
    case .invalidValue, .limit: invalid(error.field ?? "limit", error.reason)
    }
  }
}

/// A place between two pages, as a client keeps it. It says which order it is a place in, so that it fits no other.
enum PageCursor {
  private static let version: UInt8 = 1

  static func text(_ position: RecordPosition, of plan: RecordQueryPlan) -> String {
    var writer = ByteWriter()
    writer.append(counted: order(of: plan))
    writer.append(counted: position.id.bytes)
    return Hex.encode(writer.bytes + ValueList.bytes(position.value.map { [$0] } ?? []))
  }

  /// Nil if it is none of this order. Whether it lies within the bounds is the plan's to say.
  static func read(_ text: String, of plan: RecordQueryPlan) -> RecordPosition? {
    guard let bytes = Hex.decode(text) else { return nil }
    var reader = ByteReader(bytes)
    do throws(ByteError) {
      guard Array(try reader.readCounted()) == order(of: plan) else { return nil }
      let id = RecordID(Array(try reader.readCounted()))
      guard let values = ValueList.read(bytes.suffix(reader.remaining)), values.count <= 1 else { return nil }
      return RecordPosition(value: values.first, id: id)
    } catch {
      return nil
    }
  }

  private static func order(of plan: RecordQueryPlan) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(byte: version)
    writer.append(byte: plan.isDescending ? 1 : 0)
    writer.append(varint: UInt64(plan.schema.tag.rawValue))
    for field in plan.index?.fields ?? [] { writer.append(varint: UInt64(field.rawValue)) }
    writer.append(varint: UInt64(plan.equal.count))
    return writer.bytes
  }
}
