import JSON
import RecordStore
import StoreModel

// What the description says of reading and writing records.

extension APIService {
  private static let etag = OpenAPIOperation.Parameter(
    "ETag", .header, "the record's version: another one after each write, the same at every node that has seen the same"
  )
  static let keyDescription =
    "a text of your own, new with each request: the same request with the same key takes effect once, and is answered the same "
    + "for \(StoreLimits.requestDays) days"
  private static let keySchema: JSONValue = [
    "type": "string", "minLength": 1, "maxLength": .integer(Int64(StoreLimits.requestKeyBytes)),
  ]
  /// Where a till that gets no answer has to ask again.
  static let keyParameter = OpenAPIOperation.Parameter(
    "Idempotency-Key", .header, keyDescription, required: true, keySchema)

  static func readOperation(_ entity: EntitySchema) -> OpenAPIOperation {
    OpenAPIOperation(
      "/v1/records/\(entity.name)/{id}", id: "get\(entity.readName)", tag: entity.name, "One \(entity.name)",
      parameters: [
        entity.idParameter,
        .init("If-None-Match", .header, "the ETag of what you have: answered 304 if that is still so"),
      ],
      answers: [
        .init(200, "The record", Schema.ref(entity.readName), headers: [etag]),
        .init(304, "It is what you have", nil, headers: [etag]),
      ], problems: [.notFound, .notHere, .invalidParameter])
  }

  static func listOperation(_ entity: EntitySchema) -> OpenAPIOperation {
    let forms = entity.queryForms.map { $0.text(entity) }.joined(separator: "; ")
    return OpenAPIOperation(
      "/v1/records/\(entity.name)", id: "list\(entity.readName)", tag: entity.name,
      "Records of \(entity.name) in pages, found by: \(forms). […] may be bounded, and is what they are sorted by; a record without "
        + "a value there is left out",
      parameters: entity.filterParameters + [
        .init("sort", .query, "the field, with - before it for descending", Schema.choice(entity.sortWords))
      ] + cursorParameters,
      answers: [.init(200, "A page", cursorPage(of: Schema.ref(entity.readName)))],
      problems: [.unknownFilter, .invalidParameter])
  }

  static let cursorParameters: [OpenAPIOperation.Parameter] = [
    .init(
      "limit", .query, "items at the most",
      [
        "type": "integer", "minimum": 1, "maximum": .integer(Int64(StoreLimits.queryRecordCount)),
        "default": .integer(Int64(QueryParameters.standardLimit)),
      ]),
    .init("after", .query, "what `next` of the page before said, to the same question"),
  ]

  static func cursorPage(of item: JSONValue) -> JSONValue {
    Schema.object([
      "items": Schema.array(item, maximum: StoreLimits.queryRecordCount),
      "next": Schema.described(Schema.nullable(Schema.text), "where the next page begins; null if there is none"),
    ])
  }

  static func writeOperation(_ entity: EntitySchema, _ action: RecordEdit.Action) -> OpenAPIOperation {
    let what =
      switch action {
      case .put: "Writes a \(entity.name) whole: fields that are not named lose their values; counters stay"
      case .patch:
        "Writes the named fields of a \(entity.name), which is made if it is not there; null takes a value away"
      case .delete: "Deletes a \(entity.name)"
      }
    return OpenAPIOperation(
      "/v1/records/\(entity.name)/{id}", id: "\(action.rawValue)\(entity.readName)", tag: entity.name, what,
      parameters: [
        entity.idParameter,
        .init("If-Match", .header, "the ETag of the record as you have seen it, or * if it must be there"),
        .init("If-None-Match", .header, "* if it must not be there yet"),
        .init("Idempotency-Key", .header, keyDescription, keySchema),
      ],
      body: action == .delete ? nil : Schema.ref(entity.writeName),
      answers: [.init(200, "What became of it", Schema.ref("Written"))],
      problems: [
        .conflict, .notAllowed, .preconditionFailed, .unknownField, .invalidValue, .missingField, .invalidParameter,
        .idempotencyKeyReused, .storageFull,
      ])
  }

  var commitOperation: OpenAPIOperation {
    let writes = model.entities.map { entity in
      Schema.object(
        [
          "entity": ["const": .string(entity.name)], "id": Schema.described(Schema.text, entity.identity.expectation),
          "action": Schema.described(
            Schema.choice(RecordEdit.Action.allCases.map(\.rawValue)), "patch if it is absent"),
          "fields": Schema.ref(entity.writeName),
          "ifMatch": Schema.described(Schema.text, "the version that the record must have; * for any"),
          "ifNoneMatch": Schema.described(["const": "*"], "the record must not be there"),
        ], optional: ["action", "fields", "ifMatch", "ifNoneMatch"])
    }
    return OpenAPIOperation(
      "/v1/commits", id: "commit", tag: "commits",
      "Several writes as one commit group: all or none, here and wherever they go", parameters: [Self.keyParameter],
      body: Schema.object([
        "writes": [
          "type": "array", "minItems": 1, "maxItems": .integer(Int64(APILimits.commitWrites)),
          "items": ["oneOf": .array(writes)],
        ]
      ]),
      answers: [.init(200, "What became of it", Schema.ref("Committed"))],
      problems: [
        .conflict, .notAllowed, .preconditionFailed, .unknownField, .invalidValue, .missingField,
        .idempotencyKeyMissing, .idempotencyKeyReused, .storageFull,
      ])
  }

  static var recordSchemas: [(name: String, schema: JSONValue)] {
    let version = Schema.described(Schema.text, "for If-Match, there in quotation marks; absent if it is deleted")
    let outcome = Schema.choice(["created", "changed", "unchanged", "deleted"])
    let stamp = Schema.described(Schema.text, "the name of the commit")
    let written = Schema.object(
      ["outcome": outcome, "version": version, "stamp": stamp], optional: ["version", "stamp"],
      description: "What became of a record")
    let committed = Schema.object(
      [
        "outcome": Schema.choice(["committed", "unchanged"]), "stamp": stamp,
        "records": Schema.array(
          Schema.object(["outcome": outcome, "version": version], optional: ["version"]),
          maximum: APILimits.commitWrites),
      ], optional: ["stamp"], description: "What became of a commit: its records in the order of its writes")
    return [("Written", written), ("Committed", committed)]
  }

  /// Of each entity.
  var entityRecordSchemas: [(name: String, schema: JSONValue)] {
    model.entities.flatMap { [($0.readName, $0.readSchema), ($0.writeName, $0.writeSchema)] }
  }
}
