import Base
package import Retail

/// A store, as far as reading and writing files needs it.
package struct Place: Sendable {
  /// ISO 4217.
  package var currency: String
  /// Nil if the store's time zone is not known on this machine.
  package var calendar: BusinessCalendar?

  package init(currency: String, calendar: BusinessCalendar?) {
    self.currency = currency
    self.calendar = calendar
  }
}

/// How amounts stand in a file.
package enum MoneyForm: String, Hashable, Sendable, CaseIterable {
  /// A whole number of the currency's smallest unit.
  case minor
  /// `12.34`, with at most as many decimals as the currency has.
  case decimal
}

/// How values stand in a file, and what it takes to read or write them.
package struct ValueForm: Sendable {
  package var money: MoneyForm
  /// Of all times without an offset; nil: that of the record's store.
  package var calendar: BusinessCalendar?
  package var stores: [UInt32: Place]
  /// The store whose node this is; nil at HQ.
  package var ownStore: UInt32?

  package init(
    money: MoneyForm = .minor, calendar: BusinessCalendar? = nil, stores: [UInt32: Place] = [:], ownStore: UInt32? = nil
  ) {
    self.money = money
    self.calendar = calendar
    self.stores = stores
    self.ownStore = ownStore
  }
}

/// What one record's amounts and times mean: found once, from its store and its own currency.
struct RecordPlace {
  let form: ValueForm
  /// The record's own store, or the node's.
  let store: UInt32?
  /// What stands in the record's own field `currency`; nil if there is none.
  let currency: String?
  /// What a person should know about the record that is no reason to refuse it.
  var note: String?

  init(_ form: ValueForm, store: UInt32? = nil, currency: String? = nil) {
    self.form = form
    self.store = store ?? form.ownStore
    self.currency = currency
  }

  func moneyDecimals() throws(MappingError) -> (decimals: Int, currency: String) {
    guard let code = currency ?? store.flatMap({ form.stores[$0]?.currency }) else {
      throw MappingError(
        nil, "found a decimal amount, and \(unknownStore("currency")); write minor units (--money minor)")
    }
    guard let decimals = Currency.decimals(of: code) else {
      throw MappingError(
        nil, "the currency is no code of ISO 4217 that is known here; write minor units (--money minor)")
    }
    return (decimals, code)
  }

  mutating func time(of local: LocalTime) throws(MappingError) -> Int64 {
    guard let calendar = form.calendar ?? store.flatMap({ form.stores[$0]?.calendar }) else {
      throw MappingError(
        nil,
        "found a time without an offset, and \(unknownStore("time zone")); say which with --time-zone, or write the "
          + "offset, as in 2017-06-03T17:05:00Z")
    }
    switch calendar.time(of: local) {
    case .once(let time): return time.milliseconds
    case .twice(let time):
      note = "came twice that day in \(calendar.timeZone), as clocks went back; taken as the first"
      return time.milliseconds
    case .never:
      throw MappingError(
        nil, "never was in \(calendar.timeZone), as clocks went forward; correct it, or write its offset from UTC")
    }
  }

  private func unknownStore(_ what: String) -> String {
    store.map { "the \(what) of store \($0) is not known here" }
      ?? "the row names no store, so its \(what) is not known"
  }
}
