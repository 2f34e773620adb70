import CLinux

/// The process's heap. Every thread that allocates gets an arena of its own by default, and each keeps what was freed:
/// a node that once took in a catalogue would hold several times its size for good.
enum Heap {
  /// For the threads that read, write and decode; more only multiply what lies fallow.
  private static let arenas: Int32 = 2
  /// Blocks from this size on are mapped one by one and go back to the system when freed: a batch and its parts.
  private static let mappedBytes: Int32 = 256 << 10

  /// Once, before the first thread.
  static func configure() {
    storesync_heap_limit_arenas(arenas)
    storesync_heap_map_from(mappedBytes)
  }

  /// Gives what is free back to the system.
  static func giveBack() {
    storesync_heap_trim()
  }
}
