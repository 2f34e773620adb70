import Glibc
import RecordStore
import SyncSession
import Transport

/// What the programs' mains share: reading the command line, telling the usage, running a verb, and turning what went
/// wrong into one line and an exit status.
package enum Program {
  private static let help = OptionHelp("help", .flag, "tells this")
  private static let version = OptionHelp("version", .flag, "tells the version")
  /// For who makes a package of the program; told nowhere.
  private static let manual = OptionHelp("manual", .value("page|settings-page|settings-file"), "writes the manual")

  /// Runs the verb that the command line names.
  /// - Parameter body: gets the verb's name, and what stands behind it.
  package static func run(
    _ program: ProgramHelp, _ arguments: some Sequence<String>,
    _ body: (String, CommandLineArguments) throws -> ExitStatus
  ) -> Never {
    run {
      let given = Array(arguments).map { $0 == "-h" ? "--help" : $0 }
      let all = try CommandLineArguments(
        given, program.verbs.flatMap(\.options) + [help, version, manual], of: program.name)
      if all.flag("version") {
        Console.print(SoftwareVersion.text)
        return .done
      }
      if let kind = all.value(manual.name), all.words.first == "help" {
        return try tellManual(kind, date: all.words.dropFirst().first ?? "", program)
      }
      if all.words.first == "help" { return try tell(Array(all.words.dropFirst()), program) }
      if all.flag("help") { return try tell(all.words, program) }
      guard let verb = program.verb(all.words) else {
        throw program.unknownVerb(all.words)
      }
      return try body(verb.name, all.behind(verb, of: program.name).completed(for: verb))
    }
  }

  /// The page of the verb that the words begin with.
  private static func tell(_ words: [String], _ program: ProgramHelp) throws -> ExitStatus {
    guard let first = words.first else {
      Console.print(program.overview)
      return .done
    }
    if let verb = program.verb(words) {
      Console.print(program.page(verb))
      return .done
    }
    let family = program.verbs.filter { words.count == 1 && $0.name.hasPrefix(first + " ") }
    guard !family.isEmpty else { throw program.unknownVerb(words) }
    Console.print(family.map(program.page).joined(separator: "\n\n"))
    return .done
  }

  /// - Parameter date: that of the page, as a page has one.
  private static func tellManual(_ kind: String, date: String, _ program: ProgramHelp) throws -> ExitStatus {
    let text: String? =
      switch kind {
      case "page": program.manualPage(date: date)
      case "settings-page": program.settingsPage(date: date)
      case "settings-file": program.settingsFile
      default: nil
      }
    guard let text else {
      throw UsageError("found the manual “\(kind)”, which \(program.name) does not have; expected page")
    }
    Console.print(text)
    return .done
  }

  package static func run(_ body: () throws -> ExitStatus) -> Never {
    // Databases, sockets and files are the owner's alone.
    umask(0o077)
    do {
      exit(try body().rawValue)
    } catch let error as UsageError {
      Console.printError("\(error)  (--help tells the usage)")
      exit(ExitStatus.usage.rawValue)
    } catch let error as StoreError {
      Console.printError(error.message)
      exit(error.exitStatus.rawValue)
    } catch let error as ControlError {
      Console.printError(error.description)
      exit(error.exitStatus.rawValue)
    } catch let error as TransportError {
      Console.printError(error.message)
      exit(ExitStatus.unreachable.rawValue)
    } catch {
      Console.printError("\(error)")
      exit(ExitStatus.usage.rawValue)
    }
  }
}
