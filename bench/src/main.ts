/** `npm run bench -- NAME`: measures, prints a table, gates nothing. */
import { Command, InvalidArgumentError, Option } from "commander";
import { benchAgents } from "./agents.js";
import { benchCycle } from "./cycle.js";
import { benchFailures } from "./failures.js";
import { networkNames, type NetworkName } from "./network.js";
import { benchOutage, outageNetworks, type OutageNetwork } from "./outage.js";
import { benchPush } from "./push.js";
import { report } from "./report.js";
import { benchReplan, replanNetworks, type ReplanNetworkName } from "./replan.js";
import { benchRest, restNetworks, type RestNetwork } from "./rest.js";
import { benchScale } from "./scale.js";
import { benchUpdates } from "./updates.js";
import { benchUpload } from "./upload.js";
import { benchScenarios, scenarioNetworks, type ScenarioNetwork } from "./scenarios.js";

const program = new Command("npm run bench --").description(
  "Benchmarks. Each prints median and spread, on stdout as a table and with --json as numbers.",
);

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000) throw new InvalidArgumentError("Give a whole number from 1 to 1000000.");
  return value;
}

program
  .command("cycle")
  .description("time of a cycle by stage: tunnels, solve, quantize, check, rules, walk, update")
  .addOption(new Option("--network <name...>", "which networks").choices(networkNames).default([...networkNames]))
  .option("--runs <n>", "runs of each", count, 5)
  .option("--json <file>", "write all numbers here")
  .action(async (flags: { network: NetworkName[]; runs: number; json?: string }) => {
    report(await benchCycle(flags.network, flags.runs), { json: flags.json });
  });

program
  .command("push")
  .description("rules pushed per second to agents over gRPC, from a real controller process")
  .option("--agents <n>", "how many agents", count, 100)
  .option("--runs <n>", "runs", count, 3)
  .option("--json <file>", "write all numbers here")
  .action(async (flags: { agents: number; runs: number; json?: string }) => {
    report(await benchPush(flags.agents, flags.runs), { json: flags.json });
  });

program
  .command("agents")
  .description("a thousand agents on one controller: connecting, their rules, a storm of reconnects, full sync, one that hangs")
  .option("--agents <n>", "how many agents", count, 1_000)
  .option("--json <file>", "write all numbers here")
  .action(async (flags: { agents: number; json?: string }) => {
    report(await benchAgents(flags.agents), { json: flags.json });
  });

program
  .command("replan")
  .description("what the controller's machine computes after a failure, by event: no solver, no sockets")
  .addOption(new Option("--network <name...>", "which networks").choices(replanNetworks).default(["geant", "germany50"]))
  .option("--cuts <n>", "at most so many cables, evenly over all", count, 10)
  .option("--json <file>", "write all numbers here")
  .action(async (flags: { network: ReplanNetworkName[]; cuts: number; json?: string }) => {
    report(await benchReplan(flags.network, flags.cuts), { json: flags.json });
  });

program
  .command("updates")
  .description("steps and throttled traffic of the updates after each single cable cut, and back")
  .addOption(new Option("--network <name...>", "which networks").choices(networkNames).default([...networkNames]))
  .option("--cuts <n>", "at most so many cables, evenly over all", count, 1000)
  .option("--slack <share>", "what links may carry on top of their capacity meanwhile", Number, 0.1)
  .option("--lp", "look for the fewest steps by SWAN's program, too", false)
  .option("--json <file>", "write all numbers here")
  .action(async (flags: { network: NetworkName[]; cuts: number; slack: number; lp: boolean; json?: string }) => {
    report(await benchUpdates(flags.network, flags), { json: flags.json });
  });

program
  .command("rest")
  .description(
    "REST reads at a constant rate: alone, while solves run back to back, and with 500 watchers of the journal, one of them stalled",
  )
  .addOption(new Option("--network <name...>", "which networks").choices(restNetworks).default([...restNetworks]))
  .option("--per-second <n>", "requests a second", count, 1_000)
  .option("--seconds <n>", "time of each phase; a watcher that reads nothing is cut off after 30", count, 40)
  .option("--json <file>", "write all numbers here")
  .action(async (flags: { network: RestNetwork[]; perSecond: number; seconds: number; json?: string }) => {
    report(await benchRest(flags.network, flags), { json: flags.json });
  });

program
  .command("failures")
  .description("every single cable cut, solved again from the answer without failure and from nothing")
  .option("--runs <n>", "runs of each", count, 3)
  .option("--json <file>", "write all numbers here")
  .action((flags: { runs: number; json?: string }) => {
    report(benchFailures(flags.runs), { json: flags.json });
  });

program
  .command("scenarios")
  .description("splits for every single cable cut, from the plan's flow and from nothing, beside whole new plans")
  .addOption(new Option("--network <name...>", "which networks").choices(scenarioNetworks).default(["geant", "germany50", "uscarrier"]))
  .option("--runs <n>", "runs of each", count, 3)
  .option("--json <file>", "write all numbers here")
  .action(async (flags: { network: ScenarioNetwork[]; runs: number; json?: string }) => {
    report(await benchScenarios(flags.network, flags.runs), { json: flags.json });
  });

program
  .command("outage")
  .description("every cable of a running network cut: local repair, scenario activation, new plan, and what each layer loses")
  .addOption(new Option("--network <name...>", "which networks").choices(outageNetworks).default(["b4", "abilene", "geant"]))
  .option("--cuts <n>", "at most so many cables, evenly over all", count, 1_000)
  .option("--losses", "also what each layer loses: takes time that large networks' figures then have in them", false)
  .option("--json <file>", "write all numbers here")
  .action(async (flags: { network: OutageNetwork[]; cuts: number; losses: boolean; json?: string }) => {
    report(await benchOutage(flags.network, { cutsMax: flags.cuts, losses: flags.losses }), { json: flags.json });
  });

program
  .command("scale")
  .description("the first-order method on networks of up to three million demands")
  .option("--json <file>", "write all numbers here")
  .action((flags: { json?: string }) => {
    report(benchScale(), { json: flags.json });
  });

program
  .command("upload")
  .description("forecast rows uploaded per second into a controller process, and its memory")
  .option("--rows <n...>", "rows of a batch", (text: string, before: number[] | undefined) => [...(before ?? []), count(text)])
  .option("--runs <n>", "batches of each size", count, 3)
  .option("--gzip", "gzipped on the way", false)
  .option("--json <file>", "write all numbers here")
  .action(async (flags: { rows?: number[]; runs: number; gzip: boolean; json?: string }) => {
    report(await benchUpload(flags.rows ?? [100_000, 1_000_000], flags), { json: flags.json });
  });

await program.parseAsync();
