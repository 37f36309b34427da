/** `sluice convert`: a topology or its demands in another format. */
import { writeDemands, writeTopology } from "@sluice/formats";
import type { Result } from "@sluice/model";
import { parseOneOf } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import type { ExitCode } from "../exit-code.js";
import type { ReadLimits } from "../input-file.js";
import { readNetwork, readSeriesOrMatrix, type NetworkFlags } from "../network-input.js";
import { tellTextResult, type TextResult } from "../text-result.js";

export const topologyFormats = ["sluice-json", "sluice-yaml", "node-link"] as const;
export const demandFormats = ["sluice-json", "csv", "ndjson"] as const;
const whats = ["topology", "demands"] as const;

export interface ConvertCommandFlags extends NetworkFlags {
  readonly to: string;
  readonly output: string;
  readonly what?: string;
}

export async function convertCommand(flags: ConvertCommandFlags, context: CommandContext): Promise<ExitCode> {
  context.terminal.progress("read");
  return tellTextResult(await convert(flags, context), flags.output, context);
}

async function convert(flags: ConvertCommandFlags, limits: ReadLimits): Promise<Result<TextResult>> {
  // A format that only demands have says what is meant; else it is what was named last on the way from network to demands.
  const demandsOnly = flags.to === "csv" || flags.to === "ndjson";
  const what = parseOneOf(flags.what ?? (demandsOnly || flags.demands !== undefined ? "demands" : "topology"), whats, "--what");
  if (!what.ok) return what;
  if (what.value === "topology") {
    const to = parseOneOf(flags.to, topologyFormats, "--to");
    if (!to.ok) return to;
    const read = await readNetwork(flags, limits);
    if (!read.ok) return read;
    const { topology, notes } = read.value;
    return { ok: true, value: { text: writeTopology(topology, to.value), notes } };
  }
  const to = parseOneOf(flags.to, demandFormats, "--to");
  if (!to.ok) return to;
  const read = await readSeriesOrMatrix(flags, limits);
  if (!read.ok) return read;
  const { matrices, network } = read.value;
  return { ok: true, value: { text: writeDemands(matrices, to.value), notes: network.notes } };
}
