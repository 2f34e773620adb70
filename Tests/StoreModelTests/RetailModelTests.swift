import StoreModel
import Testing

@Suite struct RetailModelTests {
  /// Tags stand in databases and on the wire. A line may be added here; none may ever change or go, and the number of
  /// a line that went may not come back.
  static let tags = """
    1 store: 1 name, 2 code, 3 timeZone, 4 currency, 5 region
    2 product: 1 name, 2 department, 3 category, 4 brand, 5 unit, 6 barcode, 7 packageSize
    3 listing: 1 store, 2 product, 3 price, 4 available
    4 member: 1 name, 2 phone, 3 card, 4 homeStore, 5 tags, 6 customFields, 7 level, 8 birthday, 9 note, 10 visits
    5 pointsEntry: 1 document, 2 line, 3 member, 4 store, 5 homeStore, 6 points, 7 reason, 8 earnedAt
    6 campaign: 1 name, 2 kind, 3 startDay, 4 endDay
    7 coupon: 1 campaign, 2 code, 3 description
    8 couponProduct: 1 campaign, 2 code, 3 product
    9 couponRedemption: 1 member, 2 code, 3 campaign, 4 store, 5 order, 6 redeemedDay
    10 order: 1 store, 2 receipt, 3 kind, 4 original, 5 member, 6 soldAt, 7 businessDay, 8 currency, 9 lineCount, \
    10 salesTotal, 11 retailDiscount, 12 couponDiscount, 13 couponMatchDiscount
    11 orderLine: 1 order, 2 line, 3 store, 4 product, 5 quantity, 6 salesAmount, 7 retailDiscount, \
    8 couponDiscount, 9 couponMatchDiscount
    12 payment: 1 order, 2 number, 3 store, 4 method, 5 amount, 6 currency
    13 stockMovement: 1 document, 2 line, 3 store, 4 place, 5 product, 6 quantity, 7 reason, 8 movedAt
    14 task: 1 title, 2 store, 3 status, 4 claimedBy, 5 assignedBy, 6 dueDay, 7 note
    """

  @Test func tagsAreThePinnedOnes() {
    let found = Model.retail.entities.map { entity in
      "\(entity.tag) \(entity.name): " + entity.fields.map { "\($0.tag) \($0.name)" }.joined(separator: ", ")
    }
    #expect(found == Self.tags.split(separator: "\n").map(String.init))
  }

  @Test func everyEntityHasASample() {
    #expect(Sample.all.map(\.schema) == Model.retail.entities)
  }

  @Test(arguments: Sample.all.indices)
  func recordsRoundTrip(index: Int) throws {
    let sample = Sample.all[index]
    #expect(try sample.roundTrips(sample.contents))
    #expect(sample.schema.identity.isValid(sample.id))
    let text = sample.schema.identity.text(of: sample.id)
    #expect(try sample.schema.identity.parse(text) == sample.id)
  }

  /// A field whose content is left out of, or swapped in, `content(of:)` or the initialiser would pass a round trip of
  /// equal values: so every sample's fields are told apart one by one.
  @Test(arguments: Sample.all.indices)
  func everyFieldIsReadFromItsOwnContent(index: Int) throws {
    let sample = Sample.all[index]
    for field in sample.schema.fields {
      var contents = sample.contents
      #expect(contents[field.tag] != .null, "\(sample.schema.name).\(field.name) is empty in the sample")
      contents[field.tag] = nil
      if field.isRequired {
        #expect(throws: ModelError.self) { try sample.roundTrips(contents) }
      } else {
        #expect(try !sample.roundTrips(contents), "\(sample.schema.name).\(field.name) is not read")
      }
    }
  }

  @Test(arguments: Sample.all.indices)
  func contentsHaveTheDeclaredKind(index: Int) {
    let sample = Sample.all[index]
    for field in sample.schema.fields {
      let isRight =
        switch (field.rule, field.type, sample.contents[field.tag]) {
        case (.set, _, .set), (.counter, _, .counter), (.customFields, _, .customFields): true
        case (_, .text, .value(.text)), (_, .choice, .value(.text)): true
        case (_, .integer, .value(.integer)), (_, .boolean, .value(.integer)), (_, .money, .value(.integer)),
          (_, .quantity, .value(.integer)), (_, .timestamp, .value(.integer)), (_, .day, .value(.integer)):
          true
        case (_, .reference(_, let identity), .value(let value)), (_, .identifier(let identity), .value(let value)):
          identity.id(from: value) != nil
        default: false
        }
      #expect(isRight, "\(sample.schema.name).\(field.name)")
    }
  }

  @Test func valuesOfAnotherKindAreErrors() throws {
    for sample in Sample.all {
      for field in sample.schema.fields {
        var contents = sample.contents
        contents[field.tag] = .value(.bytes([1]))
        #expect(throws: ModelError.self, "\(sample.schema.name).\(field.name)") { try sample.roundTrips(contents) }
      }
    }
  }

  @Test func referencesNameEntitiesOfTheModelWithTheirIdentity() {
    for entity in Model.retail.entities {
      for field in entity.fields {
        guard case .reference(let tag, let identity) = field.type else { continue }
        #expect(Model.retail.entity(tag)?.identity == identity, "\(entity.name).\(field.name)")
      }
    }
  }

  /// Scopes, owners and identity parts must be known from the first write on.
  @Test func whatDecidesWhoHoldsARecordIsRequired() {
    for entity in Model.retail.entities {
      for tag in entity.identityFields + [entity.owner].compactMap(\.self) {
        #expect(entity.field(tag)?.isRequired == true, "\(entity.name).\(tag)")
      }
      if case .stores(let fields) = entity.scope {
        #expect(fields.first == entity.owner, "\(entity.name): the owner holds it")
        for tag in fields { #expect(entity.field(tag)?.type == .reference(to: Store.self)) }
      }
    }
  }

  @Test func namesAreUniqueAndPlain() {
    let entities = Model.retail.entities
    #expect(Set(entities.map(\.name)).count == entities.count)
    let tables = entities.map(\.table) + entities.flatMap { $0.balances.map(\.name) }
    #expect(Set(tables).count == tables.count)
    for name in tables + entities.flatMap({ $0.fields.map(\.column) }) {
      #expect(name.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x5F }, "\(name)")
    }
  }

  @Test func fieldsAreFoundByTagAndName() {
    for entity in Model.retail.entities {
      for field in entity.fields {
        #expect(entity.field(field.tag) == field)
        #expect(entity.field(named: field.name) == field)
      }
      #expect(entity.field(FieldTag(0)) == nil)
      #expect(entity.field(FieldTag(.max)) == nil)
    }
    #expect(Model.retail.entity(named: "task")?.tag == StoreTask.tag)
    #expect(Model.retail.entity(EntityTag(999)) == nil)
  }
}
