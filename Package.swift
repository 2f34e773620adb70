// swift-tools-version: 6.2
import PackageDescription

// Dependencies point downwards only (Scripts/check-dependencies holds the imports to this file).
// There is no Swift package among them: system libraries come from the distribution.

let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// A module without I/O: strict memory safety on top.
func pure(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict + [.strictMemorySafety()])
}

/// A module that meets C libraries or the operating system.
func shell(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], data: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: data, swiftSettings: strict)
}

let package = Package(
  name: "StoreSync",
  products: [.library(name: "StoreSyncClient", targets: ["StoreSyncClient"])],
  targets: [
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

    pure("Base"),
    pure("Metrics", ["Base"]),
    pure("Causality", ["Base"]),
    pure("JSON", ["Base"]),
    pure("StoreModel", ["Base"]),
    pure("Merge", ["Causality", "StoreModel"]),
    pure("RecordStore", ["Base", "Causality", "StoreModel", "Merge"]),
    pure("Wire", ["Base", "Causality", "StoreModel", "Merge", "RecordStore"]),
    pure("SyncSession", ["Base", "Causality", "StoreModel", "Wire", "Merge", "RecordStore"]),
    shell("Retail", ["Base", "StoreModel"]),
    shell("TextEncoding", []),
    pure("Interchange", ["Base", "JSON", "StoreModel", "Retail", "TextEncoding"]),
    shell("SQLiteStore", ["CSQLite", "Base", "Causality", "StoreModel", "Merge", "RecordStore"]),
    shell("Transport", ["COpenSSL", "Base"]),
    shell("HTTPClient", ["CCurl"]),
    shell(
      "NodeRuntime",
      [
        "CLinux", "CZstd", "Base", "Metrics", "Causality", "StoreModel", "Merge", "RecordStore", "Wire", "SyncSession",
        "SQLiteStore",
        "Transport",
        "HTTPClient",
        "Retail",
      ]),
    // What a till, a web shop or a back office in Swift links: public, and nothing of the engine in it.
    shell("StoreSyncClient", ["JSON", "HTTPClient"]),
    shell(
      "NodeAPI",
      [
        "CMicroHTTPD", "Base", "Metrics", "Causality", "JSON", "StoreModel", "Merge", "RecordStore", "Wire",
        "SyncSession",
        "Transport", "Retail", "Interchange", "NodeRuntime",
      ]),
    program(
      "hq-node", ["Causality", "StoreModel", "RecordStore", "Transport", "HTTPClient", "NodeRuntime", "NodeAPI"]),
    program(
      "store-node", ["Base", "Causality", "StoreModel", "RecordStore", "Wire", "Transport", "NodeRuntime", "NodeAPI"]),
    program(
      "syncctl",
      [
        "Base", "Causality", "RecordStore", "StoreModel", "Wire", "NodeRuntime", "Interchange", "Retail",
        "TextEncoding",
      ]),
    pure("Simulation", ["Base", "Causality", "StoreModel", "Merge", "RecordStore", "Wire", "SyncSession"]),
    program("simulate", ["RecordStore", "StoreModel", "SQLiteStore", "Simulation"]),
    program(
      "bench",
      [
        "CSQLite", "Base", "Causality", "JSON", "StoreModel", "Merge", "RecordStore", "Wire", "SyncSession",
        "SQLiteStore", "Transport", "Retail", "NodeRuntime",
      ]),
    // The baseline of `bench` in C, to show that the one in Swift loses nothing.
    .executableTarget(name: "raw-sqlite", dependencies: ["CSQLite"]),
    shell(
      "Fuzzing",
      [
        "Base", "Causality", "JSON", "StoreModel", "Merge", "RecordStore", "Wire", "SQLiteStore", "Interchange",
        "NodeRuntime",
      ]),

    tests("BaseTests", ["Base"]),
    tests("MetricsTests", ["Base", "Metrics"]),
    tests("CausalityTests", ["Base", "Causality"]),
    tests("StoreModelTests", ["Base", "StoreModel"]),
    tests("MergeTests", ["Base", "Causality", "StoreModel", "Merge"]),
    tests("WireTests", ["Base", "Causality", "StoreModel", "Merge", "RecordStore", "Wire"]),
    tests("RecordStoreTests", ["Base", "Causality", "StoreModel", "Merge", "RecordStore", "Wire", "SQLiteStore"]),
    tests(
      "SyncSessionTests", ["Base", "Causality", "StoreModel", "Merge", "RecordStore", "Wire", "SyncSession"],
      data: ["Scenarios"]),
    tests("SimulationTests", ["Base", "Causality", "StoreModel", "Merge", "RecordStore", "Simulation"]),
    tests("SQLiteStoreTests", ["CSQLite", "Base", "Causality", "StoreModel", "Merge", "RecordStore", "SQLiteStore"]),
    tests(
      "RetailTests",
      ["Base", "Causality", "StoreModel", "Merge", "RecordStore", "SQLiteStore", "Retail", "NodeRuntime"]),
    tests("InterchangeTests", ["Base", "JSON", "StoreModel", "Retail", "TextEncoding", "Interchange"]),
    tests("TransportTests", ["Base", "Transport"]),
    tests(
      "NodeAPITests",
      [
        "CSQLite", "Base", "Causality", "JSON", "StoreModel", "Merge", "RecordStore", "SQLiteStore", "Transport",
        "NodeRuntime", "NodeAPI",
      ]),
    tests("StoreSyncClientTests", ["JSON", "HTTPClient", "StoreSyncClient"]),
    tests("HTTPClientTests", ["Transport", "HTTPClient"]),
    tests("FuzzTests", ["Base", "Fuzzing"]),
    tests(
      "NodeRuntimeTests",
      [
        "Base", "Metrics", "Causality", "StoreModel", "Merge", "RecordStore", "Wire", "SQLiteStore", "SyncSession",
        "Transport",
        "NodeRuntime",
      ]),
    tests(
      "VectorTests",
      [
        "Base", "Causality", "JSON", "StoreModel", "Merge", "RecordStore", "Wire", "SyncSession", "Transport",
        "Interchange", "NodeRuntime",
      ]),
    tests(
      "EndToEndTests",
      [
        "CSQLite", "Base", "Causality", "JSON", "StoreModel", "Merge", "RecordStore", "Interchange", "SyncSession",
        "Transport", "Wire", "NodeRuntime", "StoreSyncClient", "hq-node", "store-node", "syncctl",
      ]),
  ]
)

// A fuzzer has no `main` of its own, so it builds only with libFuzzer's flags: Scripts/fuzz gives them, and asks for it.
if Context.environment["STORESYNC_FUZZER"] != nil {
  package.targets.append(program("fuzz", ["Fuzzing"]))
}
