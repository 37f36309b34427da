/** `sluice explain`: what binds a demand, or what more capacity on a link would be worth, in words. */
import {
  explainDemand,
  explainLink,
  linkGain,
  widened,
  type CandidateTunnels,
  type DemandExplanation,
  type LinkExplanation,
  type LinkGain,
  type SmallestChange,
} from "@sluice/engine";
import {
  canonicalHash,
  isId,
  ok,
  refuse,
  toId,
  topologyDocument,
  type LinkId,
  type Plan,
  type Result,
  type Snapshot,
  type Topology,
} from "@sluice/model";
import { parseFlowGroup, parseOneOf, type TunnelSource } from "../argument.js";
import { jsonText, outputKinds, refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { changeInProcess } from "../explain/change-process.js";
import { controllerExplainCommand, type ControllerExplainFlags } from "../explain/controller-explanation.js";
import { readOneFile, type ReadLimits } from "../input-file.js";
import { readNetworkAndDemands, type FileNote, type NetworkFlags } from "../network-input.js";
import { readPlanFile, type PlanFile } from "../plan-file.js";
import { parseRateUnit, rateText, trimmed } from "../rate-unit.js";
import { argumentFault, inFile } from "../refusal.js";
import { solveInProcess } from "../solve-process.js";
import { progressText, runSolve } from "../solve-run.js";
import type { SolveFlags } from "../solve-setting.js";
import { noteLines } from "../solve-table.js";
import { readTunnelFile, tunnelsNeeded } from "../tunnel-input.js";

export interface ExplainCommandFlags extends Omit<NetworkFlags, "topology">, SolveFlags, ControllerExplainFlags {
  readonly topology?: string;
  readonly demand?: string;
  readonly link?: string;
  readonly extra?: string;
  readonly exact?: boolean;
  readonly change?: boolean;
  readonly plan?: string;
  readonly output: string;
}

type OfflineFlags = ExplainCommandFlags & NetworkFlags;

/** What solving again says, beside what the prices say. */
interface Measured extends LinkGain {
  /** Both plans are proven optimal: then the gain is exact. */
  readonly proven: boolean;
}

interface Planned {
  /** The paths that the plan was made with, for making another like it. */
  readonly source: TunnelSource;
  /** The path set that the plan was made with. */
  readonly candidates?: CandidateTunnels | undefined;
  readonly topology: Topology;
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly notes: readonly FileNote[];
}

export async function explainCommand(flags: ExplainCommandFlags, context: CommandContext): Promise<ExitCode> {
  if ((flags.demand === undefined) === (flags.link === undefined)) {
    return refused(context, [argumentFault("missing-field", "--demand", "explain takes either --demand A>B/class or --link LINK.")]);
  }
  if (flags.change === true && flags.demand === undefined) {
    return refused(context, [argumentFault("not-allowed", "--change", "--change is about a demand: give it with --demand.")]);
  }
  const { topology } = flags;
  return topology === undefined ? explainAtController(flags, context) : explainOffline({ ...flags, topology }, context);
}

/** Without --topology: of a plan that a controller has. Options about files and about solving mean nothing to it. */
function explainAtController(flags: ExplainCommandFlags, context: CommandContext): Promise<ExitCode> | ExitCode {
  const { demands, plan, exact, extra, objective, tunnels } = flags;
  const offline = Object.entries({ demands, plan, exact, extra, objective, tunnels }).find(([, given]) => given !== undefined)?.[0];
  if (offline !== undefined)
    return refused(context, [
      argumentFault("missing-field", "--topology", `--${offline} needs files: give the network as --topology FILE.`),
    ]);
  return controllerExplainCommand(flags, context, wordsOf);
}

async function explainOffline(flags: OfflineFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const output = parseOneOf(flags.output, outputKinds, "--output");
  if (!output.ok) return refused(context, output.faults);
  if (flags.epoch !== undefined || flags.controller !== undefined) {
    const option = flags.epoch === undefined ? "--controller" : "--epoch";
    return refused(context, [argumentFault("not-allowed", option, `${option} is about a controller's plan: leave --topology out.`)]);
  }
  if (flags.exact === true && flags.link === undefined) {
    return refused(context, [argumentFault("not-allowed", "--exact", "--exact is about a link: give it with --link.")]);
  }
  const planned = flags.plan === undefined ? await solvePlan(flags, context) : await readPlan(flags, flags.plan, context);
  if (!planned.ok) return refused(context, planned.faults);
  const explained = explain(flags, planned.value);
  if (!explained.ok) return refused(context, explained.faults);
  const measured = flags.exact === true ? await measure(planned.value, explained.value, context) : ok(undefined);
  if (!measured.ok) return refused(context, measured.faults);
  const sought = flags.change === true ? await seekChange(planned.value, explained.value, context) : ok(undefined);
  if (!sought.ok) return refused(context, sought.faults);
  const change = sought.value;
  const exact = measured.value;
  terminal.settle();
  const { notes } = planned.value;
  if (output.value === "json") {
    await terminal.write(
      jsonText({ kind: "explanation", formatVersion: 1, ...explained.value, ...(exact && { exact }), ...(change && { change }), notes }),
    );
  } else {
    for (const line of noteLines(notes, terminal.errorColors)) terminal.tell(line);
    await terminal.write(`${[...wordsOf(explained.value), ...exactWords(exact), ...(change ? [changeWords(change)] : [])].join("\n")}\n`);
  }
  return exitCode.ok;
}

async function solvePlan(flags: OfflineFlags, context: CommandContext): Promise<Result<Planned>> {
  const solved = await runSolve(flags, context);
  if (!solved.ok) return solved;
  const { input, source } = solved.value;
  return withCandidates({ ...solved.value, topology: input.topology }, source.kind === "file" ? source.path : undefined, context);
}

async function readPlan(flags: OfflineFlags, path: string, limits: ReadLimits): Promise<Result<Planned>> {
  const bytes = await readOneFile(path, "--plan", limits);
  if (!bytes.ok) return bytes;
  const file = inFile(path, readPlanFile(bytes.value));
  if (!file.ok) return file;
  const input = await readNetworkAndDemands(flags, limits);
  if (!input.ok) return input;
  const { topology, matrix, notes } = input.value;
  const { plan, settings, tunnels } = file.value;
  if (tunnels === "file" && flags.tunnels === undefined) return refuse(tunnelsNeeded(path));
  const snapshot: Snapshot = { topology: topologyDocument(topology), demands: matrix, settings };
  if (flags.exact === true && canonicalHash(snapshot) !== plan.inputHash) {
    return refuse(argumentFault("not-allowed", "--exact", `--exact needs the network and demands that ${path} was made for.`));
  }
  const planned = { topology, snapshot, plan, notes, source: sourceOf(file.value, flags.tunnels) };
  return withCandidates(planned, tunnels === "file" ? flags.tunnels : undefined, limits);
}

function sourceOf({ tunnels, settings }: PlanFile, path: string | undefined): TunnelSource {
  if (tunnels === "any") return { kind: "any" };
  return tunnels === "file" && path !== undefined ? { kind: "file", path } : { kind: "policy", policy: settings.tunnels };
}

/** Solves again, in a process of its own, with what the explanation is about as capacity. A miss of the deadline is refused. */
async function measure(
  { snapshot, plan, source }: Planned,
  explained: DemandExplanation | LinkExplanation,
  { solver, terminal, signal }: CommandContext,
): Promise<Result<Measured | undefined>> {
  if (!("linkId" in explained)) return ok(undefined);
  const solved = await solveInProcess(
    { snapshot: widened(snapshot, explained), tunnels: source, greedyOnly: false },
    {
      entry: solver,
      deadlineSeconds: snapshot.settings.deadlineSeconds,
      onStage: (stage, fraction) => terminal.progress(stage, fraction),
      onProgress: (progress) => terminal.progress(progressText(progress)),
      signal,
    },
  );
  if (!solved.ok) return solved;
  const after = solved.value.plan;
  return ok({ ...linkGain(plan, after, explained), proven: plan.rung === "optimal" && after.rung === "optimal" });
}

/** In a process of its own, for plans are made again. */
async function seekChange(
  { snapshot, plan, source, candidates }: Planned,
  explained: DemandExplanation | LinkExplanation,
  { change: entry, terminal, signal }: CommandContext,
): Promise<Result<SmallestChange | undefined>> {
  if (!("flowGroup" in explained)) return ok(undefined);
  if (source.kind === "any") {
    return refuse(argumentFault("not-allowed", "--change", "--change needs candidate tunnels: it cannot be sought with --tunnels any."));
  }
  terminal.progress("seek the smallest change", 0);
  const budgetMs = changeSolvesMax * snapshot.settings.deadlineSeconds * 1000;
  return changeInProcess({ snapshot, plan, flowGroup: explained.flowGroup, candidates, budgetMs }, { entry, signal });
}

/** So many deadlines' worth of planning again goes into the search. */
const changeSolvesMax = 3;

function changeWords({ sentence }: SmallestChange): string {
  return `Smallest change found: ${sentence}`;
}

function exactWords(exact: Measured | undefined): readonly string[] {
  if (exact === undefined) return [];
  const doubt = exact.proven ? "" : " This is an estimate: one of the two plans is not proven optimal.";
  return [`The above is a bound, from the prices of the plan. Solved again: ${exact.sentence}${doubt}`];
}

async function withCandidates(planned: Planned, path: string | undefined, limits: ReadLimits): Promise<Result<Planned>> {
  if (path === undefined) return ok(planned);
  const read = await readTunnelFile(path, planned.topology, limits);
  return read.ok ? ok({ ...planned, candidates: read.value.candidates }) : read;
}

function explain(flags: OfflineFlags, { snapshot, plan, topology, candidates }: Planned): Result<DemandExplanation | LinkExplanation> {
  if (flags.link !== undefined) {
    const id = flags.link;
    if (!isId(id) || !topology.linkById.has(toId<LinkId>(id))) {
      const [example] = topology.links;
      const hint = example === undefined ? "It has no links." : `One that exists: ${example.id}.`;
      return refuse(argumentFault("not-found", "--link", `The topology has no link ${JSON.stringify(id)}. ${hint}`));
    }
    const extra = flags.extra === undefined ? ok(undefined) : parseRateUnit(flags.extra, "--extra");
    return extra.ok ? ok(explainLink(snapshot, plan, toId<LinkId>(id), extra.value)) : extra;
  }
  const flowGroup = parseFlowGroup(flags.demand ?? "", "--demand", snapshot.demands.demands);
  return flowGroup.ok ? ok(explainDemand(snapshot, plan, flowGroup.value, candidates)) : flowGroup;
}

/** The sentence, and below it for a demand the tunnels that it could take. */
function wordsOf(explained: DemandExplanation | LinkExplanation): readonly string[] {
  if (!("tunnels" in explained)) return [explained.sentence];
  const tunnels = explained.tunnels.map(({ path, rateBps, latencyMs, bottleneck }) => {
    const room = `${rateText(bottleneck.spareBps)} of ${rateText(bottleneck.capacityBps)} free`;
    return `  ${rateText(rateBps).padStart(11)}  ${trimmed(latencyMs)} ms  ${path.join(" ")}  (bottleneck: ${bottleneck.linkId}, ${room})`;
  });
  return [explained.sentence, ...tunnels, ...explained.unusable.map((each) => `  ${each}`)];
}
