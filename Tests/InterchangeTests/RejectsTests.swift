import Base
import Interchange
import JSON
import Retail
import StoreModel
import Testing
import TextEncoding

/// Refused lines, their places and what is kept of them.
@Suite struct RejectsTests {
  static func run(
    _ bytes: [UInt8], as name: String = "product", json: Bool = false, encoding: String? = nil, chunk: Int = 4_096,
    sink: MemorySink = MemorySink()
  ) throws -> (report: ImportReport, rejects: String) {
    let mapper = try RecordMapper(try entity(name))
    var rejects: [UInt8] = []
    let report = try Importer(json ? .recordsInJSONLines(mapper) : .recordsInCSV(mapper)).run(
      reading: byteChunks(bytes, of: chunk), converting: try encoding.map { try TextConverter(from: $0) }, into: sink,
      rejects: { rejects += $0 })
    return (report, String(decoding: rejects, as: UTF8.self))
  }

  static func run(_ text: String, json: Bool = false, chunk: Int = 4_096, sink: MemorySink = MemorySink()) throws -> (
    report: ImportReport, rejects: String
  ) {
    try run(Array(text.utf8), json: json, chunk: chunk, sink: sink)
  }

  @Test func refusedRowsComeAsTheyCameWithTheReason() throws {
    let text =
      "\u{FEFF}id,name\r\n1,\"Tea, green\"\r\n2\r\n3,5\" pipe\r\n4,\"two\r\nlines\",x\r\n,none\r\n6,six\r\n7,\"open\r\n8,eight"
    for chunk in [1, 2, 7, 4_096] {
      let sink = MemorySink()
      sink.refuse = { item in
        if case .record(let write) = item, write.id == RecordID(key: "6") { "no \"sixes\"" } else { nil }
      }
      let (report, rejects) = try Self.run(text, chunk: chunk, sink: sink)
      #expect(report.refused == 6 && report.committed == 2, "chunks of \(chunk)")
      #expect(report.refusals.map(\.line) == [3, 4, 5, 7, 8, 9], "a row's line is the one where it starts")
      let lines = rejects.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
      #expect(lines[0] == "id,name,reason")
      #expect(lines[1] == "2,\"line 3: found 1 fields, expected 2 as in the first row\"")
      #expect(lines[2].hasPrefix("3,5\" pipe,\"line 4, column 4: a quotation mark stands within"))
      #expect(lines[3] == "4,\"two" && lines[4].hasPrefix("lines\",x,\"line 5: found 3 fields"))
      #expect(
        lines[5] == ",none,\"line 7: id: found none, expected a key of 1 to 64 bytes without control characters\"")
      #expect(lines[6] == "6,six,\"line 8: no \"\"sixes\"\"\"")
      #expect(lines[7].hasPrefix("7,\"open,\"line 9: a quotation mark opens a field"))
      #expect(lines.count == 9 && lines[8] == "")
    }
  }

  @Test func whatWasMendedGoesInWithTheReasonsIgnored() throws {
    let sink = MemorySink()
    let (_, rejects) = try Self.run("id,name\n1,Tea\n,Milk\n", sink: sink)
    var names = ColumnNames()
    try names.ignore("reason")
    let mended = rejects.split(separator: "\r\n").map { $0.hasPrefix(",Milk") ? "2" + $0 : String($0) }.joined(
      separator: "\n")
    let mapper = try RecordMapper(try entity("product"), names: names)
    let report = try Importer(.recordsInCSV(mapper)).run(reading: chunks(mended), into: sink)
    #expect(report.committed == 1 && report.refused == 0 && sink.items.count == 2)
  }

  @Test func theReasonsColumnTakesNoOtherName() throws {
    let bytes = Array("document,line,reason\nx,1,sale\n".utf8)
    #expect(try Self.run(bytes, as: "stockMovement").rejects.hasPrefix("document,line,reason,reason2\r\n"))
    #expect(try Self.run("id,name\n1,a\n").rejects == "", "without refusals there is not even a header")
  }

  @Test func refusedJSONLines() throws {
    let text = "{\"id\":\"1\",\"name\":\"a\"}\r\n{\"id\":\"2\",\"nam\":\"b\"}\r\noo\"ps\n{\"id\":\"3\",\"name\":5}"
    for chunk in [1, 3, 4_096] {
      let rejects = try Self.run(text, json: true, chunk: chunk).rejects.split(separator: "\n").map(String.init)
      try #require(rejects.count == 3)
      #expect(
        rejects[0].hasPrefix("{\"line\":2,\"reason\":\"product has no field")
          && rejects[0].hasSuffix("\"input\":{\"id\":\"2\",\"nam\":\"b\"}}"))
      #expect(rejects[1] == "{\"line\":3,\"reason\":\"expected a value\",\"input\":\"oo\\\"ps\"}")
      for line in rejects { #expect(throws: Never.self) { try JSONParser.parse(Array(line.utf8)[...]) } }
    }
  }

  @Test func aLineThatIsTooLongIsNotKept() throws {
    let long = String(repeating: "x", count: 3 << 20)
    let (report, rejects) = try Self.run("id,name\n1,\(long)\n2,Tea\n", chunk: 65_536)
    #expect(report.refusals.map(\.line) == [2] && report.committed == 1)
    #expect(rejects.utf8.count < 1_000 && rejects.contains("\r\n,,\"line 2"))
  }

  // MARK: Encodings

  @Test func aMalformedSequenceIsNamedByLineAndByte() throws {
    // “张” in GB18030, then half a character.
    let bytes =
      Array("id,name\n1,".utf8) + [0xD5, 0xC5] + Array("\n2,".utf8) + [0x81] + Array("\n\"3\",x\n4,".utf8) + [0xFF]
    for chunk in [1, 2, 3, 100] {
      let sink = MemorySink()
      let (report, rejects) = try Self.run(bytes, encoding: "gb18030", chunk: chunk, sink: sink)
      #expect(
        report.refusals.map(\.located) == [
          "3: byte 16 of the file is not valid gb18030; mend it, or say with --encoding what the file is",
          "5: byte 26 of the file is not valid gb18030; mend it, or say with --encoding what the file is",
        ], "chunks of \(chunk)")
      #expect(sink.items.count == 2 && rejects.contains("2,\u{FFFD},\"line 3: byte 16"))
    }
  }

  @Test func aHeaderThatCannotBeReadEndsTheImport() throws {
    for encoding in ["gb18030", nil] {
      let bytes = Array("id,n".utf8) + [0xFF] + Array("me\n1,x\n".utf8)
      let error = #expect(throws: ImportError.self) { try Self.run(bytes, encoding: encoding) }
      #expect(error?.code == .unfit && error?.reason.hasPrefix("the header is malformed: line 1") == true)
    }
  }

  @Test func aFileInUTF16IsTold() throws {
    let bytes: [UInt8] = [0xFF, 0xFE] + "id,name\n1,x\n".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    let error = #expect(throws: ImportError.self) { try Self.run(bytes) }
    #expect(error?.reason.hasSuffix("say so with --encoding utf-16") == true)
    #expect(try Self.run(bytes, encoding: "utf-16").report.committed == 1)
  }

  // MARK: Sales

  @Test func salesMayHaveLocalTimes() throws {
    var importer = Importer(.salesInJSONLines(SaleMapper()))
    importer.form = ValueForm(
      stores: [1: Place(currency: "EUR", calendar: try BusinessCalendar(timeZone: "Europe/Berlin"))], ownStore: 1)
    func sale(_ time: String) -> String {
      "{\"receipt\":\"1\",\"soldAt\":\"\(time)\",\"lines\":[{\"product\":\"a\",\"quantity\":1,\"salesCents\":5}]}\n"
    }
    let sink = MemorySink()
    let report = try importer.run(
      reading: chunks(sale("2026-03-02 09:15") + sale("2026-03-29 02:30") + sale("2026-10-25 02:30")), into: sink)
    let times = sink.items.map { if case .sale(.sale(let sale)) = $0 { RFC3339.format(sale.soldAt) } else { "" } }
    #expect(times == ["2026-03-02T08:15:00Z", "2026-10-25T00:30:00Z"])
    #expect(
      report.refusals.map(\.line) == [2] && report.refusals[0].reason.hasPrefix("soldAt: never was in Europe/Berlin"))
    #expect(report.notes.map(\.line) == [3] && report.noted == 1)
  }

  @Test func anInterruptionTellsHowFarItCame() throws {
    var rest = 3
    let error = #expect(throws: ImportError.self) {
      try Importer(.recordsInCSV(RecordMapper(entity("product")))).run(
        reading: {
          rest -= 1
          if rest == 0 { throw ImportInterruption() }
          return Array("id,name\n".utf8) + (0..<600).flatMap { Array("\(rest)-\($0),x\n".utf8) }
        }, into: MemorySink())
    }
    #expect(error?.code == .interrupted && error?.report.committed == 1_000)
    #expect(error?.description.hasPrefix("the import stopped after line 1001: interrupted; 1000 committed") == true)
  }
}
