/** The command line: runs what the grammar (grammar/) finds, and tells what it refuses. */
import { Command, CommanderError } from "commander";
import { refused, type CommandContext } from "./command-context.js";
import { differing, exitCode, type ExitCode } from "./exit-code.js";
import type { Act, Arguments } from "./grammar/act.js";
import { addCerts } from "./grammar/certs.js";
import { addChange } from "./grammar/change.js";
import { addCompletion } from "./grammar/completion.js";
import { addContexts } from "./grammar/contexts.js";
import { addLook } from "./grammar/look.js";
import { addOffline } from "./grammar/offline.js";
import { addOperate } from "./grammar/operate.js";
import { argumentFault } from "./refusal.js";
import type { FaultCode } from "@sluice/model";
import type { TerminalSetting } from "./terminal.js";

const exitCodeHelp = `
Exit codes: 0 done; 1 the checker or the packet walk refuses the plan; 2 an argument, a file or the request was refused; 3 no answer in time,
or no controller there; 70 a bug; 130 interrupted. Results go to stdout; notes, progress and errors to stderr. docs/cli.md has the whole reference.`;

/** Makes a context once the flags are known: colours and whether progress is shown are among them. */
export type OpenContext = (flags: TerminalSetting) => CommandContext;

/** Runs one command line (without `node` and the script's name) and gives the exit code. Never rejects but for a bug. */
export async function runCommandLine(argv: readonly string[], open: OpenContext, version: string): Promise<ExitCode> {
  let code: ExitCode = exitCode.ok;
  const context = open({});
  const help: string[] = [];
  const act: Act =
    <F extends object>(command: (flags: F, context: CommandContext, args: Arguments) => Promise<ExitCode>) =>
    async (...parameters: unknown[]): Promise<void> => {
      const parsed = parameters.at(-1) as Command;
      const flags = parsed.opts<F & TerminalSetting>();
      code = await command(flags, open(flags), parsed.processedArgs as Arguments);
    };
  const program = grammar(act, version);
  for (const each of everyCommand(program)) {
    each
      .exitOverride()
      .configureOutput({ writeOut: (text) => help.push(text), writeErr: (text) => help.push(text), outputError: () => undefined });
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) {
      await context.terminal.write(help.join(""));
      return exitCode.ok;
    }
    // Without a command, commander has its help as the whole message.
    if (error.code === "commander.help") {
      for (const line of help.join("").trimEnd().split("\n")) context.terminal.tell(line);
      return exitCode.badInput;
    }
    const refusal = refused(context, [grammarFault(error)]);
    return argv.some((word) => differingCommands.has(word)) ? differing(refusal) : refusal;
  }
}

/** Of these 2 means that something differs. A word in another place that happens to be one of them turns a 2 into a 1, which is a refusal, too. */
const differingCommands: ReadonlySet<string> = new Set(["plan", "diff", "validate"]);

/** All commands. */
export function grammar(act: Act, version: string): Command {
  const program = new Command("sluice")
    .description("Traffic engineering for wide-area networks: with a running controller, and offline from files.")
    .version(version, "--version", "print the version")
    .helpCommand(true)
    .addHelpText("after", exitCodeHelp);
  addLook(program, act);
  addChange(program, act);
  addOperate(program, act);
  addContexts(program, act);
  addCerts(program, act);
  addOffline(program, act);
  addCompletion(program, act);
  return program;
}

function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

const grammarCodes: Readonly<Record<string, FaultCode>> = {
  "commander.unknownOption": "unknown-field",
  "commander.unknownCommand": "not-found",
  "commander.excessArguments": "unknown-field",
  "commander.missingMandatoryOptionValue": "missing-field",
  "commander.missingArgument": "missing-field",
  "commander.optionMissingArgument": "missing-field",
};

/** "error: unknown option '--x'\n(Did you mean --y?)" as a fault that names the option. */
function grammarFault(error: CommanderError) {
  const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  const option = /--[a-z][a-z-]*/.exec(message)?.[0] ?? "arguments";
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
  return argumentFault(
    grammarCodes[error.code] ?? "malformed",
    option,
    `${sentence.replace(/[.)]?$/, (end) => (end === "." ? "." : `${end}.`))} See sluice help.`,
  );
}
