import JSON
import Merge
import NodeRuntime
package import RecordStore
package import StoreModel

/// How the change feed stands in JSON, for whoever asks and for webhooks.
package struct ChangeForm: Sendable {
  private let forms: [EntityTag: RecordForm]

  package init(_ model: Model) {
    forms = Dictionary(uniqueKeysWithValues: model.entities.map { ($0.tag, RecordForm($0)) })
  }

  package func text(of page: FeedPage) throws(StoreError) -> String {
    String(decoding: try bytes(of: page), as: UTF8.self)
  }

  /// `{"items":[…],"next":"…","more":…}`
  func bytes(of page: FeedPage) throws(StoreError) -> [UInt8] {
    var bytes = Array("{\"items\":[".utf8)
    for (index, item) in page.items.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      try append(item, to: &bytes)
    }
    bytes += "],\"next\":\"\(page.next.text)\",\"more\":\(page.hasMore)}".utf8
    return bytes
  }

  func append(_ item: FeedItem, to bytes: inout [UInt8]) throws(StoreError) {
    guard let form = forms[item.key.entity] else {
      throw StoreError(.internalError, "a change of the entity \(item.key.entity), which the model does not know")
    }
    let id = JSONText.quoted(form.entity.identity.text(of: item.key.id))
    bytes += "{\"entity\":\(JSONText.quoted(form.entity.name)),\"id\":\(id),\"change\":".utf8
    switch item.change {
    case .put(let state):
      bytes += "\"put\",\"version\":\"\(RecordVersion(state.vector).text)\",\"fields\":".utf8
      try form.append(state, to: &bytes)
    case .deleted(let state):
      bytes += "\"delete\",\"version\":\"\(RecordVersion(state.vector).text)\"".utf8
    case .removed(let reason, let vector):
      bytes += "\"removed\",\"version\":\"\(RecordVersion(vector).text)\",\"reason\":\"\(reason.rawValue)\"".utf8
    }
    bytes += ",\"commit\":\"\(item.stamp)\",\"cursor\":\"\(item.cursor.text)\"}".utf8
  }
}
