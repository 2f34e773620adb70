import Base
import Glibc
import Interchange
import JSON
import Testing

/// A file of Protocol/vectors. The Python client in Protocol/client is held to the same files.
enum Vectors {
  static func cases(_ file: String) throws -> [Case] {
    let root = try JSONParser.parse(read(file)[...])
    guard case .object(let object) = root, case .array(let items)? = object["cases"] else {
      throw VectorError("found no cases in \(file)")
    }
    let cases = try items.map { Case(try $0.object) }
    guard !cases.isEmpty else { throw VectorError("found no cases in \(file)") }
    return cases
  }

  private static func read(_ file: String) throws -> [UInt8] {
    let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    let path = "\(folder)/Protocol/vectors/\(file)"
    guard let stream = fopen(path, "r") else { throw VectorError("could not open \(path)") }
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&chunk, 1, chunk.count, stream), count > 0 { bytes += chunk[..<count] }
    return bytes
  }
}

struct VectorError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}

/// One case of a file, named by its name and its sentence.
struct Case: CustomTestStringConvertible, Sendable {
  var fields: JSONObject

  init(_ fields: JSONObject) {
    self.fields = fields
  }

  subscript(name: String) -> JSONValue? { fields[name] }

  func need(_ name: String) throws -> JSONValue {
    guard let value = fields[name] else { throw VectorError("\(testDescription): found no “\(name)”") }
    return value
  }

  func text(_ name: String) throws -> String { try need(name).text }
  func bytes(_ name: String) throws -> [UInt8] { try need(name).hex }
  func flag(_ name: String) throws -> Bool { try need(name) == .bool(true) }

  var testDescription: String {
    guard case .string(let name)? = fields["name"], case .string(let why)? = fields["why"] else { return "no name" }
    return "\(name): \(why)"
  }
}

extension JSONValue {
  var text: String {
    get throws {
      guard case .string(let text) = self else { throw VectorError("found \(kindName), expected a string") }
      return text
    }
  }

  var number: Int64 {
    get throws {
      guard case .integer(let number) = self else { throw VectorError("found \(kindName), expected a whole number") }
      return number
    }
  }

  var items: [JSONValue] {
    get throws {
      guard case .array(let items) = self else { throw VectorError("found \(kindName), expected an array") }
      return items
    }
  }

  var object: JSONObject {
    get throws {
      guard case .object(let object) = self else { throw VectorError("found \(kindName), expected an object") }
      return object
    }
  }

  var hex: [UInt8] {
    get throws {
      guard let bytes = Hex.decode(try text) else { throw VectorError("found no hexadecimal bytes") }
      return bytes
    }
  }
}
