/// From chunks of a file to items.
struct ImportPipeline {
  private enum Reader {
    case csv(CSVReader, RecordMapper, CSVColumns?)
    case records(JSONLinesReader, RecordMapper)
    case sales(JSONLinesReader, SaleMapper)
  }

  private var reader: Reader

  init(_ importer: Importer) {
    reader =
      switch importer.content {
      case .recordsInCSV(let mapper): .csv(CSVReader(), mapper, nil)
      case .recordsInJSONLines(let mapper): .records(JSONLinesReader(), mapper)
      case .salesInJSONLines(let mapper): .sales(JSONLinesReader(), mapper)
      }
  }

  /// - Parameter chunk: nil at the end of the file.
  mutating func lines(
    in chunk: [UInt8]?, _ report: ImportReport
  ) throws(ImportError) -> [SourceLine<ImportItem>] {
    switch reader {
    case .csv(var csv, let mapper, var columns):
      var rows: [CSVReader.Row] = []
      if let chunk { csv.read(chunk, into: &rows) } else { csv.finish(into: &rows) }
      if columns == nil, let header = rows.first {
        columns = try self.columns(header, mapper, report)
        rows.removeFirst()
      }
      guard let columns else {
        guard chunk != nil else { throw ImportError(.unfit, "the file is empty, expected a header row", report) }
        reader = .csv(csv, mapper, nil)
        return []
      }
      reader = .csv(csv, mapper, columns)
      return rows.map { map($0) { cells throws(MappingError) in .record(try mapper.write(cells, columns)) } }
    case .records(var json, let mapper):
      let lines = Self.objects(in: chunk, &json)
      reader = .records(json, mapper)
      return lines.map { map($0) { object throws(MappingError) in .record(try mapper.write(object)) } }
    case .sales(var json, let mapper):
      let lines = Self.objects(in: chunk, &json)
      reader = .sales(json, mapper)
      return lines.map { map($0) { object throws(MappingError) in .sale(try mapper.sale(object)) } }
    }
  }

  private func columns(
    _ header: CSVReader.Row, _ mapper: RecordMapper, _ report: ImportReport
  ) throws(ImportError) -> CSVColumns {
    switch header.content {
    case .failure(let error):
      throw ImportError(.unfit, "the header is malformed: \(error)", report)
    case .success(let names):
      do throws(MappingError) {
        return try mapper.columns(of: names)
      } catch {
        throw ImportError(.unfit, "the header in line \(header.line) does not fit: \(error)", report)
      }
    }
  }

  private static func objects(in chunk: [UInt8]?, _ json: inout JSONLinesReader) -> [JSONLinesReader.Line] {
    var lines: [JSONLinesReader.Line] = []
    if let chunk { json.read(chunk, into: &lines) } else { json.finish(into: &lines) }
    return lines
  }

  private func map<Content>(
    _ line: SourceLine<Content>, _ mapping: (Content) throws(MappingError) -> ImportItem
  ) -> SourceLine<ImportItem> {
    let content: Result<ImportItem, LineError>
    switch line.content {
    case .failure(let error):
      content = .failure(error)
    case .success(let found):
      do throws(MappingError) {
        content = .success(try mapping(found))
      } catch {
        content = .failure(LineError(line: line.line, error.description))
      }
    }
    return SourceLine(line: line.line, byteCount: line.byteCount, content)
  }
}
