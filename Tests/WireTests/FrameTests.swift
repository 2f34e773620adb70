import Base
import Testing
import Wire

@Suite struct FrameTests {
  private func header(_ length: UInt32) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(bigEndian: length)
    return writer.bytes
  }

  /// All frames in `chunks`, as a link takes them.
  private func frames(_ chunks: [[UInt8]]) throws(FrameError) -> [[UInt8]] {
    var decoder = FrameDecoder()
    var frames: [[UInt8]] = []
    for chunk in chunks {
      decoder.append(chunk)
      while let frame = try decoder.next() { frames.append(frame) }
    }
    try decoder.finish()
    return frames
  }

  @Test func aFrameIsItsLengthAndItsPayload() throws {
    #expect(try FrameWriter.frame([0xF6, 0x00]) == [0, 0, 0, 2, 0xF6, 0x00])
    let long = try FrameWriter.frame(Array(repeating: 7, count: 0x01_02_03))
    #expect(Array(long.prefix(5)) == [0, 1, 2, 3, 7])
  }

  @Test func aStreamCutAnywhereGivesTheSameFrames() throws {
    let payloads: [[UInt8]] = [[1], [2, 3], Array(4...40), [41], [0, 0, 0, 1]]
    var stream: [UInt8] = []
    for payload in payloads { stream += try FrameWriter.frame(payload) }
    #expect(try frames([stream]) == payloads)
    #expect(try frames(stream.map { [$0] }) == payloads)
    for first in 0...stream.count {
      #expect(try frames([Array(stream[..<first]), [], Array(stream[first...])]) == payloads)
    }
  }

  @Test func aStreamInRandomChunksGivesTheSameFrames() throws {
    var random = SeededGenerator(seed: TestSeed.value)
    for _ in 0..<200 {
      let payloads = (0..<Int.random(in: 1...6, using: &random)).map { _ in [0xFF] + random.bytes(upTo: 300) }
      var stream: [UInt8] = []
      for payload in payloads { stream += try FrameWriter.frame(payload) }
      var chunks: [[UInt8]] = []
      while !stream.isEmpty {
        let count = min(stream.count, Int.random(in: 1...100, using: &random))
        chunks.append(Array(stream.prefix(count)))
        stream.removeFirst(count)
      }
      #expect(try frames(chunks) == payloads)
    }
  }

  @Test func aStreamThatEndsInsideAFrameIsAnError() {
    #expect(throws: FrameError.cut(foundBytes: 3, expectedBytes: nil)) { try frames([[0, 0, 0]]) }
    #expect(throws: FrameError.cut(foundBytes: 0, expectedBytes: 2)) { try frames([[0, 0, 0, 2]]) }
    #expect(throws: FrameError.cut(foundBytes: 1, expectedBytes: 2)) { try frames([[0, 0, 0, 2, 9]]) }
    #expect(throws: Never.self) { try frames([]) }
  }

  @Test func lengthsOutsideTheLimitsAreRefusedBothWays() throws {
    let limit = WireLimits.maximumFrameBytes
    #expect(throws: FrameError.empty) { try FrameWriter.frame([]) }
    #expect(throws: FrameError.empty) { try frames([header(0)]) }
    let longest = [UInt8](repeating: 1, count: limit)
    #expect(try frames([FrameWriter.frame(longest)]) == [longest])
    #expect(throws: FrameError.tooLong(bytes: UInt64(limit) + 1, limit: limit)) {
      try FrameWriter.frame(longest + [1])
    }
    #expect(throws: FrameError.tooLong(bytes: UInt64(limit) + 1, limit: limit)) {
      try frames([header(UInt32(limit) + 1)])
    }
  }

  @Test(arguments: [
    ("HTTP/1.1 400 Bad Request\r\n", OtherService.httpServer), ("GET / HTTP/1.1\r\n", .httpClient),
    ("POST /v1/commits HTTP/1.1\r\n", .httpClient), ("PUT /", .httpClient), ("HEAD / HTTP/1.1\r\n", .httpClient),
    ("SSH-2.0-OpenSSH_9.2p1\r\n", .ssh), ("\u{16}\u{3}\u{1}\u{2}", .tls), ("\u{15}\u{3}\u{3}\u{0}", .tls),
  ])
  func otherServicesAreNamed(greeting: String, service: OtherService) {
    for chunks in [[Array(greeting.utf8)], greeting.utf8.map { [$0] }] {
      #expect {
        try frames(chunks)
      } throws: {
        $0 as? FrameError == .otherService(service) && "\($0)".contains(service.description)
      }
    }
  }

  @Test func afterAnErrorThereAreNoFrames() throws {
    var decoder = FrameDecoder()
    decoder.append(header(0) + [0, 0, 0, 1, 7])
    #expect(throws: FrameError.empty) { try decoder.next() }
    decoder.append([0, 0, 0, 1, 7])
    #expect(throws: FrameError.empty) { try decoder.next() }
    #expect(throws: FrameError.empty) { try decoder.finish() }
    #expect(decoder.bufferedBytes == 0)
  }

  @Test func holdsNoMoreThanHasCome() throws {
    var decoder = FrameDecoder()
    decoder.append(header(UInt32(WireLimits.maximumFrameBytes)) + [1, 2, 3])
    #expect(try decoder.next() == nil)
    #expect(decoder.bufferedBytes == 3)
    decoder.append([4])
    #expect(try decoder.next() == nil)
    #expect(decoder.bufferedBytes == 4)
    // Arrays round their capacity up to what the allocator gives.
    #expect(decoder.reservedBytes < 100)
    decoder.append([UInt8](repeating: 5, count: 1 << 20))
    #expect(try decoder.next() == nil)
    #expect(decoder.reservedBytes < 2 << 20)
  }

  @Test func aChunkOnTopOfUntakenFramesIsAMistakeOfTheCaller() async {
    await #expect(processExitsWith: .failure) {
      var decoder = FrameDecoder()
      decoder.append([0, 0, 0, 1, 7, 0, 0, 0, 1, 8])
      _ = try? decoder.next()
      decoder.append([0])
    }
  }

  /// A quadratic decoder would need minutes for a megabyte that comes byte by byte.
  @Test(.timeLimit(.minutes(1))) func byteAtATimeIsLinear() throws {
    let payload = [UInt8](repeating: 5, count: 1 << 20)
    var decoder = FrameDecoder()
    var taken: [UInt8]?
    for byte in try FrameWriter.frame(payload) {
      decoder.append([byte])
      if let frame = try decoder.next() { taken = frame }
    }
    #expect(taken == payload)
  }

  @Test func columnsAreForWhoReadsBothFormsOfThem() {
    for codecs in [nil, 0, 0b0111, 0b1011] as [UInt64?] { #expect(!Codec.readsColumns(codecs)) }
    for codecs in [0b1100, 0b1111, .max] as [UInt64] { #expect(Codec.readsColumns(codecs)) }
  }

  @Test func codecNumbersStay() {
    #expect(Codec.allCases.map(\.rawValue) == [0, 1, 2, 3])
    #expect(Codec.allCases.map(\.description) == ["identity", "zstd", "columns", "columns in zstd"])
    #expect(Codec(rawValue: 4) == nil)
    #expect(Codec.readable == 0b1111)
  }
}
