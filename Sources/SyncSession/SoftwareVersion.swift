/// The version of this software, as the handshake and `status` tell it.
package enum SoftwareVersion {
  package static let text = "storesync/0.1.0"
}
