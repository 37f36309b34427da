/** `npm run bench -- NAME`: measures, prints a table, gates nothing. */
import { Command, InvalidArgumentError, Option } from "commander";
import { benchCycle } from "./cycle.js";
import { networkNames, type NetworkName } from "./network.js";
import { report } from "./report.js";

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

await program.parseAsync();
