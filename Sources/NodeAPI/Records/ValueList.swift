import Base
import StoreModel

/// Plain values as bytes, for cursors.
enum ValueList {
  static func bytes(_ values: [Value]) -> [UInt8] {
    var writer = ByteWriter()
    for value in values { append(value, to: &writer) }
    return writer.bytes
  }

  private static func append(_ value: Value, to writer: inout ByteWriter) {
    switch value {
    case .null: writer.append(byte: 0)
    case .integer(let number):
      writer.append(byte: 1)
      writer.append(bigEndian: UInt64(bitPattern: number))
    case .text(let text):
      writer.append(byte: 2)
      writer.append(counted: text.utf8)
    case .bytes(let bytes):
      writer.append(byte: 3)
      writer.append(counted: bytes)
    }
  }

  /// Nil for what was not written here.
  static func read(_ bytes: some Collection<UInt8>) -> [Value]? {
    var reader = ByteReader(Array(bytes))
    var values: [Value] = []
    do throws(ByteError) {
      while !reader.isAtEnd {
        switch try reader.readByte() {
        case 0: values.append(.null)
        case 1: values.append(.integer(Int64(bitPattern: try reader.readBigEndianUInt64())))
        case 2:
          guard let text = String(validating: try reader.readCounted(), as: UTF8.self) else { return nil }
          values.append(.text(text))
        case 3: values.append(.bytes(Array(try reader.readCounted())))
        default: return nil
        }
      }
      return values
    } catch {
      return nil
    }
  }
}
