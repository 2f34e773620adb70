/// An article that the chain sells, by its article number. What it costs in which shop is a `Listing`.
package struct Product: Entity {
  package var id: RecordID
  /// A shop may mend a name; everything else of the catalogue is headquarters'.
  package var name: String
  package var department: String?
  package var category: String?
  package var brand: String?
  /// What a quantity of 1 is, scale included, such as `each` or `0.001 gal`. Nothing scales a quantity again.
  package var unit: String?
  /// The GTIN (EAN, UPC) in digits.
  package var barcode: String?
  /// As the label has it, such as `16 OZ`.
  package var packageSize: String?

  package init(
    id: RecordID, name: String, department: String? = nil, category: String? = nil, brand: String? = nil,
    unit: String? = nil, barcode: String? = nil, packageSize: String? = nil
  ) {
    self.id = id
    self.name = name
    self.department = department
    self.category = category
    self.brand = brand
    self.unit = unit
    self.barcode = barcode
    self.packageSize = packageSize
  }
}

extension Product {
  package enum Field: UInt16, CaseIterable {
    case name = 1
    case department = 2
    case category = 3
    case brand = 4
    case unit = 5
    case barcode = 6
    case packageSize = 7
  }

  package static var tag: EntityTag { EntityTag(2) }
  package static var name: String { "product" }
  package static var table: String { "products" }
  package static var identity: Identity { .key }
  package static var scope: Scope<Field> { .everyone }
  package static var unique: [UniqueKey<Field>] { [UniqueKey("product_barcode", [.barcode])] }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .name: .init("name", .text, .latest, by: .anyone, required: true)
    case .department: .init("department", .text, .latest, by: .hq)
    case .category: .init("category", .text, .latest, by: .hq)
    case .brand: .init("brand", .text, .latest, by: .hq)
    case .unit: .init("unit", .text, .latest, by: .hq)
    case .barcode: .init("barcode", .text, .latest, by: .hq)
    case .packageSize: .init("packageSize", .text, .latest, by: .hq)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .name: .text(name)
    case .department: .text(department)
    case .category: .text(category)
    case .brand: .text(brand)
    case .unit: .text(unit)
    case .barcode: .text(barcode)
    case .packageSize: .text(packageSize)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    self.id = id
    name = try fields.text(.name)
    department = try fields.optionalText(.department)
    category = try fields.optionalText(.category)
    brand = try fields.optionalText(.brand)
    unit = try fields.optionalText(.unit)
    barcode = try fields.optionalText(.barcode)
    packageSize = try fields.optionalText(.packageSize)
  }
}
