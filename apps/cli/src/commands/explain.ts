/** `sluice explain`: what binds a demand, or what more capacity on a link would be worth, in words. */
import { explainDemand, explainLink, type CandidateTunnels, type DemandExplanation, type LinkExplanation } from "@sluice/engine";
import { isId, ok, refuse, toId, topologyDocument, type LinkId, type Plan, type Result, type Snapshot, type Topology } from "@sluice/model";
import { parseFlowGroup, parseOneOf } from "../argument.js";
import { jsonText, outputKinds, refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { readOneFile, type ReadLimits } from "../input-file.js";
import { readNetworkAndDemands, type FileNote, type NetworkFlags } from "../network-input.js";
import { readPlanFile } from "../plan-file.js";
import { parseRateUnit, rateText, trimmed } from "../rate-unit.js";
import { argumentFault, inFile } from "../refusal.js";
import { runSolve } from "../solve-run.js";
import type { SolveFlags } from "../solve-setting.js";
import { noteLines } from "../solve-table.js";
import { readTunnelFile, tunnelsNeeded } from "../tunnel-input.js";

export interface ExplainCommandFlags extends NetworkFlags, SolveFlags {
  readonly demand?: string;
  readonly link?: string;
  readonly extra?: string;
  readonly plan?: string;
  readonly output: string;
}

interface Planned {
  /** The path set that the plan was made with. */
  readonly candidates?: CandidateTunnels | undefined;
  readonly topology: Topology;
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly notes: readonly FileNote[];
}

export async function explainCommand(flags: ExplainCommandFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const output = parseOneOf(flags.output, outputKinds, "--output");
  if (!output.ok) return refused(context, output.faults);
  if ((flags.demand === undefined) === (flags.link === undefined)) {
    return refused(context, [argumentFault("missing-field", "--demand", "explain takes either --demand A>B/class or --link LINK.")]);
  }
  const planned = flags.plan === undefined ? await solvePlan(flags, context) : await readPlan(flags, flags.plan, context);
  if (!planned.ok) return refused(context, planned.faults);
  const explained = explain(flags, planned.value);
  if (!explained.ok) return refused(context, explained.faults);
  terminal.settle();
  const { notes } = planned.value;
  if (output.value === "json") {
    await terminal.write(jsonText({ kind: "explanation", formatVersion: 1, ...explained.value, notes }));
  } else {
    for (const line of noteLines(notes, terminal.errorColors)) terminal.tell(line);
    await terminal.write(`${wordsOf(explained.value).join("\n")}\n`);
  }
  return exitCode.ok;
}

async function solvePlan(flags: ExplainCommandFlags, context: CommandContext): Promise<Result<Planned>> {
  const solved = await runSolve(flags, context);
  if (!solved.ok) return solved;
  const { input, source } = solved.value;
  return withCandidates({ ...solved.value, topology: input.topology }, source.kind === "file" ? source.path : undefined, context);
}

async function readPlan(flags: ExplainCommandFlags, path: string, limits: ReadLimits): Promise<Result<Planned>> {
  const bytes = await readOneFile(path, "--plan", limits);
  if (!bytes.ok) return bytes;
  const file = inFile(path, readPlanFile(bytes.value));
  if (!file.ok) return file;
  const input = await readNetworkAndDemands(flags, limits);
  if (!input.ok) return input;
  const { topology, matrix, notes } = input.value;
  const { plan, settings, tunnels } = file.value;
  if (tunnels === "file" && flags.tunnels === undefined) return refuse(tunnelsNeeded(path));
  const planned = { topology, snapshot: { topology: topologyDocument(topology), demands: matrix, settings }, plan, notes };
  return withCandidates(planned, tunnels === "file" ? flags.tunnels : undefined, limits);
}

async function withCandidates(planned: Planned, path: string | undefined, limits: ReadLimits): Promise<Result<Planned>> {
  if (path === undefined) return ok(planned);
  const read = await readTunnelFile(path, planned.topology, limits);
  return read.ok ? ok({ ...planned, candidates: read.value.candidates }) : read;
}

function explain(
  flags: ExplainCommandFlags,
  { snapshot, plan, topology, candidates }: Planned,
): Result<DemandExplanation | LinkExplanation> {
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
