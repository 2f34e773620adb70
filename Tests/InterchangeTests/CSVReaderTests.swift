import Base
import Interchange
import Testing

@Suite struct CSVReaderTests {
  // MARK: - What is read

  @Test(arguments: ["\r\n", "\n", "\r"])
  func lineBreaks(_ end: String) {
    let rows = parseCSV(["id,name", "1,Ann", "2,Bo"].joined(separator: end) + end)
    #expect(good(rows) == [["id", "name"], ["1", "Ann"], ["2", "Bo"]])
    #expect(rows.map(\.line) == [1, 2, 3])
  }

  @Test func theLastRowNeedsNoLineBreak() {
    #expect(good(parseCSV("a,b\n1,2")) == [["a", "b"], ["1", "2"]])
    #expect(good(parseCSV("a,b\n1,")) == [["a", "b"], ["1", ""]])
    #expect(good(parseCSV("a,b\n1,\"2\"")) == [["a", "b"], ["1", "2"]])
  }

  @Test func quotedFields() {
    let rows = parseCSV("a,b,c\r\n\"x,y\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n\"\",\"\"\"\",z\r\n")
    #expect(good(rows) == [["a", "b", "c"], ["x,y", "say \"hi\"", "two\r\nlines"], ["", "\"", "z"]])
    #expect(rows.map(\.line) == [1, 2, 4])
  }

  @Test func nothingIsTrimmed() {
    #expect(good(parseCSV("a,b\n 007 ,\t\n")) == [["a", "b"], [" 007 ", "\t"]])
  }

  @Test func aByteOrderMarkIsNoContent() {
    for chunk in 1...4 {
      let rows = parseCSV([0xEF, 0xBB, 0xBF] + Array("id\n陈静\n".utf8), chunk: chunk)
      #expect(good(rows) == [["id"], ["陈静"]])
    }
    #expect(good(parseCSV([0xEF, 0xBB, 0xBF])) == [])
    #expect(good(parseCSV("")) == [])
  }

  /// Found by the fuzzer: the refused row reached into the next one, which so got the blame for malformed text there.
  @Test func aRowThatIsRefusedForAnOpenQuotationMarkEndsWithItsFirstLine() {
    let rows = parseCSV("id,name\nx,\"open\ny,z\n")
    #expect(rows.map(\.line) == [1, 2, 3])
    #expect(rows.map(\.offset) == [0, 8, 16])
    #expect(rows.map(\.byteCount) == [8, 8, 4])
  }

  @Test func emptyLinesAreSkipped() {
    let rows = parseCSV("\n\r\na,b\r\n\r\n\r\n1,2\n\n")
    #expect(good(rows) == [["a", "b"], ["1", "2"]])
    #expect(rows.map(\.line) == [3, 6])
    #expect(good(parseCSV("a\n\"\"\n")) == [["a"], [""]], "a quoted empty field is a row")
  }

  // MARK: - What is refused

  @Test func wrongNumberOfColumns() {
    let rows = parseCSV("a,b\n1\n2,3\n4,5,6\n7,8\n")
    #expect(good(rows) == [["a", "b"], ["2", "3"], ["7", "8"]])
    #expect(errors(rows).map(\.line) == [2, 4])
    #expect(errors(rows)[1].reason == "found 3 fields, expected 2 as in the first row")
    let spanning = errors(parseCSV("a,b\n\"1\n2\"\n"))
    #expect(spanning.map(\.line) == [2] && spanning[0].reason.hasSuffix("the row holds line breaks in quotation marks"))
  }

  @Test func strayQuotationMarks() {
    let rows = parseCSV("a,b\n5\" pipe,2\n\"x\"y,3\n4,5\n")
    #expect(good(rows) == [["a", "b"], ["4", "5"]])
    #expect(errors(rows).map(\.line) == [2, 3])
    #expect(errors(rows).map(\.column) == [2, 4])
  }

