/** Reading, solving and timing: what `solve` and `explain` have in common. */
import type { SolveProgress } from "@sluice/engine";
import { ok, topologyDocument, type Plan, type PlanSettings, type Result, type Snapshot } from "@sluice/model";
import type { TunnelSource } from "./argument.js";
import type { CommandContext } from "./command-context.js";
import { readNetworkAndDemands, type DemandInput, type FileNote, type NetworkFlags } from "./network-input.js";
import { solveWithLadder } from "./solve-ladder.js";
import { solveSettings, tunnelSourceText, type SolveFlags } from "./solve-setting.js";

export interface SolveRun {
  readonly input: DemandInput;
  readonly settings: PlanSettings;
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly source: TunnelSource;
  readonly tunnels: { readonly source: string; readonly format?: string };
  /** read, tunnels, solve, quantize, check, total. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly notes: readonly FileNote[];
}

/** Value and bound of the program that is being solved: bps for throughput, 1 for utilizations. */
export function progressText({ trafficClass, value, bound, gap }: SolveProgress): string {
  return `solve ${trafficClass}: value ${value.toPrecision(6)}, bound ${bound.toPrecision(6)}, gap ${gap.toExponential(1)}`;
}

export async function runSolve(flags: NetworkFlags & SolveFlags, context: CommandContext): Promise<Result<SolveRun>> {
  const { terminal, nowMs } = context;
  const startMs = nowMs();
  const settings = solveSettings(flags);
  if (!settings.ok) return settings;
  terminal.progress("read");
  const read = await readNetworkAndDemands(flags, context);
  if (!read.ok) return read;
  const input = read.value;
  const readSeconds = (nowMs() - startMs) / 1000;

  const snapshot: Snapshot = { topology: topologyDocument(input.topology), demands: input.matrix, settings: settings.value.settings };
  terminal.progress("start solver");
  const solved = await solveWithLadder(
    { snapshot, tunnels: settings.value.source, greedyOnly: false },
    {
      entry: context.solver,
      deadlineSeconds: settings.value.settings.deadlineSeconds,
      onStage: (stage, fraction) => terminal.progress(stage, fraction),
      onProgress: (progress) => terminal.progress(progressText(progress)),
      signal: context.signal,
    },
  );
  if (!solved.ok) return solved;
  const { plan, timings, notes, tunnelFormat, tunnels: source } = solved.value;
  const seconds = { read: readSeconds + solved.value.readSeconds, ...timings, total: (nowMs() - startMs) / 1000 };
  return ok({
    input,
    settings: settings.value.settings,
    snapshot,
    plan,
    source,
    tunnels: { source: tunnelSourceText(source), ...(tunnelFormat === undefined ? {} : { format: tunnelFormat }) },
    seconds,
    notes: [...input.notes, ...notes.map((note) => ({ ...note, file: flags.tunnels ?? "" }))],
  });
}
