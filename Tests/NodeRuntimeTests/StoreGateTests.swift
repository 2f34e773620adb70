import Base
import Causality
import Dispatch
import Glibc
import RecordStore
import StoreModel
import SyncSession
import Synchronization
import Testing
import Transport
import Wire

@testable import NodeRuntime

/// Who waits for whom at the one writer.
@Suite struct StoreGateTests {
  @Test func aFewCommitsPassManyThatWait() throws {
    let shop = try Shop()
    let order = Mutex<[Int]>([])
    let door = DispatchSemaphore(value: 0)
    let done = DispatchGroup()
    shop.gate.write { _ throws(StoreError) in
      door.wait()
    } completion: { _ in
    }
    func commit(_ count: Int) {
      done.enter()
      shop.gate.commit(count: count) { _, _ throws(StoreError) in
        order.withLock { $0.append(count) }
      } completion: { _ in
        done.leave()
      }
    }
    let limit = StorageLimits.smallCommitDrafts
    commit(limit + 1)
    commit(limit + 2)
    commit(limit)
    commit(1)
    door.signal()
    done.wait()
    #expect(order.withLock { $0 } == [limit, 1, limit + 1, limit + 2])
  }

  /// An import is written in slices; a sale that comes meanwhile waits for one of them.
  @Test func aSaleWaitsForOneSliceOfAnImport() throws {
    let shop = try Shop()
    let slice = StorageLimits.sliceWrites
    let done = DispatchGroup()
    done.enter()
    done.enter()
    let isAsked = Atomic<Bool>(false)
    let heads = Mutex<[Sequence64]>([])
    shop.gate.observeGrowth {
      guard !isAsked.exchange(true, ordering: .relaxed) else { return }
      shop.gate.commit { engine, commit throws(StoreError) in
        let head = try engine.logHead()
        heads.withLock { $0.append(head) }
        _ = try commit(Shop.draft(-1))
      } completion: { _ in
        done.leave()
      }
    }
    let results = Mutex<Int>(0)
    shop.gate.commit((0..<3 * slice).map(Shop.draft)) { result in
      results.withLock { $0 = (try? result.get().count) ?? -1 }
      done.leave()
    }
    done.wait()
    #expect(results.withLock { $0 } == 3 * slice)
    #expect(heads.withLock { $0 } == [Sequence64(slice)], "behind the first slice, before the second")
  }

  /// Batches that wait are applied together, but not past what was asked of the writer between them.
  @Test func whatIsAskedBetweenBatchesKeepsItsPlace() throws {
    let shop = try Shop()
    let door = DispatchSemaphore(value: 0)
    let done = DispatchGroup()
    shop.gate.write { _ throws(StoreError) in
      door.wait()
    } completion: { _ in
    }
    let epoch = Epoch(rawValue: 1)
    let seen = Mutex<Sequence64?>(nil)
    func apply(_ number: UInt64) {
      done.enter()
      let contents = BatchContents.encode([])
      let batch = Batch(
        lane: .normal, after: number, through: number + 1, incompleteUntil: 0, codec: 0, groupCount: 0,
        contentsBytes: UInt64(contents.count), payload: contents)
      shop.gate.apply(batch, peer: .hq, epoch: epoch, codec: IdentityCodec()) { outcome in
        if case .applied = outcome {} else { Issue.record("\(outcome)") }
        done.leave()
      }
    }
    for number in 0..<3 as Range<UInt64> { apply(number) }
    done.enter()
    shop.gate.writeBehindBatches { engine throws(StoreError) in
      let cursor = try engine.receiveCursors(from: .hq, epoch: epoch).normal.through
      seen.withLock { $0 = cursor }
    } completion: { _ in
      done.leave()
    }
    for number in 3..<5 as Range<UInt64> { apply(number) }
    door.signal()
    done.wait()
    #expect(seen.withLock { $0 } == 3)
  }

  /// Decoded, a batch takes ten times its bytes: the rest waits packed.
  @Test func onlySoManyBatchesAreDecodedAtOnce() throws {
    let shop = try Shop()
    let codec = CountingCodec()
    let door = DispatchSemaphore(value: 0)
    let done = DispatchGroup()
    shop.gate.write { _ throws(StoreError) in
      door.wait()
    } completion: { _ in
    }
    let count = StorageLimits.decodedBatches + 3
    for number in 0..<count {
      done.enter()
      let batch = Batch(
        lane: .normal, after: UInt64(number), through: UInt64(number) + 1, incompleteUntil: 0, codec: 0, groupCount: 1,
        contentsBytes: 1, payload: [0])
      shop.gate.apply(batch, peer: .hq, epoch: Epoch(rawValue: 1), codec: codec) { _ in done.leave() }
    }
    for _ in 0..<StorageLimits.decodedBatches { codec.called.wait() }
    // A reader's answer takes longer than a third batch would need.
    let asked = DispatchSemaphore(value: 0)
    shop.gate.read { engine throws(StoreError) in
      try engine.logHead()
    } completion: { _ in
      asked.signal()
    }
    asked.wait()
    #expect(codec.count.load(ordering: .relaxed) == StorageLimits.decodedBatches)
    door.signal()
    done.wait()
    #expect(codec.count.load(ordering: .relaxed) == count)
  }
}

/// Unpacks nothing, and says that it was asked.
private final class CountingCodec: BatchCodec, Sendable {
  let called = DispatchSemaphore(value: 0)
  let count = Atomic<Int>(0)

  func pack(_ contents: [UInt8]) -> (codec: Codec, bytes: [UInt8]) { (.identity, contents) }

  func unpack(_ bytes: [UInt8], codec: UInt64, size: Int) throws(BatchCodecError) -> [UInt8] {
    count.add(1, ordering: .relaxed)
    called.signal()
    throw BatchCodecError("says the test")
  }
}
