import NodeRuntime

Program.run(Help.program, CommandLine.arguments.dropFirst()) { verb, arguments in
  try Verbs(arguments).run(verb)
}
