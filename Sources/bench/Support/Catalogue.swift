import NodeRuntime
import StoreModel

/// A chain's products and members, made up, as long as real ones are.
enum Catalogue {
  private static let departments = ["GROCERY", "DRUG GM", "PRODUCE", "COSMETICS", "MEAT-PCKGD", "DELI", "FLORAL"]
  private static let words = [
    "SOFT DRINKS", "BAG SNACKS", "FRZN MEAT", "CAN VEGETABLES", "COOKIES", "CHEESE", "BAKED BREAD", "VITAMINS",
    "HAIR CARE", "GREETING CARDS", "SALAD DRESSING", "ICE CREAM", "YOGURT", "LAUNDRY", "PAPER TOWELS", "PET FOOD",
  ]

  /// A number that tells nothing of its neighbours (the finaliser of SplitMix64).
  private static func mixed(_ index: Int) -> Int {
    var number = UInt64(index) &* 0x9E37_79B9_7F4A_7C15
    number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
    number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((number ^ (number >> 31)) >> 2)
  }

  static func productID(_ index: Int) -> RecordID { RecordID(key: String(1_000_000 + index * 17 + mixed(index) % 17)) }

  static func product(_ index: Int) -> RecordWrite {
    let number = mixed(index + 1)
    let kind = words[number / 7 % words.count]
    return RecordWrite(
      Product(
        id: productID(index), name: "\(kind) \(words[number / 131 % words.count]) \(number / 9_973 % 800)",
        department: departments[number % departments.count], category: kind,
        brand: number / 3 % 7 == 0 ? "Private" : "National", packageSize: "\(number / 50_021 % 640) OZ"))
  }

  static func member(_ index: Int) -> RecordWrite {
    let number = mixed(index + 2)
    return RecordWrite(
      Member(
        id: RecordID(key: String(500_000 + index * 3 + number % 3)), name: "Member \(number % 100_000)",
        card: String(880_000_000_000 + number % 1_000_000 * 1_000_000 + index),
        homeStore: RecordID(number: JourneyLines.store), level: number % 5 == 0 ? "silver" : "bronze"))
  }

  /// Commits records one by one, as an import does, many in a transaction.
  static func commit(_ range: Range<Int>, to node: BenchNode, _ write: (Int) -> RecordWrite) throws {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Bench.transactionLines) {
      let end = min(start + Bench.transactionLines, range.upperBound)
      try node.commitWhole((start..<end).map { CommitDraft([write($0)]) })
    }
  }
}
