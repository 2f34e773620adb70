import Base
import Interchange
import StoreModel
import Testing

/// One row of CSV, mapped.
private func map(
  _ name: String, _ header: String, _ row: String, keys: [String] = []
) throws -> RecordWrite {
  let mapper = try RecordMapper(try entity(name), keyColumns: keys)
  let table = try parseCSV("\(header)\n\(row)\n").map { try $0.content.get() }
  return try mapper.write(table[1], try mapper.columns(of: table[0]))
}

private func map(_ name: String, json: String, keys: [String] = []) throws -> RecordWrite {
  let mapper = try RecordMapper(try entity(name), keyColumns: keys)
  return try mapper.write(try #require(parseJSONLines(Array(json.utf8)).first).content.get())
}

/// Why a row is refused.
private func refusal(_ body: () throws -> RecordWrite) -> MappingError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? MappingError
  }
}

/// The edits of a write by field name.
private func edits(_ write: RecordWrite) throws -> [String: FieldEdit] {
  let schema = try #require(Model.retail.entity(write.entity))
  guard case .write(let writes) = write.action else { return [:] }
  var edits: [String: FieldEdit] = [:]
  for write in writes { edits[try #require(schema.field(write.field)).name] = write.edit }
  return edits
}

@Suite struct RecordMapperCSVTests {
  @Test func columnsInAnyOrderAndEmptyCells() throws {
    let write = try map("member", "tags,phone,id,name,birthday,homeStore", "b;a;b,,0042,\" 张涛\",2001-02-28,375")
    #expect(write.id == RecordID(key: "0042"))
    #expect(
      try edits(write) == [
        "name": .set(.text(" 张涛")), "tags": .replaceElements([.text("b"), .text("a")]),
        "birthday": .set(.integer(20_010_228)), "homeStore": .set(.integer(375)),
      ])
  }

  @Test func aWriteDoesNotDependOnTheOrderOfTheColumns() throws {
    let one = try map("product", "id,name,brand", "1,a,b")
    #expect(try map("product", "brand,name,id", "b,a,1") == one)
  }

  @Test func customFieldsHaveAColumnEach() throws {
    let write = try map("member", "id,customFields.shoe size,customFields.club", "1,42,")
    #expect(try edits(write) == ["customFields": .put(key: "shoe size", .text("42"))])
    let long = String(repeating: "k", count: ModelLimits.keyBytes + 1)
    for column in ["customFields", "customFields.", "customFields.\(long)"] {
      #expect(refusal { try map("member", "id,\(column)", "1,x") } != nil, "\(column)")
    }
  }

  @Test(arguments: [
    ("true", 1), ("TRUE", 1), ("1", 1), ("yes", 1), ("false", 0), ("False", 0), ("0", 0), ("No", 0),
  ])
  func booleans(_ text: String, _ bit: Int64) throws {
    #expect(try edits(map("listing", "store,product,available", "1,2,\(text)"))["available"] == .set(.integer(bit)))
  }

  @Test(arguments: [
    ("listing", "price", "12.34", "minor units"), ("listing", "price", "\"1,234\"", "in digits"),
    ("listing", "price", " 5", "in digits"), ("listing", "price", "+5", "in digits"),
    ("listing", "price", "-", "in digits"), ("listing", "price", "9223372036854775808", "64 bits"),
    ("listing", "price", "١٢", "in digits"),
    ("listing", "available", "maybe", "yes or no"),
  ])
  func whatIsRefused(_ name: String, _ column: String, _ cell: String, _ reason: String) throws {
    let error = refusal { try map(name, "store,product,\(column)", "1,2,\(cell)") }
    #expect(error?.field == column && error?.reason.contains(reason) == true, "\(String(describing: error))")
  }

  @Test(arguments: ["20170231", "2017-02-31", "2017-2-3", "17-02-03", "2017/02/03", "0", "00000101", "2017-0203"])
  func whatIsNoDay(_ text: String) {
    #expect(refusal { try map("member", "id,birthday", "1,\(text)") }?.field == "birthday")
  }

  @Test func valuesAreNeverQuoted() {
    for (column, cell) in [("birthday", "19991399"), ("level", "secretword"), ("homeStore", "secretword")] {
      let error = refusal { try map("member", "id,\(column)", "1,\(cell)") }
      #expect(error?.description.contains("secretword") == false, "\(String(describing: error))")
    }
  }

  @Test func choicesAndTimes() throws {
    #expect(try edits(map("member", "id,level", "1,gold"))["level"] == .set(.text("gold")))
    #expect(refusal { try map("member", "id,level", "1,platinum") }?.reason.contains("bronze, silver, gold") == true)
    let header = "document,line,member,store,points,reason,earnedAt"
    let document = "018fc2b6-4c10-7aaa-8000-0123456789ab"
    let write = try map("pointsEntry", header, "\(document),2,7,375,10,purchase,2017-08-21T18:11:21-04:00")
    #expect(try edits(write)["earnedAt"] == .set(.integer(1_503_353_481_000)))
    #expect(write.id.bytes.count == 20)
    let error = refusal { try map("pointsEntry", header, "\(document),2,7,375,10,purchase,2017-08-21 18:11") }
    #expect(error?.field == "earnedAt")
  }

  // MARK: - Headers

  @Test(arguments: [
    ("product", "id,name,colour", "product has no field “colour”; known are: id, name, department"),
    ("product", "id,Name", "no field “Name”"), ("product", "id,name ", "no field “name ”"),
    ("product", "id,name,name", "two columns “name”"), ("product", "name", "no column “id”"),
    ("store", "code", "no column “id”"), ("listing", "store,price", "neither “id” nor “product”"),
    ("couponRedemption", "code,store", "no column “id”"), ("member", "id,visits", "a counter"),
    ("product", "id,", "no field “”"), ("product", "id;name", "by commas"), ("product", "id\tname", "by commas"),
  ])
  func headersThatDoNotFit(_ name: String, _ header: String, _ reason: String) throws {
    let mapper = try RecordMapper(try entity(name))
    let names = try #require(good(parseCSV(header + "\n")).first)
    let error = #expect(throws: MappingError.self) { try mapper.columns(of: names) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  // MARK: - Identity

  @Test func composedIdsComeFromTheFields() throws {
    let write = try map("listing", "store,product,price", "375,819643,99")
    #expect(Listing.identity.text(of: write.id) == "375/819643")
    #expect(try map("listing", "id,store,product,price", "375/819643,375,819643,99") == write)
    #expect(try map("listing", "id,price", "375/819643,99").id == write.id)
    #expect(refusal { try map("listing", "id,store,product", "375/1,375,2") }?.field == "id")
    #expect(refusal { try map("listing", "id,store", "375/1,375") } != nil)
    #expect(refusal { try map("listing", "store,product", "375,") } != nil)
    #expect(refusal { try map("listing", "store,product", "abc,1") }?.field == "store")
  }

  @Test func idsKeepLeadingZeros() throws {
    #expect(try map("product", "id,name", "007,x").id == RecordID(key: "007"))
    #expect(refusal { try map("store", "id,name", "007,x") }?.field == "id", "a number has one form")
    #expect(refusal { try map("product", "id,name", ",x") }?.field == "id")
  }

  @Test func uuidsAndKeysOfTheSource() throws {
    let header = "id,code,store,redeemedDay"
    let uuid = "018fc2b6-4c10-7aaa-8000-0123456789ab"
    #expect(Identity.uuid.text(of: try map("couponRedemption", header, "\(uuid),1,375,20170910").id) == uuid)
    let key = try map("couponRedemption", header, "R-17,1,375,20170910").id
    #expect(
      key
        == RecordID(
          importedAt: try RFC3339.parse("2017-09-10T00:00:00Z"), source: "couponRedemption", key: "R-17"))
    #expect(try map("couponRedemption", "redeemedDay,store,id,code", "2017-09-10,375,R-17,9").id == key)
    #expect(refusal { try map("couponRedemption", header, ",1,375,20170910") }?.field == "id")
    let uuidOfTask = try map("task", "id,title,store,status", "\(uuid),a,375,open").id
    #expect(Identity.uuid.text(of: uuidOfTask) == uuid)
  }

  @Test func aRecordThatNeverChangesIsWrittenWhole() throws {
    #expect(refusal { try map("couponRedemption", "id,code,store", "R-17,1,375") }?.field == "redeemedDay")
    #expect(refusal { try map("couponRedemption", json: #"{"id":"R-17","store":375}"#) }?.field == "code")
    #expect(
      try edits(map("product", "id,brand", "1,x")) == ["brand": .set(.text("x"))], "this one may be there already")
  }

  @Test func theIdOfARecordThatMayChangeDoesNotDependOnItsDays() throws {
    let first = try map("task", "id,title,store,status,dueDay", "T1,a,375,open,20170910")
    let moved = try map("task", "id,title,store,status,dueDay", "T1,a,375,open,20170911")
    #expect(first.id == moved.id)
  }

  @Test func keyColumnsTellRowsApart() throws {
    let header = "store,receipt,till,code,redeemedDay"
    let keys = ["store", "receipt", "till"]
    func id(_ row: String) throws -> RecordID {
      try map("couponRedemption", header, "\(row),10000085425,20170910", keys: keys).id
    }
    #expect(try id("375,1,9") == id("375,1,9"))
    #expect(try id("375,1,9") != id("375,2,9"))
    #expect(try id("375,1/9,") != id("375,1,9/"), "parts do not run into each other")
    #expect(throws: MappingError.self) { try map("couponRedemption", "store,code", "1,2", keys: keys) }
    #expect(throws: MappingError.self) { try RecordMapper(try entity("product"), keyColumns: ["name"]) }
    #expect(
      refusal { try map("couponRedemption", "receipt,code,store,redeemedDay", ",1,375,20170910", keys: ["receipt"]) }?
        .field == "id")
  }
}

