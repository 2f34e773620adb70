package import Base
import Glibc

/// Business days in one IANA time zone, from the system's own tzdata: a change in the law of some country comes with
/// the distribution's update and needs no new build.
///
/// Not Foundation's `TimeZone`: `FoundationEssentials` knows no named zones, and in statically linked programs the full
/// Foundation knows none either (Swift 6.3: `TimeZone(identifier: "America/New_York")` is nil), as the part that has
/// them is found at run time; its zones are those of the ICU that it was built with. `localtime_r` has the process's
/// own zone only. The format of the files is a standard (RFC 9636).
///
/// Loading reads a file; asking for a day is a search in memory. Keep the value, or use `BusinessCalendars`.
package struct BusinessCalendar: Hashable, Sendable {
  package let timeZone: String
  private let table: TimeZoneTable

  package static let tzdata = "/usr/share/zoneinfo"

  /// - Parameter timeZone: an IANA name such as `America/New_York`.
  package init(timeZone: String, tzdata directory: String = Self.tzdata) throws(RetailError) {
    func unknown(_ reason: String) -> RetailError {
      RetailError(
        .unknownTimeZone, "found the time zone “\(timeZone)”, \(reason); expected an IANA name such as America/New_York"
      )
    }
    guard Self.isName(timeZone) else { throw unknown("which is no name of one") }
    guard let bytes = readFile("\(directory)/\(timeZone)", limit: RetailLimits.timeZoneBytes) else {
      throw unknown("which is not in \(directory) (package tzdata)")
    }
    do {
      self.init(timeZone: timeZone, table: try TimeZoneTable(tzif: bytes))
    } catch {
      throw RetailError(
        .unreadableTimeZone, "the time zone “\(timeZone)” in \(directory) cannot be read, \(error); reinstall tzdata")
    }
  }

  init(timeZone: String, table: TimeZoneTable) {
    self.timeZone = timeZone
    self.table = table
  }

  /// The local day at `time`, as yyyymmdd.
  package func day(of time: WallTime) -> Int64 {
    let seconds = time.milliseconds.floorDivided(by: 1_000)
    let local = seconds + Int64(table.offset(at: seconds))
    return CivilDay(daysSince1970: Int(local.floorDivided(by: 86_400))).number
  }

  /// Local time minus UTC at `time`, in seconds.
  package func offsetSeconds(at time: WallTime) -> Int {
    table.offset(at: time.milliseconds.floorDivided(by: 1_000))
  }

  /// Names of tzdata only: neither a path out of the directory nor a hidden file.
  private static func isName(_ name: String) -> Bool {
    let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return name.utf8.count <= 64
      && parts.allSatisfy { part in
        !part.isEmpty
          && part.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
              || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "_+-".utf8.contains(byte)
          }
      }
  }
}

/// Calendars by name, each loaded once.
package struct BusinessCalendars: Sendable {
  private let directory: String
  private var calendars: [String: BusinessCalendar] = [:]

  package init(tzdata directory: String = BusinessCalendar.tzdata) {
    self.directory = directory
  }

  package mutating func calendar(timeZone: String) throws(RetailError) -> BusinessCalendar {
    if let known = calendars[timeZone] { return known }
    let calendar = try BusinessCalendar(timeZone: timeZone, tzdata: directory)
    calendars[timeZone] = calendar
    return calendar
  }
}

/// The contents of a regular file; nil if it cannot be read or is larger than `limit`.
private func readFile(_ path: String, limit: Int) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: limit + 1)
  var count = 0
  while count <= limit {
    let result = bytes.withUnsafeMutableBytes { buffer in
      read(descriptor, buffer.baseAddress?.advanced(by: count), limit + 1 - count)
    }
    if result < 0, errno == EINTR { continue }
    guard result >= 0 else { return nil }
    if result == 0 { break }
    count += result
  }
  return count <= limit ? Array(bytes.prefix(count)) : nil
}
