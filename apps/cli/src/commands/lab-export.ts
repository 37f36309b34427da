/** `sluice lab export`: a topology as a network that others run, scaled down to what one machine carries. */
import { readFileSync } from "node:fs";
import { exportNetwork, mininetLibrary, scaleNetwork, type NetworkExportFormat } from "@sluice/formats";
import { buildDemandMatrix, ok, type Result } from "@sluice/model";
import { parseNumber } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import type { ExitCode } from "../exit-code.js";
import type { ReadLimits } from "../input-file.js";
import { readNetwork, type NetworkFlags } from "../network-input.js";
import { tellTextResult, type TextResult } from "../text-result.js";

/** Software switches on one core forward some 400 Mbit/s: a link of this leaves room for the others. */
export const linkMbpsDefault = "100";
const linkMbpsMost = 1000;

export interface LabExportCommandFlags extends NetworkFlags {
  readonly format: NetworkExportFormat;
  readonly linkMbps: string;
  readonly output: string;
}

export async function labExportCommand(flags: LabExportCommandFlags, context: CommandContext): Promise<ExitCode> {
  context.terminal.progress("read");
  return tellTextResult(await exportedNetwork(flags, context), flags.output, context);
}

async function exportedNetwork(flags: LabExportCommandFlags, limits: ReadLimits): Promise<Result<TextResult>> {
  const mbps = parseNumber(flags.linkMbps, "--link-mbps", { above: 0, most: linkMbpsMost });
  if (!mbps.ok) return mbps;
  const read = await readNetwork(flags, limits);
  if (!read.ok) return read;
  const nothing = buildDemandMatrix("none", []);
  if (!nothing.ok) return nothing;
  const scaled = scaleNetwork(read.value.topology, nothing.value, mbps.value * 1e6);
  if (!scaled.ok) return scaled;
  const { topology, factor } = scaled.value;
  const library = readFileSync(mininetLibrary, "utf8");
  return ok({ text: exportNetwork(topology, { format: flags.format, factor, library }), notes: read.value.notes });
}
