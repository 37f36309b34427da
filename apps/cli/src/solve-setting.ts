/** What `solve` and `explain` may set about planning, from the command line's texts. */
import { gapMaxMost, ok, planSettingsDefault, type PlanSettings, type Result } from "@sluice/model";
import { parseProtection, type ProtectionFlags } from "./protection-argument.js";
import { parseNumber, parseObjective, parseSolver, parseTunnelSource, parseWhole, type TunnelSource } from "./argument.js";

export interface SolveFlags extends ProtectionFlags {
  readonly objective?: string;
  readonly tunnels?: string;
  readonly latencyMax?: string;
  readonly solver?: string;
  readonly gap?: string;
  readonly deadline?: string;
  readonly splitWeightSum?: string;
}

export interface SolveSettings {
  readonly settings: PlanSettings;
  readonly source: TunnelSource;
}

/** Longest deadline, seconds: that of the model's settings. */
const deadlineSecondsMax = 3600;

/** Refuses the first option that is wrong. What is not given is the controller's default. */
export function solveSettings(flags: SolveFlags): Result<SolveSettings> {
  let settings: PlanSettings = planSettingsDefault;
  if (flags.objective !== undefined) {
    const objective = parseObjective(flags.objective);
    if (!objective.ok) return objective;
    settings = { ...settings, objective: objective.value };
  }
  if (flags.solver !== undefined) {
    const solver = parseSolver(flags.solver);
    if (!solver.ok) return solver;
    settings = { ...settings, solver: solver.value };
  }
  if (flags.gap !== undefined) {
    const gap = parseNumber(flags.gap, "--gap", { above: 0, most: gapMaxMost });
    if (!gap.ok) return gap;
    settings = { ...settings, gapMax: gap.value };
  }
  if (flags.deadline !== undefined) {
    const deadline = parseNumber(flags.deadline, "--deadline", { above: 0, most: deadlineSecondsMax });
    if (!deadline.ok) return deadline;
    settings = { ...settings, deadlineSeconds: deadline.value };
  }
  if (flags.splitWeightSum !== undefined) {
    const sum = parseWhole(flags.splitWeightSum, "--split-weight-sum", { least: 1, most: 1024 });
    if (!sum.ok) return sum;
    settings = { ...settings, splitWeightSumMax: sum.value };
  }
  const protection = parseProtection(flags);
  if (!protection.ok) return protection;
  if (protection.value !== undefined) settings = { ...settings, protection: protection.value };
  const latency =
    flags.latencyMax === undefined ? ok(undefined) : parseNumber(flags.latencyMax, "--latency-max", { above: 0, most: 60_000 });
  if (!latency.ok) return latency;
  const { kind, k } = settings.tunnels;
  const source = parseTunnelSource(flags.tunnels ?? `${kind}:${k}`, latency.value);
  if (!source.ok) return source;
  if (source.value.kind === "policy") settings = { ...settings, tunnels: source.value.policy };
  return ok({ settings, source: source.value });
}

/** How a tunnel source is written on the command line. */
export function tunnelSourceText(source: TunnelSource): string {
  switch (source.kind) {
    case "policy":
      return `${source.policy.kind}:${source.policy.k}${source.policy.latencyMsMax === undefined ? "" : ` within ${source.policy.latencyMsMax} ms`}`;
    case "any":
      return "any";
    case "file":
      return source.path;
  }
}
