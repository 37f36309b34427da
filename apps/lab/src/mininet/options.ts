/** The command line of the lab on Mininet: `npm run lab -- COMMAND`. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { ok, refuse, type Result } from "@sluice/model";
import { argumentFault, parseNumber, parseWhole, type NetworkFlags } from "sluice";
import { commandUsage } from "./lab-command.js";

export interface UpOptions {
  readonly network: NetworkFlags;
  readonly interval: number;
  readonly linkBpsMax: number;
  /** Switches speak BFD on their links at this interval, ms; absent: they do not. */
  readonly bfdIntervalMs?: number;
}

export type MininetCommand =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "up"; readonly stateDir: string; readonly up: UpOptions }
  /** Said to the lab that is up. */
  | { readonly kind: "ask"; readonly stateDir: string; readonly argv: readonly string[] };

const examples = new URL("../../../../examples/", import.meta.url);
/** Two software switches forward some 400 Mbit/s on one core; a fully loaded link of this leaves room for the others. */
const linkMbpsDefault = "100";
export const stateDirDefault = join(tmpdir(), "sluice-mininet");

export function parseMininetOptions(argv: readonly string[]): Result<MininetCommand> {
  const at = argv.indexOf("--state-dir");
  const stateDir = at < 0 ? stateDirDefault : (argv[at + 1] ?? "");
  if (stateDir === "") return refuse(argumentFault("malformed", "--state-dir", "--state-dir takes a directory."));
  const rest = at < 0 ? argv : argv.filter((_, i) => i !== at && i !== at + 1);
  const [name, ...args] = rest;
  if (name === "export")
    return refuse(argumentFault("not-found", "arguments", "Networks are exported by npx sluice lab export --topology FILE."));
  if (name !== undefined && name !== "up" && !name.startsWith("-")) return ok({ kind: "ask", stateDir, argv: rest });
  const help: string[] = [];
  const command = new Command("npm run lab -- up")
    .description(
      "Brings up a network of real Open vSwitches under Mininet, each in a namespace with its own agent, programs it, and keeps it up until SIGINT, SIGTERM or `npm run lab -- down`. Needs root.",
    )
    .option("--topology <file>", "of any format that sluice reads (default examples/b4.json)")
    .option("--demands <file>", "demand matrix or series (default examples/b4-day.json for B4)")
    .option("--interval <n>", "which interval of a series, from 0", "0")
    .option("--link-mbps <rate>", "capacities and demands are divided so that the widest link has this, Mbit/s", linkMbpsDefault)
    .option(
      "--bfd-interval-ms <ms>",
      "switches find links that fail though their ports stay up, by BFD at this interval (default: they do not)",
    )
    .option("--state-dir <dir>", `databases, logs and the control socket (default ${stateDirDefault})`)
    .option("--capacity-unit <unit>", "unit of the topology's capacities, e.g. Mbps")
    .option("--capacity-default <rate>", "capacity of links without one, e.g. 100Gbps")
    .option("--rate-unit <unit>", "unit of the demands' rates, e.g. 1000bps")
    .option("--class <class>", "class of demands in files without classes")
    .addHelpText("after", `\n${commandUsage}`)
    .exitOverride()
    .configureOutput({ writeOut: (text) => help.push(text), outputError: () => undefined });
  try {
    command.parse([...args], { from: "user" });
    if (name !== "up") command.outputHelp();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) {
      const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
      return refuse(argumentFault("unknown-field", "arguments", `${message}. See npm run lab -- --help.`));
    }
  }
  if (help.length > 0) return ok({ kind: "help", text: help.join("") });
  const [extra] = command.args;
  if (extra !== undefined) return refuse(argumentFault("unknown-field", "arguments", `up takes no ${JSON.stringify(extra)}.`));
  return upOptions(command.opts<Flags>(), stateDir);
}

interface Flags {
  readonly topology?: string;
  readonly demands?: string;
  readonly interval: string;
  readonly linkMbps: string;
  readonly bfdIntervalMs?: string;
  readonly capacityUnit?: string;
  readonly capacityDefault?: string;
  readonly rateUnit?: string;
  readonly class?: string;
}

function upOptions(flags: Flags, stateDir: string): Result<MininetCommand> {
  const interval = parseWhole(flags.interval, "--interval", { least: 0, most: 100_000 });
  if (!interval.ok) return interval;
  const mbps = parseNumber(flags.linkMbps, "--link-mbps", { above: 0, most: 1000 });
  if (!mbps.ok) return mbps;
  const bfd =
    flags.bfdIntervalMs === undefined ? undefined : parseWhole(flags.bfdIntervalMs, "--bfd-interval-ms", { least: 1, most: 60_000 });
  if (bfd?.ok === false) return bfd;
  const example = (file: string): string => decodeURIComponent(new URL(file, examples).pathname);
  const { topology, capacityUnit, capacityDefault, rateUnit, class: trafficClass } = flags;
  const demands = flags.demands ?? (topology === undefined ? example("b4-day.json") : undefined);
  const network: NetworkFlags = {
    topology: topology ?? example("b4.json"),
    ...(demands === undefined ? {} : { demands }),
    ...(capacityUnit === undefined ? {} : { capacityUnit }),
    ...(capacityDefault === undefined ? {} : { capacityDefault }),
    ...(rateUnit === undefined ? {} : { rateUnit }),
    ...(trafficClass === undefined ? {} : { class: trafficClass }),
  };
  const rate = { interval: interval.value, linkBpsMax: mbps.value * 1e6 };
  return ok({ kind: "up", stateDir, up: { network, ...rate, ...(bfd === undefined ? {} : { bfdIntervalMs: bfd.value }) } });
}
