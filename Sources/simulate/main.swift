import Glibc

exit(SimulateCommand.main(Array(CommandLine.arguments.dropFirst())))
