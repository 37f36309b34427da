/** The lab's command line. */
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import {
  failureKinds,
  localRepairs,
  objectiveNames,
  ok,
  protectionDefault,
  refuse,
  solverNames,
  type PlanSettings,
  type Result,
} from "@sluice/model";
import { argumentFault, parseNumber, parseOneOf, parseWhole, solveSettings, type NetworkFlags, type SolveFlags } from "sluice";

interface Flags extends NetworkFlags, SolveFlags {
  readonly network?: string;
  readonly once: boolean;
  readonly output: string;
  readonly dataDir?: string;
  readonly grpc?: string;
  readonly rest?: string;
  readonly intervalSeconds: string;
  readonly startInterval: string;
  readonly linkDown: readonly string[];
  readonly linkUp: readonly string[];
  readonly detectionMs: string;
  readonly verbose: boolean;
}

export interface LabOptions {
  readonly network: NetworkFlags;
  /** Set where the command line says anything about planning; else the controller's own settings stand, and where it has none protection is on. */
  readonly settings?: PlanSettings;
  readonly once: boolean;
  readonly output: "table" | "json";
  /** Absent: a directory that is removed at the end. */
  readonly dataDir?: string;
  readonly grpc: string;
  readonly rest: string;
  readonly intervalSeconds: number;
  readonly startInterval: number;
  readonly linkDown: readonly string[];
  readonly linkUp: readonly string[];
  /** How long switches take to notice a change of a link. */
  readonly detectionMs: number;
  readonly verbose: boolean;
}

const examples = new URL("../../../examples/", import.meta.url);
/** Longest that a switch may take to notice, ms. */
const detectionMsMax = 60_000;
/** Longest time that an interval of the day may take here, seconds. */
const intervalSecondsMax = 3600;

/** `help` is set where only that was asked for. */
export type Parsed = { readonly options: LabOptions } | { readonly help: string };

