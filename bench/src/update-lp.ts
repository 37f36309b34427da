/**
 * SWAN's program for the steps of an update (Hong et al., SIGCOMM 2013, section 4): the fewest steps that any schedule can take whose flows use their old and
 * new tunnels alone. What `orderUpdate` finds without it is held against this; here flows are fractions, not weights.
 */
import { ProgramBuilder, type LpBackend } from "@sluice/lp";
import type { Bucket, LinkId, NodeRules, RuleSet, Topology } from "@sluice/model";

/** Flow groups that change, each with its tunnels, old and new. */
interface Group {
  readonly tunnels: readonly { readonly links: readonly number[]; readonly beforeBps: number; readonly afterBps: number }[];
}

const tolerance = 1e-9;
const secondsMax = 60;

/**
 * The fewest steps, up to `stepsMax`, in which sum over flow groups of max(before a step, after it) fits (1 + slack) x capacity on every link, or what is carried
 * before or after, where that is more. Undefined where no number of them does; "undecided" where the solver ran out of time.
 */
export async function fewestStepsByLp(
  { topology, installed, target }: { readonly topology: Topology; readonly installed: RuleSet; readonly target: RuleSet },
  { slack, stepsMax, lp }: { readonly slack: number; readonly stepsMax: number; readonly lp: LpBackend },
): Promise<number | "undecided" | undefined> {
  const groups = groupsOf(topology, installed, target);
  const beforeBps = loadsOf(topology, groups, "beforeBps");
  const afterBps = loadsOf(topology, groups, "afterBps");
  const limitBps = topology.links.map(
    ({ capacityBps }, i) => Math.max(capacityBps * (1 + slack), beforeBps[i] ?? 0, afterBps[i] ?? 0) * (1 + tolerance),
  );
  const changed = groups.filter(({ tunnels }) => tunnels.some((each) => each.beforeBps !== each.afterBps));
  const peakBps = Float64Array.from(beforeBps);
  for (const group of changed) {
    for (const [link, [before, after]] of onLinks(group)) peakBps[link] = (peakBps[link] ?? 0) + Math.max(0, after - before);
  }
  const crowded = new Set(limitBps.flatMap((limit, link) => ((peakBps[link] ?? 0) > limit ? [link] : [])));
  if (crowded.size === 0) return 1;
  // Links that are never crowded between before and after may be so in between: all that changing flows can load count.
  const counted = new Set(changed.flatMap(({ tunnels }) => tunnels.flatMap(({ links }) => links)));
  const restBps = Float64Array.from(beforeBps);
  for (const group of changed) for (const [link, [before]] of onLinks(group)) restBps[link] = (restBps[link] ?? 0) - before;
  for (let steps = 2; steps <= stepsMax; steps += 1) {
    const status = await feasible({ changed, counted, roomBps: limitBps.map((limit, link) => limit - (restBps[link] ?? 0)), steps, lp });
    if (status === "undecided") return status;
    if (status) return steps;
  }
  return undefined;
}

async function feasible({
  changed,
  counted,
  roomBps,
  steps,
  lp,
}: {
  readonly changed: readonly Group[];
  readonly counted: ReadonlySet<number>;
  readonly roomBps: readonly number[];
  readonly steps: number;
  readonly lp: LpBackend;
}): Promise<boolean | "undecided"> {
  const program = new ProgramBuilder("minimize");
  const unit = Math.max(1, ...roomBps) / 100;
  const linkRows = Array.from({ length: steps }, () => new Map<number, number>());
  for (const [step, rows] of linkRows.entries())
    for (const link of counted) rows.set(link, linkRows[step] === undefined ? 0 : program.addRow({ upper: (roomBps[link] ?? 0) / unit }));
  for (const group of changed) {
    const at = group.tunnels.map(({ beforeBps, afterBps }) =>
      Array.from({ length: steps + 1 }, (_, step) => {
        const fixed = step === 0 ? beforeBps : step === steps ? afterBps : undefined;
        return fixed === undefined ? program.addColumn({}) : program.addColumn({ lower: fixed / unit, upper: fixed / unit });
      }),
    );
    const sum = (figure: "beforeBps" | "afterBps") => group.tunnels.reduce((total, each) => total + each[figure], 0) / unit;
    const rates = [sum("beforeBps"), sum("afterBps")];
    for (let step = 1; step < steps; step += 1) {
      const row = program.addRow({ lower: Math.min(...rates), upper: Math.max(...rates) });
      for (const columns of at) program.addEntry(row, columns[step] ?? 0, 1);
    }
    const links = new Map<number, number[]>();
    group.tunnels.forEach((tunnel, i) => {
      for (const link of tunnel.links) links.set(link, [...(links.get(link) ?? []), i]);
    });
    for (const [link, tunnels] of links) {
      for (let step = 1; step <= steps; step += 1) {
        // most >= what it loads the link with, before the step and after it.
        const most = program.addColumn({});
        program.addEntry(linkRows[step - 1]?.get(link) ?? 0, most, 1);
        for (const end of [step - 1, step]) {
          const row = program.addRow({ lower: 0 });
          program.addEntry(row, most, 1);
          for (const tunnel of tunnels) program.addEntry(row, at[tunnel]?.[end] ?? 0, -1);
        }
      }
    }
  }
  const { status } = await lp.solve(program.build(), { timeLimitSeconds: secondsMax });
  return status === "optimal" ? true : status === "infeasible" ? false : "undecided";
}

