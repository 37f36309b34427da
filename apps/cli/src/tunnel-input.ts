/** A path set from a file: what `--tunnels FILE` names. */
import { performance } from "node:perf_hooks";
import type { CandidateTunnels } from "@sluice/engine";
import { readTunnels, type ReadNote } from "@sluice/formats";
import { ok, type Fault, type Result, type Topology } from "@sluice/model";
import { nameOfFile, readOneFile, type ReadLimits } from "./input-file.js";
import { argumentFault, inFile } from "./refusal.js";

export interface TunnelInput {
  readonly candidates: CandidateTunnels;
  readonly format: string;
  readonly notes: readonly ReadNote[];
  readonly seconds: number;
}

export async function readTunnelFile(path: string, topology: Topology, limits?: ReadLimits): Promise<Result<TunnelInput>> {
  const startMs = performance.now();
  const bytes = await readOneFile(path, "--tunnels", limits);
  if (!bytes.ok) return bytes;
  const read = inFile(path, readTunnels(bytes.value, topology, { name: nameOfFile(path) }));
  if (!read.ok) return read;
  const { format, paths, notes } = read.value;
  return ok({ candidates: { pairs: paths }, format, notes, seconds: (performance.now() - startMs) / 1000 });
}

/** A plan file does not hold the path set: what is said about the plan needs it again. */
export function tunnelsNeeded(planPath: string): Fault {
  return argumentFault(
    "missing-field",
    "--tunnels",
    `--tunnels is needed: ${planPath} was made with a path set from a file, and its bounds hold for that.`,
  );
}