  @Test func anOpenQuotationMarkCostsItsRowOnly() {
    let atEnd = parseCSV("a,b\r\n1,\"open\r\n2,x\r\n3,y\r\n")
    #expect(good(atEnd) == [["a", "b"], ["2", "x"], ["3", "y"]])
    #expect(errors(atEnd).map(\.line) == [2])

    let beforeAnother = parseCSV("a,b\n1,\"open\n2,x\n3,\"y, z\"\n4,w\n")
    #expect(good(beforeAnother) == [["a", "b"], ["2", "x"], ["3", "y, z"], ["4", "w"]])
    #expect(errors(beforeAnother).map(\.line) == [2])
    #expect(beforeAnother.map(\.line) == [1, 2, 3, 4, 5])
  }

  @Test func anOpenQuotationMarkInALongFile() {
    let many = (3...50_000).map { "\($0),plain\n" }.joined()
    let rows = parseCSV("a,b\n2,\"open\n" + many, chunk: 4_096)
    #expect(errors(rows).map(\.line) == [2])
    #expect(rows.count == 50_000 && rows.last?.line == 50_000)
    #expect(errors(rows)[0].reason.contains("is a quotation mark not closed?"))
  }

  @Test func otherEncodingsAreNamed() {
    // “张涛” in GB18030.
    let rows = parseCSV(Array("id,name\n1,".utf8) + [0xD5, 0xC5, 0xCC, 0xCE] + Array("\n2,Bo\n".utf8))
    #expect(good(rows) == [["id", "name"], ["2", "Bo"]])
    #expect(errors(rows).map(\.line) == [2])
    #expect(
      errors(rows)[0].description
        == "line 2, column 3: found bytes in field 2 that are not UTF-8; they fit GB18030: try --encoding gb18030, or "
        + "save the file as UTF-8")
    // “Zoë” in Latin-1.
    let latin = errors(parseCSV(Array("id,name\n1,Zo".utf8) + [0xEB] + Array("\n".utf8)))
    #expect(latin[0].column == 5 && latin[0].reason.contains("latin1") && !latin[0].reason.contains("they fit"))
    let nul = parseCSV(Array("a,b\n1,x".utf8) + [0] + Array("\n2,y\n".utf8))
    #expect(good(nul) == [["a", "b"], ["2", "y"]] && errors(nul).map(\.line) == [2])
    let utf16 = parseCSV([0xFF, 0xFE] + "id\n1\n".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
    #expect(good(utf16).isEmpty && errors(utf16).first?.line == 1)
  }

  // MARK: - Limits

  @Test func aFieldHasALimit() {
    let limit = InterchangeLimits.fieldBytes
    let fits = String(repeating: "x", count: limit)
    #expect(good(parseCSV("a,b\n\(fits),2\n")).count == 2)
    let rows = parseCSV("a,b\n\(fits)xx,2\n3,4\n", chunk: 1_000)
    #expect(good(rows) == [["a", "b"], ["3", "4"]])
    #expect(errors(rows).map(\.reason) == ["found a field of more than \(limit) bytes"])
  }

  @Test func aRowHasALimit() {
    let field = String(repeating: "x", count: 1 << 17)
    let row = Array(repeating: field, count: InterchangeLimits.rowBytes >> 17).joined(separator: ",")
    let rows = parseCSV("a\n\(row)\nb\n", chunk: 65_536)
    #expect(good(rows) == [["a"], ["b"]] && errors(rows)[0].reason.contains("a row of more than"))
  }

  @Test func columnsHaveALimit() {
    let most = Array(repeating: "c", count: InterchangeLimits.columnCount).joined(separator: ",")
    #expect(good(parseCSV(most + "\n")).first?.count == InterchangeLimits.columnCount)
    #expect(errors(parseCSV(most + ",c\n")).map(\.reason) == ["found more than 1024 fields"])
  }

  @Test func aLineOfTenMegabytesIsOneError() {
    let long = [UInt8](repeating: UInt8(ascii: "x"), count: 10 << 20)
    let rows = parseCSV(Array("a,b\n1,".utf8) + long + Array("\n2,y\n".utf8), chunk: 65_536)
    #expect(good(rows) == [["a", "b"], ["2", "y"]] && errors(rows).map(\.line) == [2])
    #expect(rows.map(\.line) == [1, 2, 3])
  }
}

