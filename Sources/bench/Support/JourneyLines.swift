import Base
import Glibc
import StoreModel

/// Line items of The Complete Journey as `Scripts/bench` writes them, in the order in which they were sold, and as if one
/// store had sold them all.
struct JourneyLines {
  struct Line {
    var product: String
    var quantity: Int64
    var sales: Int64
    var retailDiscount: Int64
    var couponDiscount: Int64
    var couponMatchDiscount: Int64
  }

  struct Basket {
    var soldAt: WallTime
    var number: String
    var member: String
    var lines: [Line]
  }

  /// The store that has sold everything.
  static let store: UInt32 = 1

  var baskets: [Basket] = []
  var lineCount: Int { baskets.reduce(0) { $0 + $1.lines.count } }

  /// - Parameter limit: lines that are read at the most; a basket is not cut.
  init(path: String, limit: Int) throws {
    guard let file = fopen(path, "r") else {
      throw BenchError("cannot read “\(path)”: \(String(cString: strerror(errno))); `Scripts/bench` makes it")
    }
    defer { fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    var count = 0
    while true {
      let length = getline(&line, &capacity, file)
      guard length > 0, let line else { break }
      let text = String(decoding: UnsafeRawBufferPointer(start: line, count: length), as: UTF8.self)
      let fields = text.split { $0 == "," || $0 == "\n" }
      guard fields.count >= 9, let time = Int64(fields[0]) else {
        throw BenchError("“\(path)”, line \(count + 1): expected nine numbers or more, found \(fields.count)")
      }
      if baskets.last?.number != String(fields[1]) {
        guard count < limit else { break }
        baskets.append(
          Basket(
            soldAt: WallTime(milliseconds: time), number: String(fields[1]), member: String(fields[8]), lines: []))
      }
      let numbers = fields[3...7].compactMap { Int64($0) }
      guard numbers.count == 5 else { throw BenchError("“\(path)”, line \(count + 1): expected whole numbers") }
      baskets[baskets.count - 1].lines.append(
        Line(
          product: String(fields[2]), quantity: numbers[0], sales: numbers[1], retailDiscount: numbers[2],
          couponDiscount: numbers[3], couponMatchDiscount: numbers[4]))
      count += 1
    }
    guard count > 0 else { throw BenchError("“\(path)” is empty") }
  }

  /// Baskets together until they have so many lines: one transaction each.
  func transactions(ofLines count: Int) -> [ArraySlice<Basket>] {
    var result: [ArraySlice<Basket>] = []
    var start = 0
    var lines = 0
    for (index, basket) in baskets.enumerated() {
      lines += basket.lines.count
      guard lines >= count || index == baskets.count - 1 else { continue }
      result.append(baskets[start...index])
      (start, lines) = (index + 1, 0)
    }
    return result
  }
}

extension JourneyLines.Basket {
  var orderLines: [OrderLine] { orderLines(at: JourneyLines.store) }

  /// The same as if another store had sold it.
  func orderLines(at store: UInt32) -> [OrderLine] {
    let order = RecordID(importedAt: soldAt, source: "order:\(store)", key: number)
    return lines.enumerated().map { index, line in
      OrderLine(
        order: order, line: UInt32(index + 1), store: RecordID(number: store),
        product: RecordID(key: line.product), quantity: line.quantity, salesAmount: line.sales,
        retailDiscount: line.retailDiscount, couponDiscount: line.couponDiscount,
        couponMatchDiscount: line.couponMatchDiscount)
    }
  }

  /// The lines as one commit group.
  var draft: CommitDraft { draft(at: JourneyLines.store) }

  func draft(at store: UInt32) -> CommitDraft { CommitDraft(orderLines(at: store).map { RecordWrite($0) }) }
}