function onLinks({ tunnels }: Group): ReadonlyMap<number, readonly [number, number]> {
  const loads = new Map<number, readonly [number, number]>();
  for (const { links, beforeBps, afterBps } of tunnels) {
    for (const link of links) {
      const [before, after] = loads.get(link) ?? [0, 0];
      loads.set(link, [before + beforeBps, after + afterBps]);
    }
  }
  return loads;
}

function loadsOf(topology: Topology, groups: readonly Group[], figure: "beforeBps" | "afterBps"): Float64Array {
  const loads = new Float64Array(topology.links.length);
  for (const { tunnels } of groups)
    for (const each of tunnels) for (const link of each.links) loads[link] = (loads[link] ?? 0) + each[figure];
  return loads;
}

/** Tunnels are followed by their label rules; nothing is repaired on the way. */
function groupsOf(topology: Topology, installed: RuleSet, target: RuleSet): readonly Group[] {
  const index = new Map<LinkId, number>(topology.links.map(({ id }, i) => [id, i]));
  const groups = new Map<string, Map<string, { links: readonly number[]; beforeBps: number; afterBps: number }>>();
  for (const [figure, rules] of [
    ["beforeBps", installed],
    ["afterBps", target],
  ] as const) {
    for (const [nodeId, ofNode] of rules) {
      for (const [key, rule] of ofNode) {
        if (rule.kind !== "ingress") continue;
        const name = `${nodeId} ${key}`;
        const tunnels = groups.get(name) ?? new Map<string, { links: readonly number[]; beforeBps: number; afterBps: number }>();
        groups.set(name, tunnels);
        for (const { bucket, rateBps } of ratesOf(ofNode, rule)) {
          const tunnel = `${bucket.pushLabel} ${bucket.output}`;
          const there = tunnels.get(tunnel) ?? { links: linksOf(topology, index, rules, bucket), beforeBps: 0, afterBps: 0 };
          tunnels.set(tunnel, there);
          there[figure] = rateBps;
        }
      }
    }
  }
  return [...groups.values()].map((tunnels) => ({ tunnels: [...tunnels.values()] }));
}

function ratesOf(rules: NodeRules, { meterId, groupId }: { readonly meterId: number; readonly groupId: number }) {
  const meter = rules.get(`meter/${meterId}`);
  const group = rules.get(`group/${groupId}`);
  if (meter?.kind !== "meter" || group?.kind !== "group") return [];
  const sum = group.buckets.reduce((total, { weight }) => total + weight, 0);
  return group.buckets.map((bucket) => ({ bucket, rateBps: (meter.rateBps * bucket.weight) / sum }));
}

function linksOf(topology: Topology, index: ReadonlyMap<LinkId, number>, rules: RuleSet, { pushLabel, output }: Bucket): readonly number[] {
  const links: number[] = [];
  const visited = new Set<string>();
  let next: LinkId | undefined = output;
  while (next !== undefined) {
    const link = topology.linkById.get(next);
    const i = index.get(next);
    if (link === undefined || i === undefined || visited.has(link.to)) break;
    links.push(i);
    visited.add(link.to);
    const rule = rules.get(link.to)?.get(`label/${pushLabel}`);
    next = rule?.kind === "label" && rule.action.kind === "output" ? rule.action.link : undefined;
  }
  return links;
}
