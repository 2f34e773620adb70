import Base
import Interchange
import StoreModel
import Testing

@Suite struct ImporterTests {
  static func products(_ count: Int, bad: Set<Int> = []) -> String {
    "id,name\n" + (1...count).map { bad.contains($0) ? "\($0)\n" : "\($0),p\($0)\n" }.joined()
  }

  static func importer(_ name: String = "product") throws -> Importer {
    Importer(.recordsInCSV(try RecordMapper(try entity(name))))
  }

  @Test func aBadLineNeverStopsTheRest() throws {
    let sink = MemorySink()
    sink.refuse = { item in
      if case .record(let write) = item, write.id == RecordID(key: "7") { "no sevens" } else { nil }
    }
    var importer = try Self.importer()
    importer.batchCount = 4
    let report = try importer.run(reading: chunks(Self.products(20, bad: [3, 11]), of: 50), into: sink)
    #expect(report.read == 20 && report.committed == 17 && report.refused == 3 && report.unchanged == 0)
    #expect(report.refusals.map(\.line) == [4, 8, 12], "the header is line 1")
    #expect(report.refusals.map(\.description)[1] == "line 8: no sevens")
    #expect(report.lastLine == 21 && report.wouldCommit == 0)
    #expect(sink.batches.allSatisfy { $0 <= 4 } && sink.batches.reduce(0, +) == 18)
  }

  @Test func anImportThatIsRepeatedAddsNothing() throws {
    let sink = MemorySink()
    let text = Self.products(10)
    _ = try Self.importer().run(reading: chunks(text), into: sink)
    let again = try Self.importer().run(reading: chunks(text), into: sink)
    #expect(again.unchanged == 10 && again.committed == 0)
  }

  @Test func aDryRunCommitsNothing() throws {
    let sink = MemorySink()
    sink.refuse = { item in
      if case .record(let write) = item, write.id == RecordID(key: "7") { "no sevens" } else { nil }
    }
    var importer = try Self.importer()
    importer.isDryRun = true
    let report = try importer.run(reading: chunks(Self.products(10, bad: [2])), into: sink)
    #expect(sink.items.isEmpty && report.committed == 0 && report.wouldCommit == 8 && report.refused == 2)
    #expect(report.lastLine == 11)
  }

  @Test func aHeaderThatDoesNotFitImportsNothing() throws {
    for text in ["id,naem\n1,x\n", "", "\n\n", "\"id\n", "id,name,name\n1,2,3\n"] {
      let sink = MemorySink()
      let error = #expect(throws: ImportError.self) { try Self.importer().run(reading: chunks(text), into: sink) }
      #expect(error?.code == .unfit && error?.description.hasSuffix("nothing was imported") == true)
      #expect(sink.batches.isEmpty)
    }
  }

  @Test func aSinkThatFailsTellsHowFarItCame() throws {
    let sink = MemorySink()
    sink.failsAfterBatches = 2
    var importer = try Self.importer()
    importer.batchCount = 5
    let error = #expect(throws: ImportError.self) {
      try importer.run(reading: chunks(Self.products(20, bad: [2])), into: sink)
    }
    #expect(error?.code == .sink && error?.report.committed == 10 && error?.report.lastLine == 12)
    #expect(
      error?.description
        == "the import stopped after line 12: the node is gone; lines 13 to 17 may be committed or not; "
        + "10 committed, 0 unchanged, 1 refused. Running it again is safe: what is there already is left as it is")
    sink.failsAfterBatches = .max
    let again = try importer.run(reading: chunks(Self.products(20, bad: [2])), into: sink)
    #expect(again.unchanged == 10 && again.committed == 9)
  }

  @Test func aFileThatCannotBeReadOn() throws {
    let sink = MemorySink()
    var first: [UInt8]? = Array(Self.products(3).utf8)
    let error = #expect(throws: ImportError.self) {
      try Self.importer().run(
        reading: {
          guard let chunk = first else { throw MemorySink.Gone() }
          first = nil
          return chunk
        }, into: sink)
    }
    #expect(error?.code == .source)
  }

  @Test func refusalsBeyondTheLimitAreCounted() throws {
    let text = "id,name\n" + (1...1_000).map { "\($0)\n" }.joined()
    var importer = try Self.importer()
    let report = try importer.run(reading: chunks(text), into: MemorySink())
    #expect(report.refused == 1_000 && report.refusals.count == InterchangeLimits.keptRefusals)
    importer.keptRefusals = 0
    #expect(try importer.run(reading: chunks(text), into: MemorySink()).refusals == [])
  }

  @Test func batchesAreBoundedByBytesToo() throws {
    let name = String(repeating: "n", count: 60_000)
    let text = "id,name\n" + (1...100).map { "\($0),\(name)\n" }.joined()
    let sink = MemorySink()
    let report = try Self.importer().run(reading: chunks(text, of: 65_536), into: sink)
    #expect(report.committed == 100)
    let most = InterchangeLimits.batchBytes / 60_000 + 1
    #expect(sink.batches.allSatisfy { $0 <= most } && sink.batches.count >= 100 / most)
    #expect(try #require(sink.batches.max()) <= InterchangeLimits.batchCount)
  }

  @Test func progressGrows() throws {
    var reports: [ImportReport] = []
    let text = Self.products(1_200)
    let report = try Self.importer().run(
      reading: chunks(text, of: 1_000), into: MemorySink(), progress: { reports.append($0) })
    #expect(reports.last == report && report.bytes == text.utf8.count)
    #expect(zip(reports, reports.dropFirst()).allSatisfy { $0.bytes <= $1.bytes && $0.read <= $1.read })
    #expect(reports.count > 10)
  }

  @Test func jsonLines() throws {
    let text = "{\"id\":\"1\",\"name\":\"a\"}\n{\"id\":\"2\",\"nam\":\"b\"}\noops\n{\"id\":\"3\",\"name\":\"c\"}\n"
    let sink = MemorySink()
    let importer = Importer(.recordsInJSONLines(try RecordMapper(try entity("product"))))
    let report = try importer.run(reading: chunks(text, of: 7), into: sink)
    #expect(report.committed == 2 && report.refusals.map(\.line) == [2, 3])
    let empty = try importer.run(reading: chunks(""), into: sink)
    #expect(empty.read == 0 && empty.lastLine == 0)
  }
}
