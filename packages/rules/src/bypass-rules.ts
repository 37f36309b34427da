/**
 * Adds failover groups and bypasses to rules without them, by rules alone and as dumbly as can be: for tests of what follows packets, apart
 * from `compileRules`. Protects every link that has a way around, and with `avoidNodes` the node after it as well where a tunnel goes on.
 */
import {
  cablesOf,
  type Bucket,
  type FailoverRule,
  type LabelAction,
  type LinkId,
  type NodeId,
  type Path,
  type Rule,
  type RuleKey,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import { simplePaths } from "./arbitrary.js";

/** Bypass labels begin here, above those of small plans. */
export const bypassLabelMin = 5000;
/** Numbers of failover groups begin here: they are no labels. */
const failoverIdMin = 9000;

/** `pick` chooses among the ways around a link. */
export interface BypassChoice {
  readonly avoidNodes: boolean;
  readonly pick: number;
}

export interface BypassMade {
  readonly label: number;
  readonly failoverId: number;
  readonly protects: LinkId;
  readonly path: Path;
}

export function withBypasses(
  topology: Topology,
  rules: RuleSet,
  { avoidNodes, pick }: BypassChoice,
): { readonly rules: RuleSet; readonly bypasses: readonly BypassMade[] } {
  const made = new Map<NodeId, Map<RuleKey, Rule>>(topology.nodes.map(({ id }) => [id, new Map(rules.get(id))]));
  const bypasses = new Map<string, BypassMade | undefined>();
  const cableOf = new Map(cablesOf(topology).flatMap(({ linkIds }) => linkIds.map((id) => [id, linkIds] as const)));

  /** The bypass around `linkId` to its end, or to the end of `then`, made where it is first asked for. */
  const bypassOf = (linkId: LinkId, then: LinkId | undefined): BypassMade | undefined => {
    const link = topology.linkById.get(linkId);
    const merge = then === undefined ? link?.to : topology.linkById.get(then)?.to;
    if (link === undefined || merge === undefined || merge === link.from) return undefined;
    const name = `${linkId} ${then === undefined ? "" : merge}`;
    if (bypasses.has(name)) return bypasses.get(name);
    const gone = new Set<string>(cableOf.get(linkId) ?? []);
    const links = topology.links.filter(
      ({ id, from, to }) => !gone.has(id) && (then === undefined || (from !== link.to && to !== link.to)),
    );
    const ways = simplePaths({ ...topology, links }, { src: link.from, dst: merge }, 8);
    const path = ways[(pick + linkId.length) % Math.max(1, ways.length)];
    const label = bypassLabelMin + bypasses.size;
    const failoverId = failoverIdMin + bypasses.size;
    const bypass = path === undefined ? undefined : { label, failoverId, protects: linkId, path };
    bypasses.set(name, bypass);
    if (bypass !== undefined) install(bypass);
    return bypass;
  };
  const install = ({ label, failoverId, protects, path }: BypassMade): void => {
    const [first] = path;
    const head = topology.linkById.get(protects)?.from;
    if (first === undefined || head === undefined) return;
    const failover: FailoverRule = {
      kind: "failover",
      failoverId,
      buckets: [{ output: protects }, path.length === 1 ? { output: first } : { output: first, pushLabel: label }],
    };
    made.get(head)?.set(`failover/${failoverId}`, failover);
    path.slice(1).forEach((link, i) => {
      const at = topology.linkById.get(link)?.from;
      const kind = i === path.length - 2 ? ("pop-output" as const) : ("output" as const);
      if (at !== undefined) made.get(at)?.set(`label/${label}`, { kind: "label", match: { label }, action: { kind, link } });
    });
  };
  /** What a packet that leaves by `output` under this label is repaired by. */
  const repairOf = (output: LinkId, label: number): number | undefined => {
    const next = rules.get(topology.linkById.get(output)?.to ?? ("" as NodeId))?.get(`label/${label}`);
    const then = next?.kind === "label" && next.action.kind === "output" ? next.action.link : undefined;
    return ((avoidNodes && then !== undefined ? bypassOf(output, then) : undefined) ?? bypassOf(output, undefined))?.failoverId;
  };
  for (const [nodeId, ofNode] of rules) {
    for (const [key, rule] of ofNode) {
      if (rule.kind === "label" && rule.action.kind === "output") {
        const failoverId = repairOf(rule.action.link, rule.match.label);
        if (failoverId !== undefined) made.get(nodeId)?.set(key, { ...rule, action: { ...rule.action, failoverId } });
      } else if (rule.kind === "group") {
        const buckets = rule.buckets.map((bucket): Bucket => {
          const failoverId = repairOf(bucket.output, bucket.pushLabel);
          return failoverId === undefined ? bucket : { ...bucket, failoverId };
        });
        made.get(nodeId)?.set(key, { ...rule, buckets });
      }
    }
  }
  return { rules: made, bypasses: [...bypasses.values()].flatMap((bypass) => (bypass === undefined ? [] : [bypass])) };
}

/** The same with the actions of bypasses' label rules changed. */
export function withBypassActions(rules: RuleSet, change: (action: LabelAction) => LabelAction): RuleSet {
  const changed = (rule: Rule): Rule =>
    rule.kind === "label" && rule.match.label >= bypassLabelMin ? { ...rule, action: change(rule.action) } : rule;
  return new Map([...rules].map(([id, ofNode]) => [id, new Map([...ofNode].map(([key, rule]) => [key, changed(rule)]))]));
}

/** What must never be: bypasses that are repaired themselves. */
export function withRepairedBypasses(rules: RuleSet, bypasses: readonly BypassMade[]): RuleSet {
  const byLink = new Map(bypasses.map(({ protects, failoverId }) => [protects, failoverId]));
  return withBypassActions(rules, (action) =>
    action.kind === "output" && byLink.has(action.link) ? { ...action, failoverId: byLink.get(action.link) } : action,
  );
}
