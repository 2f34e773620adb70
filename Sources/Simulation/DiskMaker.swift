package import RecordStore
package import StoreModel

/// Makes the databases of simulated nodes, and copies of them as backups.
package protocol DiskMaker {
  func make(_ model: Model, _ identity: NodeIdentity) throws(StoreError) -> any StorageBackend
  /// The same as it is now, on a disk of its own.
  func copy(_ disk: any StorageBackend) throws(StoreError) -> any StorageBackend
  /// The disk as the node's next process finds it, wherever the last one was when it ended: what was committed is there,
  /// and nothing else. The next process may know another model.
  func reopen(_ disk: any StorageBackend, _ model: Model) throws(StoreError) -> any StorageBackend
}

/// Databases in memory.
package struct MemoryDisks: DiskMaker {
  package init() {}

  package func make(_ model: Model, _ identity: NodeIdentity) -> any StorageBackend {
    MemoryBackend(model: model, identity: identity)
  }

  package func copy(_ disk: any StorageBackend) throws(StoreError) -> any StorageBackend {
    guard let memory = disk as? MemoryBackend else {
      throw StoreError(.internalError, "a disk that is not in memory was to be copied in memory")
    }
    return MemoryBackend(copying: memory)
  }

  package func reopen(_ disk: any StorageBackend, _ model: Model) throws(StoreError) -> any StorageBackend {
    guard let memory = disk as? MemoryBackend else {
      throw StoreError(.internalError, "a disk that is not in memory was to be opened in memory")
    }
    return try memory.reopened(model)
  }
}
