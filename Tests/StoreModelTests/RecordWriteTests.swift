import StoreModel
import Testing

@Suite struct RecordWriteTests {
  @Test func aTypedRecordWritesItsContentsAndNothingElse() throws {
    let member = Member(
      id: RecordID(key: "1"), name: "王小明", tags: [.text("vip")],
      customFields: [CustomField(key: "shoe", value: .integer(42))], visits: 3)
    let write = RecordWrite(member)
    #expect(write.entity == Member.tag && write.id == RecordID(key: "1"))
    #expect(
      write.action
        == .write([
          FieldWrite(FieldTag(1), .set(.text("王小明"))), FieldWrite(FieldTag(5), .addElements([.text("vip")])),
          FieldWrite(FieldTag(6), .put(key: "shoe", .integer(42))), FieldWrite(FieldTag(10), .add(3)),
        ]))
    #expect(RecordWrite(Member(id: RecordID(key: "1"))).action == .write([]))
  }

  @Test func snakeCase() {
    #expect(StoreModel.snakeCase("homeStore") == "home_store")
    #expect(StoreModel.snakeCase("id") == "id")
  }
}
