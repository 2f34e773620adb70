import Base
import JSON

/// An object whose members are read by name and type, and where it stands. Null is the same as absent.
struct ObjectFields {
  let object: JSONObject
  /// Before each name in messages, such as `lines[2].`, counted from 1 as a person does.
  let path: String

  init(_ object: JSONObject, path: String) {
    self.object = object
    self.path = path
  }

  func error(_ name: String, _ reason: String) -> MappingError { MappingError(path + name, reason) }

  private func missing(_ name: String, expected: String) -> MappingError {
    MappingError(path + name, "found none, expected \(expected)", code: .missing)
  }

  func check(known names: [String]) throws(MappingError) {
    for member in object.members where !names.contains(member.name) {
      throw MappingError(
        path.isEmpty ? nil : String(path.dropLast()),
        "found \(quoted(member.name)), which is no known name here; known are: \(names.joined(separator: ", "))",
        code: .unknown)
    }
  }

  private func value(_ name: String) -> JSONValue? {
    let value = object[name]
    return value == .null ? nil : value
  }

  func optionalText(_ name: String) throws(MappingError) -> String? {
    switch value(name) {
    case nil: return nil
    case .string(let text): return text
    case let other?: throw error(name, "found \(other.kindName), expected a string")
    }
  }

  func text(_ name: String) throws(MappingError) -> String {
    guard let text = try optionalText(name) else { throw missing(name, expected: "a string") }
    return text
  }

  func optionalInteger(_ name: String) throws(MappingError) -> Int64? {
    switch value(name) {
    case nil: return nil
    case .integer(let number): return number
    case let other?: throw error(name, "found \(other.kindName), expected a whole number; amounts are in minor units")
    }
  }

  func integer(_ name: String) throws(MappingError) -> Int64 {
    guard let number = try optionalInteger(name) else { throw missing(name, expected: "a whole number") }
    return number
  }

  func time(_ name: String) throws(MappingError) -> WallTime {
    guard let time = try optionalTime(name) else { throw missing(name, expected: "a string") }
    return time
  }

  func optionalTime(_ name: String) throws(MappingError) -> WallTime? {
    guard let text = try optionalText(name) else { return nil }
    do throws(RFC3339Error) {
      return try RFC3339.parse(text)
    } catch {
      throw self.error(name, "\(error.reason); expected a timestamp such as 2017-06-03T17:05:00Z")
    }
  }

  func optionalObject(_ name: String) throws(MappingError) -> ObjectFields? {
    switch value(name) {
    case nil: return nil
    case .object(let object): return ObjectFields(object, path: "\(path)\(name).")
    case let other?: throw error(name, "found \(other.kindName), expected an object")
    }
  }

  func optionalObjects(_ name: String) throws(MappingError) -> [ObjectFields]? {
    guard let value = value(name) else { return nil }
    guard case .array(let elements) = value else {
      throw error(name, "found \(value.kindName), expected an array of objects")
    }
    var objects: [ObjectFields] = []
    for (number, element) in zip(1..., elements) {
      let place = "\(name)[\(number)]"
      guard case .object(let object) = element else {
        throw error(place, "found \(element.kindName), expected an object")
      }
      objects.append(ObjectFields(object, path: "\(path)\(place)."))
    }
    return objects
  }
}