/// Laws that hold for all files.
@Suite struct CSVPropertyTests {
  /// RFC 4180, quoting only where it must, or everywhere.
  static func encode(_ rows: [[String]], end: String, quoteAll: Bool) -> String {
    rows.map { row in
      row.map { cell in
        let needsQuotes = quoteAll || cell.utf8.contains { "\",\r\n".utf8.contains($0) } || row == [""]
        return needsQuotes
          ? "\"" + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" : cell
      }.joined(separator: ",") + end
    }.joined()
  }

  static func randomCell(_ generator: inout SeededGenerator) -> String {
    let alphabet: [String] = ["a", "\"", ",", "\n", "\r", "\r\n", " ", "0", "陈", "é", "😀", ";", "\t"]
    return (0..<Int.random(in: 0...6, using: &generator)).map { _ in
      alphabet.randomElement(using: &generator) ?? ""
    }.joined()
  }

  @Test func whatIsEncodedIsReadHoweverItIsCut() {
    let seed: UInt64 = 0x5EED_C5F0
    var generator = SeededGenerator(seed: seed)
    for round in 0..<300 {
      let width = Int.random(in: 1...4, using: &generator)
      let table = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
        (0..<width).map { _ in Self.randomCell(&generator) }
      }
      let end = ["\r\n", "\n", "\r"].randomElement(using: &generator) ?? "\n"
      let bytes = Array(Self.encode(table, end: end, quoteAll: Bool.random(using: &generator)).utf8)
      let expected = table.map { $0.map { Array($0.utf8) } }
      for chunk in [1, 2, 3, 7, Int.max] {
        let found = good(parseCSV(bytes, chunk: chunk)).map { $0.map { Array($0.utf8) } }
        #expect(found == expected, "SEED \(seed) round \(round) chunk \(chunk)")
      }
      // Cut once, at every byte.
      for cut in 0...bytes.count {
        var reader = CSVReader()
        var rows: [CSVReader.Row] = []
        reader.read(bytes[..<cut], into: &rows)
        reader.read(bytes[cut...], into: &rows)
        reader.finish(into: &rows)
        #expect(good(rows).map { $0.map { Array($0.utf8) } } == expected, "SEED \(seed) round \(round) cut \(cut)")
      }
    }
  }

  /// Whatever the bytes, cutting changes nothing, lines never go backwards, and no line is reported twice.
  @Test func anyBytesAreReadTheSameHoweverTheyAreCut() {
    let seed: UInt64 = 0x5EED_C5F1
    var generator = SeededGenerator(seed: seed)
    let alphabet: [UInt8] = Array("ab\"\",,\n\n\r".utf8) + [0xD5, 0xC5, 0, 0xEF, 0xBB, 0xBF]
    for round in 0..<2_000 {
      let bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
        alphabet.randomElement(using: &generator) ?? 0
      }
      let whole = parseCSV(bytes)
      for chunk in 1...3 {
        #expect(parseCSV(bytes, chunk: chunk) == whole, "SEED \(seed) round \(round) chunk \(chunk)")
      }
      let lines = whole.map(\.line)
      #expect(zip(lines, lines.dropFirst()).allSatisfy { $0 < $1 }, "SEED \(seed) round \(round): \(lines)")
    }
  }

  /// Going back to a row's second line must not make reading quadratic: that would take hours here.
  @Test(.timeLimit(.minutes(1)))
  func quotationMarksInEveryLineAreReadInLinearTime() {
    for line in ["\"a\n", "x,\"\n", "\"\"\"\n", "\",\"\n", ",\"\"\n", "a\"\n", "\"\"\"\",\"\n"] {
      #expect(!parseCSV(Array(String(repeating: line, count: 100_000).utf8), chunk: 65_536).isEmpty)
    }
  }
}
