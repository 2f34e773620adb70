import Base
import Causality
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Wire

extension ControlService {
  /// Settles a conflict case as a person wants it.
  func settle(_ request: CBORValue, _ completion: @escaping Completion) {
    guard let number = request["number"]?.integerValue, let word = request["choice"]?.textValue else {
      return completion(.failure(ControlError(.usage, "expected the number of a case and a choice")))
    }
    let note = request["note"]?.textValue
    if let note, Self.note(.text(note)) == nil {
      return completion(
        .failure(
          ControlError(.usage, "found a note of \(note.utf8.count) bytes, expected 1 to \(StoreLimits.noteBytes)")))
    }
    let (model, clock, log) = (gate.model, gate.clock, node.log)
    let value = request["value"]
    gate.write { engine throws(StoreError) -> Result<(ConflictCase, Settlement, RecordState?), ControlError> in
      guard let found = try engine.backend.conflictCase(number: number) else { return .failure(Self.noCase(number)) }
      let choice: SettlementChoice
      do throws(ControlError) {
        choice = try found.choice(word, value, model)
      } catch {
        return .failure(error)
      }
      switch try engine.settle(number, choice, note: note, at: clock.now) {
      case .notFound: return .failure(Self.noCase(number))
      case .unfit(let why): return .failure(ControlError(.notAllowed, "case \(number): \(why)"))
      case .refused(let error): return .failure(ControlError(.notAllowed, error.description))
      case .settled(let now, let settlement):
        let key = RecordKey(entity: now.subject.entity, id: now.subject.record)
        return .success((now, settlement, now.subject.kind == .immutable ? try engine.record(key) : nil))
      }
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(.failure(let error)): completion(.failure(error))
      case .success(.success((let now, let settlement, let fact))):
        log(
          LogEvent(
            .info, "conflict.settled", "conflict case \(number) is \(now.status.rawValue)",
            [.init("choice", settlement.choice)]))
        completion(
          .success(
            .object([
              "schema": .integer(Self.schema), "conflict": Self.value(of: now, fact: fact, [settlement], model),
            ])))
      }
    }
  }

  static func noCase(_ number: Int64) -> ControlError {
    ControlError(
      .notFound, "there is no conflict case \(number) at this node; `syncctl conflicts list` has those there are")
  }
}

extension ConflictCase {
  /// - Parameters:
  ///   - word: take, value, clear, delete, keep or accept.
  ///   - value: with take, a candidate: its place in the list from 1, its stamp, or “hq” or “store N” if that wrote only
  ///     one; with value, the value as people write it.
  fileprivate func choice(
    _ word: String, _ value: CBORValue?, _ model: Model
  ) throws(ControlError) -> SettlementChoice {
    switch word {
    case "accept": return .accept
    case "clear": return .value(.null)
    case "take":
      let text = value?.textValue ?? ""
      if subject.kind == .deletion {
        switch text {
        case "delete": return .delete
        case "keep": return .keep
        default: throw ControlError(.usage, "found --take “\(text)”, expected delete or keep")
        }
      }
      return .take(try candidate(text).stamp)
    case "value": return .value(try field(model).value(shownAs: value?.textValue ?? ""))
    default: throw ControlError(.usage, "found the choice “\(word)”, expected take, value, clear or accept")
    }
  }

  private func candidate(_ text: String) throws(ControlError) -> Concurrence.Candidate {
    guard subject.kind == .field else {
      throw ControlError(.usage, "case \(number) has no values to take; it can be accepted with --accept")
    }
    if let place = Int(text), candidates.indices.contains(place - 1) { return candidates[place - 1] }
    let named = candidates.filter {
      let node = $0.stamp.replica.node
      return "\($0.stamp)" == text || (node == .hq ? text.lowercased() == "hq" : text == "store \(node)")
    }
    if named.count == 1 { return named[0] }
    throw ControlError(
      .usage,
      "found the candidate “\(text)”, expected a number from 1 to \(candidates.count), as in `syncctl conflicts show \(number)`"
    )
  }

  private func field(_ model: Model) throws(ControlError) -> FieldSchema {
    let parts = subject.detail.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard subject.kind == .field, let name = parts.first,
      var field = model.entity(subject.entity)?.field(named: String(name))
    else { throw ControlError(.usage, "case \(number) is not about a field, so it takes no value") }
    // An entry of custom fields has no type of its own.
    if parts.count == 2 { field.type = .text }
    return field
  }
}

extension FieldSchema {
  /// The value that a person has written as `explain` shows it.
  func value(shownAs text: String) throws(ControlError) -> Value {
    func problem(_ expected: String) -> ControlError {
      ControlError(.usage, "\(name): found “\(text)”, expected \(expected)")
    }
    let value: Value
    switch type {
    case .text, .choice: value = .text(text)
    case .integer, .quantity, .money, .day:
      let digits = type == .day ? text.filter { $0 != "-" } : text
      guard let number = Int64(digits) else {
        throw problem(type == .money ? "minor units as a whole number, 1234 for 12.34" : type.expectation)
      }
      value = .integer(number)
    case .boolean:
      guard text == "true" || text == "false" else { throw problem("true or false") }
      value = .integer(text == "true" ? 1 : 0)
    case .timestamp:
      do throws(RFC3339Error) {
        value = .integer(try RFC3339.parse(text).milliseconds)
      } catch {
        throw problem("a time such as 2017-06-03T17:05:00Z")
      }
    case .reference(_, let identity), .identifier(let identity):
      guard let id = try? identity.parse(text) else { throw problem(identity.expectation) }
      value = identity.value(of: id)
    }
    if let reason = self.problem(with: value, isLocal: true) { throw ControlError(.usage, "\(name): \(reason)") }
    return value
  }
}
