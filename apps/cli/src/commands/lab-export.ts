/** `sluice lab export`: a topology as a network that others run, scaled down to what one machine carries. */
import { readFileSync } from "node:fs";
import { exportNetwork, mininetLibrary, scaleNetwork, type NetworkExportFormat } from "@sluice/formats";
import { buildDemandMatrix, ok, type Result } from "@sluice/model";
import { parseNumber } from "../argument.js";
import { refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { writeWhole, type ReadLimits } from "../input-file.js";
import { readNetwork, type FileNote, type NetworkFlags } from "../network-input.js";
import { noteLines } from "../solve-table.js";

/** Software switches on one core forward some 400 Mbit/s: a link of this leaves room for the others. */
export const linkMbpsDefault = "100";
const linkMbpsMost = 1000;

export interface LabExportCommandFlags extends NetworkFlags {
  readonly format: NetworkExportFormat;
  readonly linkMbps: string;
  readonly output: string;
}

export async function labExportCommand(flags: LabExportCommandFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  terminal.progress("read");
  const exported = await exportedNetwork(flags, context);
  if (!exported.ok) return refused(context, exported.faults);
  const { text, notes } = exported.value;
  for (const line of noteLines(notes, terminal.errorColors)) terminal.tell(line);
  terminal.settle();
  if (flags.output === "-") {
    await terminal.write(text);
    return exitCode.ok;
  }
  const written = await writeWhole(flags.output, text, "--output");
  return written.ok ? exitCode.ok : refused(context, written.faults);
}

async function exportedNetwork(
  flags: LabExportCommandFlags,
  limits: ReadLimits,
): Promise<Result<{ readonly text: string; readonly notes: readonly FileNote[] }>> {
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
