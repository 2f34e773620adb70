import Interchange
import JSON
import StoreModel
import Testing

@Suite struct ColumnNameTests {
  static func names(map: [String] = [], ignore: [String] = []) throws -> ColumnNames {
    var names = ColumnNames()
    for list in map { try names.rename(list) }
    for list in ignore { try names.ignore(list) }
    return names
  }

  static func mapper(_ name: String = "product", map: [String] = [], ignore: [String] = []) throws -> RecordMapper {
    try RecordMapper(try entity(name), names: try names(map: map, ignore: ignore))
  }

  @Test func columnsOfAnotherName() throws {
    let mapper = try Self.mapper(
      map: ["Artikelnr=id,Bezeichnung=name", "\"Größe, a=b=packageSize\""], ignore: ["Lager"])
    let columns = try mapper.columns(of: ["Bezeichnung", "Lager", "Artikelnr", "Größe, a=b"])
    let plain = try Self.mapper()
    let expected = try plain.write(["Tea", "007", "1 kg"], plain.columns(of: ["name", "id", "packageSize"]))
    #expect(try mapper.write(["Tea", "12", "007", "1 kg"], columns) == expected)
  }

  @Test func membersOfAnotherName() throws {
    let mapper = try Self.mapper(map: ["nr=id,text=name"], ignore: ["stock"])
    func object(_ text: String) throws -> JSONObject {
      guard case .object(let object) = try JSONParser.parse(Array(text.utf8)[...]) else { return JSONObject() }
      return object
    }
    let plain = try Self.mapper()
    let expected = try plain.write(object(#"{"id":"007","name":"Tea"}"#))
    #expect(try mapper.write(object(#"{"nr":"007","stock":{"a":1},"text":"Tea"}"#)) == expected)
    #expect(throws: MappingError.self) { try mapper.write(object(#"{"nr":"1","id":"2","text":"Tea"}"#)) }
  }

  @Test func mistakesListWhatThereIs() throws {
    let missing = #expect(throws: MappingError.self) {
      try Self.mapper(map: ["Artikel=id"]).columns(of: ["Artikelnr", "name"])
    }
    #expect(
      missing?.reason
        == "found no column “Artikel”, which --map or --ignore names; the file's columns are: “Artikelnr”, “name”")
    let field = #expect(throws: MappingError.self) { try Self.mapper(map: ["Artikel=number"]) }
    #expect(field?.reason.contains("product has no field “number”; known are: id, name, department") == true)
    #expect(throws: MappingError.self) { try Self.mapper(map: ["id=name"]).columns(of: ["id", "name"]) }
    for list in ["Artikel", "=id", "a=", "", "a=id,,b=name", "\"a=id"] {
      #expect(throws: MappingError.self, "\(list)") { try Self.mapper(map: [list]) }
    }
    #expect(throws: MappingError.self) { try Self.mapper(map: ["a=id,a=name"]) }
    #expect(throws: MappingError.self) { try Self.mapper(map: ["a=id,b=id"]) }
    #expect(throws: MappingError.self) { try Self.mapper(map: ["a=id"], ignore: ["a"]) }
    #expect(throws: MappingError.self) { try Self.mapper("member", map: ["a=visits"]) }
  }

  @Test func customFieldsCanBeNamed() throws {
    let mapper = try Self.mapper("member", map: ["Schuh=customFields.shoe,Punkte=customFields#old"])
    let write = try mapper.write(["7", "042", "42"], mapper.columns(of: ["id", "Schuh", "Punkte"]))
    guard case .write(let fields) = write.action else { return }
    #expect(
      fields.map(\.edit) == [.put(key: "shoe", .text("042")), .put(key: "old", .integer(42))])
    #expect(throws: MappingError.self) {
      try mapper.write(["7", "", "042"], mapper.columns(of: ["id", "Schuh", "Punkte"]))
    }
  }
}
