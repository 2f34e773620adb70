import Base

/// What befalls a run beyond its processes, disks and single lines. Drawn from numbers of its own, so that a run without
/// all of it is the same run as ever.
package struct FurtherFaults: Sendable {
  /// A store whose program is an older one, and does not know all of the model, until it is upgraded.
  package var olderStore: Int?
  package var upgradePerMille = 0
  /// How fast a line is in each direction; nil for no limit.
  package var lineBytesPerSecond: Int?
  /// Nothing gets through between HQ and some of the stores for a while; then all of it comes.
  package var partitionPerMille = 0
  package var partitionMilliseconds = 1
  /// A process that ends within a transaction, in place of between two.
  package var tornPerMille = 0
  /// Returns, and receipts that are voided, among what stores do.
  package var returnPerMille = 0
  /// A person settles a conflict case, or sees to what is parked.
  package var settlePerMille = 0
  package var retryPerMille = 0
  package var dropPerMille = 0
  /// The rule that parks what a poisoned store sends is dropped: at HQ, and at each store, in some order.
  package var curePerMille = 0
  /// HQ compares what a store has with what it should have, while both go on.
  package var verifyPerMille = 0
  /// Records of each store that are changed behind its node's back in the end, for `verify` to find and mend.
  package var driftedRecords = 0
  /// A store whose clock is a year ahead or behind.
  package var wrongClock: (store: Int, milliseconds: Int64)?
  /// Whether HQ reads contents in columns, and whether stores do that are not older ones.
  package var hqReadsColumns = false
  package var storesReadColumns = false

  /// Whether stores are asked what they have.
  var asksAtAll: Bool { verifyPerMille > 0 || driftedRecords > 0 }

  package static let none = FurtherFaults()

  private init() {}

  init(stores: Int, besides poisonedStore: Int?, using generator: inout SeededGenerator) {
    let older = generator.draw(1...stores)
    olderStore = generator.chance(perMille: 350) && older != poisonedStore ? older : nil
    upgradePerMille = generator.pick([3, 20])
    lineBytesPerSecond = generator.chance(perMille: 250) ? generator.pick([2_000, 8_000]) : nil
    partitionPerMille = generator.pick([0, 0, 15])
    partitionMilliseconds = generator.pick([3_000, 200_000])
    tornPerMille = generator.pick([0, 800])
    returnPerMille = generator.pick([0, 80])
    settlePerMille = generator.pick([0, 40])
    if poisonedStore != nil {
      retryPerMille = generator.pick([0, 30])
      dropPerMille = generator.pick([0, 15])
      curePerMille = generator.pick([0, 15])
    }
    verifyPerMille = generator.pick([0, 30])
    driftedRecords = generator.pick([0, 0, 1, 3])
    let year = generator.pick([SimulationLimits.yearMilliseconds, -SimulationLimits.yearMilliseconds])
    wrongClock = generator.chance(perMille: 200) ? (generator.draw(1...stores), year) : nil
    hqReadsColumns = generator.chance(perMille: 800)
    storesReadColumns = generator.chance(perMille: 800)
  }
}
