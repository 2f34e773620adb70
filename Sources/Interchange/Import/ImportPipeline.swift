import Base
import JSON
import Retail
import TextEncoding

/// A line of a file as an item, with what a person should know about it.
struct MappedItem {
  var item: ImportItem
  var note: String?
}

/// From chunks of a file to items.
struct ImportPipeline {
  private enum Reader {
    case csv(CSVReader, RecordMapper, CSVColumns?)
    case records(JSONLinesReader, RecordMapper)
    case sales(JSONLinesReader, SaleMapper)
  }

  private var reader: Reader
  private let form: ValueForm
  private let converter: TextConverter?
  /// What the converter could not read and no line has been blamed for yet.
  private var malformed: ArraySlice<TextConverter.Malformed> = []
  private var isFirst = true
  /// Once the header is known.
  private(set) var rejects: RejectsWriter?

  init(_ importer: Importer, converter: TextConverter?) {
    form = importer.form
    self.converter = converter
    let keepsText = importer.keepsText
    switch importer.content {
    case .recordsInCSV(let mapper): reader = .csv(CSVReader(keepsText: keepsText), mapper, nil)
    case .recordsInJSONLines(let mapper): reader = .records(JSONLinesReader(keepsText: keepsText), mapper)
    case .salesInJSONLines(let mapper): reader = .sales(JSONLinesReader(keepsText: keepsText), mapper)
    }
    if case .csv = reader {} else { rejects = RejectsWriter() }
  }

  mutating func rejectsBytes(_ lines: [RejectsWriter.Rejected]) -> [UInt8] { rejects?.bytes(for: lines) ?? [] }

  /// - Parameter chunk: nil at the end of the file.
  mutating func lines(
    in chunk: [UInt8]?, _ report: ImportReport
  ) throws(ImportError) -> [SourceLine<MappedItem>] {
    let text = try decoded(chunk, report)
    switch reader {
    case .csv(var csv, let mapper, var columns):
      var rows: [CSVReader.Row] = []
      if let text { csv.read(text, into: &rows) }
      if chunk == nil { csv.finish(into: &rows) }
      if columns == nil, let header = rows.first {
        columns = try self.columns(header, mapper, report)
        rows.removeFirst()
      }
      reader = .csv(csv, mapper, columns)
      guard let columns else {
        guard chunk != nil else { throw ImportError(.unfit, "the file is empty, expected a header row", report) }
        return []
      }
      return rows.map { map($0) { cells throws(MappingError) in try mapper.map(cells, columns).item } }
    case .records(var json, let mapper):
      let lines = Self.objects(in: text, isEnd: chunk == nil, &json)
      reader = .records(json, mapper)
      return lines.map { map($0) { object throws(MappingError) in try mapper.map(object).item } }
    case .sales(var json, let mapper):
      let lines = Self.objects(in: text, isEnd: chunk == nil, &json)
      reader = .sales(json, mapper)
      let form = form
      return lines.map {
        map($0) { object throws(MappingError) in
          var place = RecordPlace(form)
          let sale = try mapper.sale(object.withOffsets(at: &place))
          return MappedItem(item: .sale(sale), note: place.note)
        }
      }
    }
  }

  /// The chunk as UTF-8.
  private mutating func decoded(_ chunk: [UInt8]?, _ report: ImportReport) throws(ImportError) -> [UInt8]? {
    defer { isFirst = false }
    guard let converter else {
      if isFirst, let chunk, chunk.starts(with: [0xFF, 0xFE]) || chunk.starts(with: [0xFE, 0xFF]) {
        throw ImportError(
          .unfit, "the file begins as UTF-16 does, expected UTF-8; say so with --encoding utf-16", report)
      }
      return chunk
    }
    var text: [UInt8] = []
    malformed += chunk.map { converter.convert($0, into: &text) } ?? converter.finish(into: &text)
    return text
  }

  private mutating func columns(
    _ header: CSVReader.Row, _ mapper: RecordMapper, _ report: ImportReport
  ) throws(ImportError) -> CSVColumns {
    if let error = encodingError(header.line, header.offset, header.byteCount) {
      throw ImportError(.unfit, "the header is malformed: \(error)", report)
    }
    switch header.content {
    case .failure(let error):
      throw ImportError(.unfit, "the header is malformed: \(error)", report)
    case .success(let names):
      do throws(MappingError) {
        if let text = header.text {
          rejects = RejectsWriter(header: text, columns: names, fields: mapper.knownColumns)
        }
        return try mapper.columns(of: names)
      } catch {
        throw ImportError(.unfit, "the header in line \(header.line) does not fit: \(error)", report)
      }
    }
  }

  private static func objects(
    in text: [UInt8]?, isEnd: Bool, _ json: inout JSONLinesReader
  ) -> [JSONLinesReader.Line] {
    var lines: [JSONLinesReader.Line] = []
    if let text { json.read(text, into: &lines) }
    if isEnd { json.finish(into: &lines) }
    return lines
  }

  private mutating func map<Content>(
    _ line: SourceLine<Content>, _ mapping: (Content) throws(MappingError) -> MappedItem
  ) -> SourceLine<MappedItem> {
    let content: Result<MappedItem, LineError>
    switch line.content {
    case _ where !malformed.isEmpty:
      if let error = encodingError(line.line, line.offset, line.byteCount) {
        content = .failure(error)
      } else {
        content = Self.map(line, mapping)
      }
    default:
      content = Self.map(line, mapping)
    }
    return SourceLine(line: line.line, offset: line.offset, byteCount: line.byteCount, content, text: line.text)
  }

  private static func map<Content>(
    _ line: SourceLine<Content>, _ mapping: (Content) throws(MappingError) -> MappedItem
  ) -> Result<MappedItem, LineError> {
    switch line.content {
    case .failure(let error): return .failure(error)
    case .success(let found):
      do throws(MappingError) {
        return .success(try mapping(found))
      } catch {
        return .failure(LineError(line: line.line, error.description))
      }
    }
  }

  /// What the converter could not read of this line, and forgets what lies before.
  private mutating func encodingError(_ line: Int, _ offset: Int, _ byteCount: Int) -> LineError? {
    malformed = malformed.drop { $0.outputOffset < offset }
    guard let first = malformed.first, first.outputOffset < offset + max(byteCount, 1), let converter else {
      return nil
    }
    return LineError(
      line: line,
      "byte \(first.inputOffset + 1) of the file is not valid \(converter.source); mend it, or say with --encoding what "
        + "the file is")
  }
}

extension MappedRecord {
  fileprivate var item: MappedItem { MappedItem(item: .record(write), note: note) }
}

extension JSONObject {
  /// The object with the times that have no offset, in members whose names end in `At`, read at `place`.
  fileprivate func withOffsets(at place: inout RecordPlace) throws(MappingError) -> JSONObject {
    var members = members
    for index in members.indices where members[index].name.hasSuffix("At") {
      guard case .string(let text) = members[index].value, let local = LocalTime(text) else { continue }
      let name = members[index].name
      do throws(MappingError) {
        members[index].value = .string(RFC3339.format(WallTime(milliseconds: try place.time(of: local))))
        if let note = place.note, !note.hasPrefix(name) { place.note = "\(name) \(note)" }
      } catch {
        throw MappingError(name, error.reason)
      }
    }
    return JSONObject(members)
  }
}
