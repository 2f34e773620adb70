import Foundation
import RecordStore
import StoreModel
import SyncSession
import Testing
import Wire

/// The table of limits in Protocol/SPEC.md is what the code has.
@Suite struct SpecLimitsTests {
  private static let limits: [String: Int] = [
    "WireLimits.maximumFrameBytes": WireLimits.maximumFrameBytes,
    "SessionLimits.allWindowsBytes": Int(SessionLimits.allWindowsBytes),
    "WireLimits.maximumDepth": WireLimits.maximumDepth,
    "WireLimits.maximumMessageFields": WireLimits.maximumMessageFields,
    "WireLimits.maximumTextBytes": WireLimits.maximumTextBytes,
    "WireLimits.maximumCredentialBytes": WireLimits.maximumCredentialBytes,
    "WireLimits.maximumEndpoints": WireLimits.maximumEndpoints,
    "WireLimits.maximumPins": WireLimits.maximumPins, "WireLimits.pinBytes": WireLimits.pinBytes,
    "WireLimits.maximumEndpointBytes": WireLimits.maximumEndpointBytes,
    "WireLimits.maximumVerifyRanges": WireLimits.maximumVerifyRanges,
    "WireLimits.maximumVerifyKeys": WireLimits.maximumVerifyKeys,
    "WireLimits.maximumVerifyItems": WireLimits.maximumVerifyItems,
    "VerifyLimits.itemsOfRange": VerifyLimits.itemsOfRange,
    "VerifyLimits.partsOfRange": VerifyLimits.partsOfRange,
    "VerifyLimits.rangesOfQuestion": VerifyLimits.rangesOfQuestion,
    "VerifyLimits.keysOfQuestion": VerifyLimits.keysOfQuestion,
    "VerifyLimits.differences": VerifyLimits.differences,
    "VerifyLimits.questions": VerifyLimits.questions,
    "VerifyLimits.rounds": VerifyLimits.rounds,
    "WireLimits.maximumContentsBytes": WireLimits.maximumContentsBytes,
    "WireLimits.maximumBatchGroups": WireLimits.maximumBatchGroups,
    "WireLimits.maximumBatchReplicas": WireLimits.maximumBatchReplicas,
    "WireLimits.maximumRecordFields": WireLimits.maximumRecordFields,
    "WireLimits.maximumDeletionMarks": WireLimits.maximumDeletionMarks,
    "WireLimits.maximumCollectionCount": WireLimits.maximumCollectionCount,
    "ModelLimits.keyBytes": ModelLimits.keyBytes,
    "ModelLimits.recordIDBytes": ModelLimits.recordIDBytes,
    "ModelLimits.textBytes": ModelLimits.textBytes,
    "ModelLimits.collectionCount": ModelLimits.collectionCount,
    "ModelLimits.siblingCount": ModelLimits.siblingCount,
    "ModelLimits.recordBytes": ModelLimits.recordBytes,
    "ModelLimits.groupRecordCount": ModelLimits.groupRecordCount,
    "ModelLimits.groupBytes": ModelLimits.groupBytes,
    "StoreLimits.clockToleranceMilliseconds": Int(StoreLimits.clockToleranceMilliseconds),
    "StoreLimits.pulledGroupCount": StoreLimits.pulledGroupCount,
    "StoreLimits.clashRecordCount": StoreLimits.clashRecordCount,
    "SessionLimits.handshakeMilliseconds": Int(SessionLimits.handshakeMilliseconds),
    "SessionLimits.keepaliveMilliseconds": Int(SessionLimits.keepaliveMilliseconds),
    "SessionLimits.silenceMilliseconds": Int(SessionLimits.silenceMilliseconds),
    "SessionLimits.storageRetryMilliseconds": Int(SessionLimits.storageRetryMilliseconds),
    "SessionLimits.windowBytes": Int(SessionLimits.windowBytes),
    "SessionLimits.windowBatches": SessionLimits.windowBatches,
    "SessionLimits.windowSlackBytes": Int(SessionLimits.windowSlackBytes),
    "SessionLimits.batchBytes": SessionLimits.batchBytes,
    "SessionLimits.chainBytes": SessionLimits.chainBytes,
    "SessionLimits.scanEntries": SessionLimits.scanEntries,
    "SessionLimits.skippedEntries": SessionLimits.skippedEntries,
    "SessionLimits.codeBytes": SessionLimits.codeBytes,
    "SessionLimits.reasonBytes": SessionLimits.reasonBytes,
    "SessionLimits.allReasonsBytes": SessionLimits.allReasonsBytes,
    "Backoff.firstMilliseconds": Int(Backoff.firstMilliseconds),
    "Backoff.highestMilliseconds": Int(Backoff.highestMilliseconds),
    "Backoff.leastMilliseconds": Int(Backoff.leastMilliseconds),
  ]

  @Test func theTableHasEveryLimitWithItsValue() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let data = try #require(FileManager.default.contents(atPath: root.appending(path: "Protocol/SPEC.md").path))
    var specified: [String: Int] = [:]
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { $0.filter { $0 != " " && $0 != "`" && $0 != "," } }
      guard cells.count == 3, Self.limits[cells[0]] != nil else { continue }
      specified[cells[0]] = Int(cells[1])
    }
    #expect(specified == Self.limits)
  }
}
