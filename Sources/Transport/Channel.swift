import Glibc

/// What one attempt to move bytes came to.
enum Outcome {
  case moved(Int)
  /// Nothing moved; try again once the socket is readable.
  case needsReadable
  /// Nothing moved; try again once the socket is writable.
  case needsWritable
  /// The other end has finished sending.
  case end
  case failed(TransportError)
}

/// How bytes get through a socket.
enum Channel {
  case plain(Int32)
  case tls(TLSSession)

  func read(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
    switch self {
    case .tls(let session): return session.read(into: buffer)
    case .plain(let descriptor):
      while true {
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count > 0 { return .moved(count) }
        if count == 0 { return .end }
        switch errno {
        case EINTR: continue
        case EAGAIN: return .needsReadable
        default: return .failed(Socket.systemError(errno, "receiving"))
        }
      }
    }
  }

  func write(_ buffer: UnsafeRawBufferPointer) -> Outcome {
    switch self {
    case .tls(let session): return session.write(buffer)
    case .plain(let descriptor):
      while true {
        let count = Glibc.send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
        if count >= 0 { return .moved(count) }
        switch errno {
        case EINTR: continue
        case EAGAIN: return .needsWritable
        default: return .failed(Socket.systemError(errno, "sending"))
        }
      }
    }
  }

  /// Tells the other end, in the channel's own protocol, that nothing more comes. `.moved` when told.
  func finishSending() -> Outcome {
    switch self {
    case .plain: .moved(0)
    case .tls(let session): session.finishSending()
    }
  }
}
