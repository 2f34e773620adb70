/// Every number of this module, with its reason.
package enum Limits {
  /// The most that one `onReceive` carries, in bytes: large enough that a system call per chunk is cheap, small enough that one
  /// stream doesn't hold its queue for long.
  package static let readChunk = 64 * 1024

  /// Chunks read from one stream before the queue's other work gets its turn: a fast peer must not starve the others.
  package static let readsPerTurn = 8

  /// `onDrain` is called when the unsent bytes fall to this: still about 40 ms of a 100 Mbit/s line, time enough to refill.
  package static let sendLowWater = 512 * 1024

  /// A stream whose unsent bytes pass this is closed: its owner ignores back-pressure, and memory must stay bounded.
  package static let sendBuffer = 64 * 1024 * 1024

  /// Sends smaller than this are joined, so that small frames don't become small packets and TLS records (16 KiB at most).
  package static let coalescedSend = 16 * 1024

  /// How long a TLS handshake may take, in milliseconds: four round trips of a satellite link and a slow till's arithmetic, and
  /// yet a peer that never says anything can't hold a place for long.
  package static let handshakeMilliseconds = 10_000

  /// Handshakes that a listener has under way at once; further connections wait in the kernel's backlog. It bounds what
  /// strangers can make HQ hold (about 50 KiB each), and is more than the stores that reconnect in one second.
  package static let handshakes = 256

  /// How long `close(flushing: true)` waits for the other end to take something, in milliseconds: a slow line's worst pause.
  package static let lingerMilliseconds = 5_000

  /// How many times that, as long as the unsent bytes grow fewer: half a minute holds a dying stream open long enough.
  package static let lingerTurns = 6

  /// Connections that wait in the kernel until they are accepted: all stores of a large chain when HQ's line comes back.
  package static let backlog = 1024

  /// Connections accepted in one turn of the queue, for the same reason as `readsPerTurn`.
  package static let acceptsPerTurn = 32

  /// How long a listener rests when the process has no file descriptor left, in milliseconds: time for some to close, without
  /// spinning.
  package static let acceptPauseMilliseconds = 500

  /// The least that one of several addresses gets to answer, in milliseconds, before the next is tried.
  package static let addressMilliseconds: Int64 = 2_000

  /// Addresses of one name that are tried: more only delays the error.
  package static let addresses = 8

  /// Names being resolved at once in the process. Each holds a thread that can't be cancelled.
  package static let lookups = 16

  /// A line with nothing to say is probed after this many seconds, then every `keepAliveInterval` seconds; after `keepAliveProbes`
  /// without an answer it is dead. One minute in all: shorter than the usual NAT's memory.
  package static let keepAliveIdle: Int32 = 30
  /// Seconds between probes.
  package static let keepAliveInterval: Int32 = 10
  /// Probes without an answer.
  package static let keepAliveProbes: Int32 = 3

  /// How long sent bytes may go without acknowledgement, in milliseconds, before the link counts as dead: the same minute as the
  /// keep-alive, where the kernel's own answer would take a quarter of an hour.
  package static let unacknowledgedMilliseconds: Int32 = 60_000

  /// The largest piece of the stream in one packet, in bytes: what every path of IPv6 must carry (1,280) without the headers.
  /// Tunnels and mobile carriers drop larger packets, some without a word, and then a link that greets would never carry a
  /// batch. It costs a hundredth of the line in headers.
  package static let segmentBytes: Int32 = 1_220

  /// `sun_path` of `sockaddr_un`, in bytes, with its closing zero.
  package static let unixPath = 108

  /// Bytes of PEM read for an identity: a P-256 key and certificate take 800.
  package static let identityBytes = 64 * 1024
}
