import Interchange
import NodeRuntime
import Retail
import StoreModel
import TextEncoding
import Wire

/// What import and export are told about a file in common.
struct FileOptions {
  let entityName: String
  let format: RecordExporter.Format
  let form: ValueForm
  /// Nil for UTF-8.
  let encoding: String?

  /// - Parameter path: of the file, whose name may tell its format.
  init(client: ControlClient, arguments: CommandLineArguments, path: String) throws {
    entityName = try arguments.needed("entity")
    if let word = arguments.value("format") {
      guard let format = RecordExporter.Format(rawValue: word) else {
        throw UsageError("found the format “\(word)”, expected csv or jsonl")
      }
      self.format = format
    } else {
      format = path.hasSuffix(".jsonl") || path.hasSuffix(".ndjson") ? .jsonl : .csv
    }
    encoding = arguments.value("encoding").flatMap { TextConverter.isUTF8($0) ? nil : $0 }
    form = try Self.form(client, arguments)
  }

  private static func form(_ client: ControlClient, _ arguments: CommandLineArguments) throws -> ValueForm {
    var form = ValueForm()
    if let word = arguments.value("money") {
      guard let money = MoneyForm(rawValue: word) else {
        throw UsageError("found --money “\(word)”, expected minor, for 1234, or decimal, for 12.34")
      }
      form.money = money
    }
    if let zone = arguments.value("time-zone") {
      do throws(RetailError) {
        form.calendar = try BusinessCalendar(timeZone: zone)
      } catch {
        throw UsageError("\(error)")
      }
    }
    let answer = try client.request("places")
    form.ownStore = answer["own"]?.integerValue.flatMap(UInt32.init(exactly:))
    var calendars = BusinessCalendars()
    for store in answer["stores"]?.arrayValue ?? [] {
      guard let number = store["number"]?.integerValue.flatMap(UInt32.init(exactly:)),
        let currency = store["currency"]?.textValue
      else { continue }
      let calendar = try? calendars.calendar(timeZone: store["timeZone"]?.textValue ?? "")
      form.stores[number] = Place(currency: currency, calendar: calendar)
    }
    return form
  }

  func entity(beside other: String? = nil) throws(UsageError) -> EntitySchema {
    guard let entity = Model.retail.entity(named: entityName) else {
      let known = Model.retail.entities.map(\.name).joined(separator: ", ")
      throw UsageError("found the entity “\(entityName)”, expected \(other.map { "\($0) or " } ?? "")one of: \(known)")
    }
    return entity
  }

  /// Nil for UTF-8, which needs none.
  func reader() throws(UsageError) -> TextConverter? { try converter { ($0, "UTF-8") } }
  func writer() throws(UsageError) -> TextConverter? { try converter { ("UTF-8", $0) } }

  private func converter(_ direction: (String) -> (from: String, to: String)) throws(UsageError) -> TextConverter? {
    guard let encoding else { return nil }
    let (source, target) = direction(encoding)
    do throws(TextEncodingError) {
      return try TextConverter(from: source, to: target)
    } catch {
      throw UsageError("\(error)")
    }
  }
}
