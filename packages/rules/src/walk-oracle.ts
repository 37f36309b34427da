/**
 * The dumb walk of an update, for tests: lists every reachable state of a tiny network one by one, builds its rules, and follows
 * every packet. Exponential, and shares nothing with the walk it checks.
 */
import type { LinkId, NodeId, Rule, RuleSet, Topology } from "@sluice/model";
import { applyOperations } from "./diff.js";
import type { StageMessage, UpdatePlan } from "./update-plan.js";

export interface OracleReport {
  /** `kind ingress-node ingress-key label at-node` of everything wrong in some state, sorted. */
  readonly violations: readonly string[];
  /** Largest load of each link in some state, old and new mixed within messages that are being obeyed. */
  readonly peakBps: ReadonlyMap<LinkId, number>;
  readonly states: number;
}

/** How many of its messages each node has obeyed. */
type Progress = ReadonlyMap<NodeId, number>;

export function walkAllStates(topology: Topology, installed: RuleSet, plan: UpdatePlan): OracleReport {
  const messages = new Map<NodeId, { readonly message: StageMessage; readonly stage: number }[]>();
  plan.stages.forEach((stage, position) => {
    for (const message of stage.messages) {
      messages.set(message.nodeId, [...(messages.get(message.nodeId) ?? []), { message, stage: position }]);
    }
  });
  const mayObeyNext = (progress: Progress, nodeId: NodeId) => {
    const next = messages.get(nodeId)?.[progress.get(nodeId) ?? 0];
    return (
      next !== undefined &&
      next.message.waitsFor.every((other) =>
        (messages.get(other) ?? []).every(({ stage }, i) => stage >= next.stage || i < (progress.get(other) ?? 0)),
      )
    );
  };
  const rulesAt = (progress: Progress): RuleSet =>
    new Map(
      topology.nodes.map(({ id }) => {
        const done = (messages.get(id) ?? []).slice(0, progress.get(id) ?? 0);
        return [
          id,
          done.reduce((rules, { message }) => applyOperations(rules, message.operations), installed.get(id) ?? new Map<string, Rule>()),
        ];
      }),
    );

  const start: Progress = new Map([...messages.keys()].map((nodeId) => [nodeId, 0]));
  const queue: Progress[] = [start];
  const seen = new Set([JSON.stringify([...start])]);
  const violations = new Set<string>();
  const peakBps = new Map<LinkId, number>();
  for (let head = 0; head < queue.length; head += 1) {
    const progress = queue[head] ?? start;
    const able = [...messages.keys()].filter((nodeId) => mayObeyNext(progress, nodeId));
    const loads = new Map<LinkId, number>();
    const now = flowLoads(topology, rulesAt(progress), violations);
    const then = flowLoads(topology, rulesAt(new Map([...progress].map(([id, n]) => [id, able.includes(id) ? n + 1 : n]))), new Set());
    for (const flow of new Set([...now.keys(), ...then.keys()])) {
      const [before, after] = [now.get(flow), then.get(flow)];
      for (const link of new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])) {
        loads.set(link, (loads.get(link) ?? 0) + Math.max(before?.get(link) ?? 0, after?.get(link) ?? 0));
      }
    }
    for (const [link, bps] of loads) peakBps.set(link, Math.max(peakBps.get(link) ?? 0, bps));
    for (const nodeId of able) {
      const next = new Map(progress).set(nodeId, (progress.get(nodeId) ?? 0) + 1);
      const name = JSON.stringify([...next]);
      if (seen.has(name)) continue;
      seen.add(name);
      queue.push(next);
    }
  }
  return { violations: [...violations].sort(), peakBps, states: queue.length };
}

/** Follows every packet of one state; what each flow puts on each link. */
function flowLoads(topology: Topology, rules: RuleSet, violations: Set<string>): Map<string, Map<LinkId, number>> {
  const flows = new Map<string, Map<LinkId, number>>();
  for (const [nodeId, ofNode] of rules) {
    for (const [key, ingress] of ofNode) {
      if (ingress.kind !== "ingress") continue;
      const loads = new Map<LinkId, number>();
      flows.set(`${nodeId} ${key}`, loads);
      const meter = ofNode.get(`meter/${ingress.meterId}`);
      const group = ofNode.get(`group/${ingress.groupId}`);
      const egress = topology.nodes.find(({ prefix }) => prefix === ingress.match.dstPrefix)?.id;
      if (meter?.kind !== "meter" || group?.kind !== "group" || egress === undefined) {
        violations.add(`dangling ${nodeId} ${key}`);
        continue;
      }
      const sum = group.buckets.reduce((total, { weight }) => total + weight, 0);
      for (const { weight, pushLabel, output } of group.buckets) {
        const passed: NodeId[] = [];
        let out: LinkId | undefined = output;
        while (out !== undefined) {
          const id: LinkId = out;
          const link = topology.links.find((each) => each.id === id);
          if (link === undefined) break;
          loads.set(id, (loads.get(id) ?? 0) + (meter.rateBps * weight) / sum);
          const rule = rules.get(link.to)?.get(`label/${pushLabel}`);
          out = undefined;
          if (passed.includes(link.to)) violations.add(`loop ${nodeId} ${key} ${pushLabel} ${link.to}`);
          else if (rule?.kind !== "label") violations.add(`blackhole ${nodeId} ${key} ${pushLabel} ${link.to}`);
          else if (rule.action.kind === "output") out = rule.action.link;
          else if (link.to !== egress) violations.add(`wrong-egress ${nodeId} ${key} ${pushLabel} ${link.to}`);
          passed.push(link.to);
        }
      }
    }
  }
  return flows;
}