export function parseLabOptions(argv: readonly string[]): Result<Parsed> {
  const help: string[] = [];
  const several = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  const command = new Command("npm start --")
    .description(
      "Runs Sluice on an emulated network: a controller, one agent for each switch, fluid traffic through the rules they hold, and demand that moves through a day.",
    )
    .option("--network <file>", "topology, of any format that sluice reads (default examples/b4.json)")
    .option("--demands <file>", "demand matrix or series (default: inside the network's file, or examples/b4-day.json for B4)")
    .option("--once", "stop when the first plan is in force, and say how it went", false)
    .option("-o, --output <kind>", "table or json; json needs --once", "table")
    .option("--interval-seconds <s>", "how long an interval of the series lasts here", "5")
    .option("--start-interval <n>", "first interval of the series, from 0", "0")
    .option("--objective <name>", objectiveNames.join(", "))
    .option("--tunnels <policy>", "k-shortest:K, edge-disjoint:K, srlg-disjoint:K or priced:K")
    .option("--solver <name>", solverNames.join(", "))
    .option("--gap <gap>", "relative gap to the optimum that is good enough")
    .option("--deadline <seconds>", "time to find a plan; then the next rung of the ladder")
    .option("--split-weight-sum <n>", "table budget of a tunnel group")
    .option(
      "--guarantee <promise>",
      "what failures leave of traffic: none, protected (the default), guaranteed:K, availability:SHARE; for all classes, or by class: interactive=guaranteed:1,elastic=protected",
    )
    .option("--local-repair <kind>", `${localRepairs.join(", ")}: where the switch next to a failure sends packets (default link)`)
    .option("--scenarios <kinds>", `single failures to prepare for: ${failureKinds.join(",")} (the default), or none`)
    .option("--failure-probability <p>", "probability that a cable is down, for availability (default 0.001)")
    .option("--link-down <link@seconds>", "cut a link's cable so long after the first plan; may be given again", several, [])
    .option("--link-up <link@seconds>", "repair a link's cable; may be given again", several, [])
    .option("--detection-ms <ms>", "how long a switch takes to notice that a link went down or came up", "10")
    .option("--data-dir <dir>", "keep the controller's database and the agents' terms there (default: a temporary directory)")
    .option("--grpc <host:port>", "where the controller serves gRPC (default 127.0.0.1:50051; with --once a free port)")
    .option("--rest <host:port>", "where it serves REST (default 127.0.0.1:8080; with --once a free port)")
    .option("--capacity-unit <unit>", "unit of the network file's capacities, e.g. Mbps")
    .option("--capacity-default <rate>", "capacity of links without one, e.g. 100Gbps")
    .option("--rate-unit <unit>", "unit of the demand file's rates, e.g. 1000bps")
    .option("--node-order <order>", "rows of a bare matrix: id or file")
    .option("--class <class>", "class of demands in files without classes")
    .option("--verbose", "copy the controller's log to stderr", false)
    .exitOverride()
    .configureOutput({ writeOut: (text) => help.push(text), outputError: () => undefined });
  try {
    command.parse([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return ok({ help: help.join("") });
    const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
    return refuse(
      argumentFault("unknown-field", /--[a-z][a-z-]*/.exec(message)?.[0] ?? "arguments", `${message}. See npm start -- --help.`),
    );
  }
  if (command.args.length > 0) {
    return refuse(
      argumentFault(
        "unknown-field",
        "arguments",
        `There are no plain arguments, but ${JSON.stringify(command.args[0])} was given (options go after npm start --).`,
      ),
    );
  }
  return labOptions(command.opts<Flags>());
}

function labOptions(flags: Flags): Result<Parsed> {
  const output = parseOneOf(flags.output, ["table", "json"], "--output");
  if (!output.ok) return output;
  if (output.value === "json" && !flags.once)
    return refuse(argumentFault("not-allowed", "--output", "-o json needs --once: it prints one object at the end."));
  const interval = parseNumber(flags.intervalSeconds, "--interval-seconds", { above: 0, most: intervalSecondsMax });
  if (!interval.ok) return interval;
  const start = parseWhole(flags.startInterval, "--start-interval", { least: 0, most: 100_000 });
  if (!start.ok) return start;
  const detection = parseWhole(flags.detectionMs, "--detection-ms", { least: 1, most: detectionMsMax });
  if (!detection.ok) return detection;
  const free = flags.once ? "127.0.0.1:0" : undefined;
  const addresses = { grpc: flags.grpc ?? free ?? "127.0.0.1:50051", rest: flags.rest ?? free ?? "127.0.0.1:8080" };
  for (const [name, text] of Object.entries(addresses)) {
    if (!/^(?:\[[0-9a-f:]+\]|[^:]+):\d{1,5}$/i.test(text) || Number(text.slice(text.lastIndexOf(":") + 1)) > 65_535) {
      return refuse(argumentFault("malformed", `--${name}`, `--${name} takes HOST:PORT, not ${JSON.stringify(text)}.`));
    }
  }
  const settings = settingsOf(flags);
  if (!settings.ok) return settings;
  const { network: file, demands, once, dataDir, startInterval: _start, intervalSeconds: _interval, ...rest } = flags;
  const day = file === undefined ? fileURLToPath(new URL("b4-day.json", examples)) : undefined;
  const chosen = demands ?? day;
  const { capacityUnit, capacityDefault, rateUnit, nodeOrder, class: trafficClass } = rest;
  return ok({
    options: {
      network: {
        topology: file ?? fileURLToPath(new URL("b4.json", examples)),
        ...(chosen === undefined ? {} : { demands: chosen }),
        ...(capacityUnit === undefined ? {} : { capacityUnit }),
        ...(capacityDefault === undefined ? {} : { capacityDefault }),
        ...(rateUnit === undefined ? {} : { rateUnit }),
        ...(nodeOrder === undefined ? {} : { nodeOrder }),
        ...(trafficClass === undefined ? {} : { class: trafficClass }),
      },
      ...(settings.value === undefined ? {} : { settings: settings.value }),
      once,
      output: output.value,
      ...(dataDir === undefined ? {} : { dataDir }),
      ...addresses,
      intervalSeconds: interval.value,
      startInterval: start.value,
      linkDown: flags.linkDown,
      linkUp: flags.linkUp,
      detectionMs: detection.value,
      verbose: flags.verbose,
    },
  });
}

function settingsOf(flags: Flags): Result<PlanSettings | undefined> {
  const { objective, tunnels, solver, gap, deadline, splitWeightSum, guarantee, localRepair, scenarios, failureProbability } = flags;
  const given = [objective, tunnels, solver, gap, deadline, splitWeightSum, guarantee, localRepair, scenarios, failureProbability];
  if (given.every((each) => each === undefined)) return ok(undefined);
  const parsed = solveSettings(flags);
  if (!parsed.ok) return parsed;
  // Unlike `solve`, the lab protects unless it is told otherwise.
  if (parsed.value.source.kind === "policy")
    return ok({ ...parsed.value.settings, protection: parsed.value.settings.protection ?? protectionDefault });
  return refuse(
    argumentFault(
      "not-allowed",
      "--tunnels",
      "The controller makes its own tunnels: --tunnels takes k-shortest:K, edge-disjoint:K, srlg-disjoint:K or priced:K.",
    ),
  );
}
