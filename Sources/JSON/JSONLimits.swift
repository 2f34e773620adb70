/// The bounds of a JSON text. One beyond them is refused with an error that names the place.
package enum JSONLimits {
  /// How deeply arrays and objects may lie within each other. A sale needs 3; the parser's stack is the reason.
  package static let depth = 32
  /// Digits of a number: more than any number that means something has, and it bounds what one costs to read.
  package static let numberBytes = 400
}
