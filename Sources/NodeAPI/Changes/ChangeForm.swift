import Interchange
import JSON
import Merge
import NodeRuntime
package import RecordStore
package import StoreModel

/// How the change feed stands in JSON, for whoever asks and for webhooks.
package struct ChangeForm: Sendable {
  private struct Form: Sendable {
    let entity: EntitySchema
    let exporter: RecordExporter

    init(_ entity: EntitySchema) {
      self.entity = entity
      exporter = RecordExporter(entity, .jsonl, form: ValueForm(), withCounters: true)
    }

    /// The record as `GET /records` shows it.
    func text(of state: RecordState) throws(StoreError) -> String {
      var contents: [FieldTag: FieldContent] = [:]
      for field in entity.fields { contents[field.tag] = state.shown(field, entity) }
      do throws(MappingError) {
        return String(try exporter.text(of: state.id, contents).dropLast())
      } catch {
        throw StoreError(.internalError, "a \(entity.name) that cannot be written as JSON: \(error)")
      }
    }
  }

  private let forms: [EntityTag: Form]

  package init(_ model: Model) {
    forms = Dictionary(uniqueKeysWithValues: model.entities.map { ($0.tag, Form($0)) })
  }

  /// `{"items":[…],"next":"…","more":…}`
  package func text(of page: FeedPage) throws(StoreError) -> String {
    var items: [String] = []
    items.reserveCapacity(page.items.count)
    for item in page.items { items.append(try text(of: item)) }
    return "{\"items\":[\(items.joined(separator: ","))],\"next\":\"\(page.next.text)\",\"more\":\(page.hasMore)}"
  }

  func text(of item: FeedItem) throws(StoreError) -> String {
    guard let form = forms[item.key.entity] else {
      throw StoreError(.internalError, "a change of the entity \(item.key.entity), which the model does not know")
    }
    var members: [(String, String)] = [
      ("entity", JSONText.quoted(form.entity.name)),
      ("id", JSONText.quoted(form.entity.identity.text(of: item.key.id))),
    ]
    switch item.change {
    case .put(let state):
      members += [
        ("change", "\"put\""), ("version", "\"\(RecordVersion(state.vector).text)\""),
        ("fields", try form.text(of: state)),
      ]
    case .deleted(let state):
      members += [("change", "\"delete\""), ("version", "\"\(RecordVersion(state.vector).text)\"")]
    case .removed(let reason, let vector):
      members += [
        ("change", "\"removed\""), ("version", "\"\(RecordVersion(vector).text)\""),
        ("reason", JSONText.quoted(reason.rawValue)),
      ]
    }
    members += [("commit", "\"\(item.stamp)\""), ("cursor", "\"\(item.cursor.text)\"")]
    return "{\(members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ","))}"
  }
}
