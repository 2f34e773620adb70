package import JSON

/// One path and method as the description tells it.
package struct OpenAPIOperation: Sendable {
  package struct Parameter: Sendable {
    package enum Place: String, Sendable {
      case path, query, header
    }

    package var name: String
    package var place: Place
    package var description: String
    package var isRequired: Bool
    package var schema: JSONValue

    package init(
      _ name: String, _ place: Place, _ description: String, required: Bool? = nil, _ schema: JSONValue = Schema.text
    ) {
      self.name = name
      self.place = place
      self.description = description
      isRequired = required ?? (place == .path)
      self.schema = schema
    }
  }

  package struct Answer: Sendable {
    package var status: Int
    package var description: String
    /// Nil for an answer without a body.
    package var schema: JSONValue?
    package var mediaType: String
    package var headers: [Parameter]

    package init(
      _ status: Int, _ description: String, _ schema: JSONValue?, mediaType: String = HTTPResponse.json,
      headers: [Parameter] = []
    ) {
      self.status = status
      self.description = description
      self.schema = schema
      self.mediaType = mediaType
      self.headers = headers
    }
  }

  package var path: String
  package var id: String
  package var tag: String
  package var summary: String
  package var parameters: [Parameter]
  /// The schema of the body; nil if there is none.
  package var body: JSONValue?
  package var answers: [Answer]
  /// What may be wrong beyond what is so for every operation.
  package var problems: [ProblemCode]

  package init(
    _ path: String, id: String, tag: String, _ summary: String, parameters: [Parameter] = [], body: JSONValue? = nil,
    answers: [Answer], problems: [ProblemCode] = []
  ) {
    self.path = path
    self.id = id
    self.tag = tag
    self.summary = summary
    self.parameters = parameters
    self.body = body
    self.answers = answers
    self.problems = problems
  }
}
