/** How a command that asks a controller gets its client and its output from its options, and ends with the right exit code. */
import { ok, refuse, type Faults, type Result } from "@sluice/model";
import { Option, type Command } from "commander";
import { parseOneOf } from "../argument.js";
import { refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { parseSpan } from "../forecast/span.js";
import { argumentFault } from "../refusal.js";
import type { Terminal } from "../terminal.js";
import { findConnection, type ConnectionFlags } from "./connection.js";
import { ControllerClient } from "./controller-client.js";
import { outputFormats, show, type OutputFormat, type Shown } from "./output.js";
import { progressOn, type TellProgress } from "./progress.js";
import { openTransport } from "./transport.js";

export interface ControllerFlags extends ConnectionFlags {
  /** Longest wait for an answer, as a span: 30s. */
  readonly timeout?: string;
  readonly output?: string;
}

/** What a command has of a controller. */
export interface Session {
  readonly client: ControllerClient;
  readonly terminal: Terminal;
  readonly output: OutputFormat;
  readonly context: CommandContext;
  readonly progress: TellProgress;
  /** Writes the answer in the form that `-o` asks for. */
  readonly show: (shown: Shown) => Promise<void>;
}

/** Options that every command about a controller takes. */
export function addControllerOptions(command: Command): Command {
  return addConnectionOptions(command)
    .option("--progress", "show progress on stderr even where it is no terminal")
    .option("--no-progress", "show no progress");
}

export interface ConnectionHelp {
  /** What --controller is for. */
  readonly controller?: string;
  /** Options that mean nothing to a controller, as commander names them. */
  readonly excluded?: readonly string[];
}

/** Those of them that say which controller is meant and how to talk to it: for commands that have the others already. */
export function addConnectionOptions(
  command: Command,
  { controller = "the controller's REST address, e.g. http://127.0.0.1:8080", excluded = [] }: ConnectionHelp = {},
): Command {
  return command
    .addOption(new Option("--context <name>", "the controller of this context (sluice context list)").conflicts([...excluded]))
    .addOption(new Option("--controller <url>", controller).conflicts([...excluded]))
    .option("--token-file <file>", "file with a bearer token (else SLUICE_TOKEN, else the context's)")
    .option("--ca <file>", "PEM: whose signature on the controller's certificate counts")
    .option("--cert <file>", "PEM: client certificate, with --key")
    .option("--key <file>", "PEM: the client certificate's key")
    .option("--timeout <span>", "longest wait for one answer, e.g. 30s (default 1min)")
    .addOption(
      new Option("--color <when>", "always, never or auto: where a terminal reads it, unless NO_COLOR is set").choices([
        "always",
        "never",
        "auto",
      ]),
    );
}

export function addOutputOption(command: Command, formats: readonly OutputFormat[] = outputFormats): Command {
  return command.option("-o, --output <format>", formats.join(", "), "table");
}

/**
 * Opens a client and acts with it. `formats` are those of `-o` that the command has. A refusal is told on stderr: exit code 3 where the
 * controller could not be reached or could not answer in time, else that of the fault.
 */
export async function withController(
  flags: ControllerFlags,
  context: CommandContext,
  act: (session: Session) => Promise<Result<ExitCode>>,
  formats: readonly OutputFormat[] = outputFormats,
): Promise<ExitCode> {
  const session = await openSession(flags, context, formats);
  if (!session.ok) return refused(context, session.faults);
  const done = await act(session.value);
  context.terminal.settle();
  return done.ok ? done.value : refusedByController(context, done.faults);
}

/** Tells the refusal and gives its exit code. */
export function refusedByController(context: CommandContext, faults: Faults): ExitCode {
  const code = refused(context, faults);
  return code === exitCode.badInput && passingCodes.has(faults[0].code) ? exitCode.noAnswer : code;
}
const passingCodes: ReadonlySet<string> = new Set(["unavailable", "rate-limited", "not-ready"]);

/** For commands that do without a controller, too. Faults: those of the options and of the contexts' file. */
export async function openSession(
  flags: ControllerFlags,
  context: CommandContext,
  formats: readonly OutputFormat[] = outputFormats,
): Promise<Result<Session>> {
  const { terminal } = context;
  const output = parseOneOf(flags.output ?? "table", formats, "--output");
  if (!output.ok) return output;
  const client = await openClient(flags, context);
  if (!client.ok) return client;
  return ok({
    client: client.value,
    terminal,
    output: output.value,
    context,
    progress: progressOn(terminal),
    show: (shown) => show(shown, output.value, terminal),
  });
}

/** `pausesMs`: before requests are sent again, in place of the client's own. */
export async function openClient(
  flags: ControllerFlags,
  { terminal, signal, env }: CommandContext,
  pausesMs?: readonly number[],
): Promise<Result<ControllerClient>> {
  const timeout = flags.timeout === undefined ? ok(undefined) : parseSpan(flags.timeout, "--timeout");
  if (!timeout.ok) return timeout;
  const connection = await findConnection(flags, env);
  if (!connection.ok) return connection;
  const { address, tls, warnings } = connection.value;
  if (address.url.protocol === "http:" && flags.ca !== undefined)
    return refuse(argumentFault("not-allowed", "--ca", `--ca is for https, and ${address.url.origin} is not.`));
  const transport = await openTransport(tls);
  if (!transport.ok) return transport;
  for (const warning of warnings) terminal.tell(`sluice: ${warning}.`);
  return ok(
    new ControllerClient(address, {
      transport: transport.value,
      signal,
      timeoutMs: timeout.value,
      pausesMs,
      onStale: (staleMs) =>
        terminal.tell(
          `sluice: ${address.url.origin} follows another controller: what it says may be ${(staleMs / 1000).toFixed(1)} s old.`,
        ),
      onRetry: (message) => terminal.tell(`sluice: ${message}`),
    }),
  );
}
