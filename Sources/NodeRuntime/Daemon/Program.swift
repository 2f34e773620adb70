import Glibc
import RecordStore
import Transport

/// What the programs' mains share: running a verb, and turning what went wrong into one line and an exit status.
package enum Program {
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
