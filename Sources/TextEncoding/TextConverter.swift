import Glibc

/// Converts text from one encoding to another, in chunks of any size, with iconv of the C library: it knows all that
/// files come in (GB18030, GBK, Big5, Shift_JIS, Latin-1, UTF-16 …), and gets its updates from the distribution.
///
/// A sequence may lie across chunks. One that is malformed, or that the target cannot express, becomes one byte 0xFF,
/// which no valid UTF-8 has, and is reported; conversion goes on behind it.
package final class TextConverter {
  /// A sequence that could not be converted.
  package struct Malformed: Hashable, Sendable {
    /// Where it stands in all that was put in, in bytes from 0.
    package var inputOffset: Int
    /// Where its 0xFF stands in all that came out.
    package var outputOffset: Int
  }

  /// The source's name as it was given.
  package let source: String
  private let descriptor: iconv_t
  /// Bytes of a malformed sequence to step over: a code unit.
  private let unitBytes: Int
  /// The beginning of a sequence whose end is in the next chunk.
  private var pending: [UInt8] = []
  private var inputOffset = 0
  private var outputOffset = 0
  private var scratch = [UInt8](repeating: 0, count: 64 << 10)

  /// - Parameters: names that iconv knows, such as `gb18030`; case does not matter.
  package init(from source: String, to target: String = "UTF-8") throws(TextEncodingError) {
    for name in [source, target] where !Self.isName(name) { throw TextEncodingError(name) }
    let descriptor = iconv_open(target, source)
    // iconv_open returns -1, as a pointer, for a name that it does not know.
    guard let descriptor, Int(bitPattern: descriptor) != -1 else {
      throw TextEncodingError(Self.isUTF8(source) ? target : source)
    }
    self.descriptor = descriptor
    self.source = source
    unitBytes = Self.unitBytes(source)
  }

  deinit { iconv_close(descriptor) }

  package static func isUTF8(_ name: String) -> Bool { ["utf-8", "utf8"].contains(name.lowercased()) }

  /// Letters, digits and what stands between them: a “/” would be one of iconv's own options.
  private static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 64
      && name.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || "0123456789-_.:()".contains(Character($0)))
      }
  }

  private static func unitBytes(_ name: String) -> Int {
    let name = name.lowercased().filter { $0 != "-" && $0 != "_" }
    if name.hasPrefix("utf16") || name.hasPrefix("ucs2") || name.hasPrefix("unicode") { return 2 }
    return name.hasPrefix("utf32") || name.hasPrefix("ucs4") ? 4 : 1
  }

  package func convert(_ input: [UInt8], into output: inout [UInt8]) -> [Malformed] {
    let bytes = pending.isEmpty ? input : pending + input
    var malformed: [Malformed] = []
    var index = 0
    while index < bytes.count {
      let problem = step(bytes, &index, &output)
      switch problem {
      case 0, E2BIG: continue
      case EINVAL:
        // The sequence goes on in the next chunk.
        pending = Array(bytes[index...])
        inputOffset += index
        return malformed
      default:
        malformed.append(substitute(at: inputOffset + index, &output))
        index = min(bytes.count, index + unitBytes)
      }
    }
    pending = []
    inputOffset += index
    return malformed
  }

  /// The text has ended: a sequence that is not whole by now is malformed.
  package func finish(into output: inout [UInt8]) -> [Malformed] {
    var malformed: [Malformed] = []
    if !pending.isEmpty { malformed.append(substitute(at: inputOffset, &output)) }
    pending = []
    // Back to the target's initial state, for encodings that have several.
    scratch.withUnsafeMutableBytes { buffer in
      var target = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
      var left = buffer.count
      _ = iconv(descriptor, nil, nil, &target, &left)
      take(buffer.count - left, of: UnsafeRawBufferPointer(buffer), &output)
    }
    return malformed
  }

  private func substitute(at offset: Int, _ output: inout [UInt8]) -> Malformed {
    defer {
      output.append(0xFF)
      outputOffset += 1
    }
    return Malformed(inputOffset: offset, outputOffset: outputOffset)
  }

  /// Converts what it can from `index` on; returns 0 or the error's number.
  private func step(_ bytes: [UInt8], _ index: inout Int, _ output: inout [UInt8]) -> Int32 {
    bytes.withUnsafeBytes { source in
      scratch.withUnsafeMutableBytes { buffer in
        // iconv declares its input as mutable, and does not change it.
        var input = UnsafeMutableRawPointer(mutating: source.baseAddress?.advanced(by: index))?
          .assumingMemoryBound(to: CChar.self)
        var inputLeft = source.count - index
        var target = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
        var targetLeft = buffer.count
        let result = iconv(descriptor, &input, &inputLeft, &target, &targetLeft)
        let problem = result == -1 ? errno : 0
        index = source.count - inputLeft
        take(buffer.count - targetLeft, of: UnsafeRawBufferPointer(buffer), &output)
        return problem
      }
    }
  }

  private func take(_ count: Int, of buffer: UnsafeRawBufferPointer, _ output: inout [UInt8]) {
    output.append(contentsOf: buffer[..<count])
    outputOffset += count
  }
}

/// A name that is no encoding here.
package struct TextEncodingError: Error, Hashable, Sendable, CustomStringConvertible {
  package var name: String

  package init(_ name: String) { self.name = name }

  package var description: String {
    "found the encoding “\(name)”, expected one that iconv knows, such as utf-8, gb18030, gbk, latin1 or utf-16 "
      + "(`iconv -l` lists them)"
  }
}
