import Glibc

/// The seed of the property tests: `SEED` in the environment, otherwise a fixed one.
enum Seed {
  static let value: UInt64 = {
    let given = getenv("SEED").flatMap { UInt64(String(cString: $0)) }
    let seed = given ?? 20_140_101
    print("RecordStoreTests: SEED=\(seed)")
    return seed
  }()
}