@Suite struct RecordMapperJSONTests {
  @Test func members() throws {
    let json = #"""
      {"id":"0042","name":"José","phone":null,"homeStore":375,"tags":["a","a","b"],"birthday":20010228,"level":"gold",
       "customFields":{"club":"A","size":42,"old":null}}
      """#.split(separator: "\n").joined()
    let write = try map("member", json: json)
    #expect(write.id == RecordID(key: "0042"))
    guard case .write(let writes) = write.action else {
      Issue.record("a deletion")
      return
    }
    #expect(
      writes.map(\.edit) == [
        .set(.text("José")), .set(.null), .set(.integer(375)), .replaceElements([.text("a"), .text("b")]),
        .put(key: "club", .text("A")), .put(key: "size", .integer(42)), .put(key: "old", .null), .set(.text("gold")),
        .set(.integer(20_010_228)),
      ])
  }

  @Test(arguments: [
    (#"{"store":1,"product":"2","price":12.34}"#, "price", "minor units"),
    (#"{"store":1,"product":"2","price":"12"}"#, "price", "a whole number"),
    (#"{"store":1,"product":2}"#, "product", "found a whole number"),
    (#"{"store":4294967296,"product":"2"}"#, "store", "4294967295"),
    (#"{"store":1,"product":"2","available":2}"#, "available", "true or false"),
    (#"{"store":1,"product":"2","available":[]}"#, "available", "found an array"),
    (#"{"store":1,"product":null}"#, "product", "needs a value"),
    (#"{"store":1,"product":"a\u0000b"}"#, "product", "control characters"),
  ])
  func whatIsRefused(_ json: String, _ field: String, _ reason: String) {
    let error = refusal { try map("listing", json: json) }
    #expect(error?.field == field && error?.reason.contains(reason) == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    (#"{"id":"1","tags":"a"}"#, "tags"), (#"{"id":"1","tags":[null]}"#, "tags"), (#"{"id":"1","tags":null}"#, "tags"),
    (#"{"id":"1","customFields":[]}"#, "customFields"), (#"{"id":"1","customFields":{"":"x"}}"#, "customFields"),
    (#"{"id":"1","customFields":{"a":1.5}}"#, "customFields.a"), (#"{"id":"1","visits":3}"#, "visits"),
    (#"{"id":1}"#, "id"), (#"{"name":"x"}"#, "id"), (#"{"id":"1","name":"a\u0000b"}"#, "name"),
  ])
  func whatMembersRefuse(_ json: String, _ field: String) {
    #expect(refusal { try map("member", json: json) }?.field == field)
  }

  @Test func anUnknownNameIsNamed() {
    let error = refusal { try map("product", json: #"{"id":"1","naem":"x"}"#) }
    #expect(error?.description.contains("product has no field “naem”; known are: id, name") == true)
  }

  @Test func sameIdsAsFromCSV() throws {
    let json = try map("listing", json: #"{"store":"375","product":"819643","price":99,"available":true}"#)
    #expect(json == (try map("listing", "store,product,price,available", "375,819643,99,yes")))
    #expect(try map("store", json: #"{"id":375,"name":"x"}"#).id == RecordID(number: 375))
    let keys = ["receipt", "code"]
    #expect(
      try map(
        "couponRedemption", json: #"{"receipt":35865778738,"code":"1","store":375,"redeemedDay":20170910}"#, keys: keys
      ).id
        == map("couponRedemption", "receipt,code,store,redeemedDay", "35865778738,1,375,2017-09-10", keys: keys).id)
  }

  @Test func setsHaveALimit() throws {
    func json(_ count: Int) -> String {
      #"{"id":"1","tags":["# + (0..<count).map { "\"\($0)\"" }.joined(separator: ",") + "]}"
    }
    _ = try map("member", json: json(ModelLimits.collectionCount))
    #expect(refusal { try map("member", json: json(ModelLimits.collectionCount + 1)) }?.field == "tags")
  }
}
