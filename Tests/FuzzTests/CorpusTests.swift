import Base
import Foundation
import Fuzzing
import Testing

/// What `Scripts/fuzz` has found, and what reached code that nothing else reached, is tried at every run; and some
/// thousand inputs made from it. `FUZZ_SECONDS` makes it more, `SEED` others.
@Suite struct CorpusTests {
  @Test(arguments: FuzzTarget.allCases)
  func corpus(_ target: FuzzTarget) throws {
    let inputs = try Corpus.inputs(of: target)
    #expect(!inputs.isEmpty, "Tests/Corpus/\(target.rawValue) has no input")
    for (name, bytes) in inputs {
      let problem = target.problem(with: bytes)
      #expect(problem == nil, "Tests/Corpus/\(target.rawValue)/\(name)")
    }
  }

  @Test(arguments: FuzzTarget.allCases)
  func mutations(_ target: FuzzTarget) throws {
    let inputs = try Corpus.inputs(of: target).map(\.bytes)
    let seed = Corpus.seed
    print("FuzzTests \(target.rawValue): SEED=\(seed)")
    var generator = SeededGenerator(seed: seed)
    let end = Corpus.seconds.map { Date(timeIntervalSinceNow: $0) }
    var round = 0
    while end.map({ Date() < $0 }) ?? (round < Corpus.rounds) {
      round += 1
      let bytes = Mutation.mutated(inputs, &generator)
      guard let problem = target.problem(with: bytes) else { continue }
      Issue.record("SEED=\(seed) round \(round): \(problem); the input is \(Hex.encode(bytes))")
      return
    }
  }
}

enum Corpus {
  /// A second or two in all.
  static let rounds = 500
  static let seconds = ProcessInfo.processInfo.environment["FUZZ_SECONDS"].flatMap { TimeInterval($0) }
  static let seed = ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) } ?? 20_150_403

  static func inputs(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Corpus").appendingPathComponent(target.rawValue)
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
      (name, Array(try Data(contentsOf: folder.appendingPathComponent(name))))
    }
  }
}

/// The usual small changes; without coverage to guide them they reach less than the fuzzer, and take no build of their own.
enum Mutation {
  static func mutated(_ inputs: [[UInt8]], _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = inputs.randomElement(using: &generator) ?? []
    for _ in 0..<Int.random(in: 1...4, using: &generator) { change(&bytes, inputs, &generator) }
    return Array(bytes.prefix(FuzzTarget.inputBytes))
  }

  private static let interesting: [UInt8] = [
    0, 1, 0x17, 0x18, 0x1B, 0x20, 0x22, 0x2C, 0x40, 0x5F, 0x7F, 0x80, 0xA0, 0xFF,
  ]

  private static func change(_ bytes: inout [UInt8], _ inputs: [[UInt8]], _ generator: inout SeededGenerator) {
    guard !bytes.isEmpty else { return bytes = [UInt8.random(in: .min ... .max, using: &generator)] }
    let place = Int.random(in: bytes.indices, using: &generator)
    let end = min(bytes.count, place + Int.random(in: 1...16, using: &generator))
    switch Int.random(in: 0...6, using: &generator) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
    case 1: bytes[place] = .random(in: .min ... .max, using: &generator)
    case 2: bytes[place] = interesting.randomElement(using: &generator) ?? 0
    case 3: bytes.removeSubrange(place..<end)
    case 4: bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 5: bytes[place] = bytes[place] &+ (Bool.random(using: &generator) ? 1 : .max)
    default:
      let other = inputs.randomElement(using: &generator) ?? []
      guard !other.isEmpty else { return }
      let from = Int.random(in: other.indices, using: &generator)
      bytes.replaceSubrange(place..., with: other[from...])
    }
  }
}
