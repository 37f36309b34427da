/**
 * From a plan's bypasses to failover groups and label rules, and which bypass stands in for which hop of a tunnel:
 *
 *   at u, start of the protected link e:   failover group   1. e   2. push the bypass's label, out by its first link
 *   inside the bypass:                     label -> output the next link
 *   the last node before the merge point:  label -> pop, output the last link
 *
 * A bypass of one link pushes no label: its packets are at the merge point at once. The group's number belongs to e and the merge point, and stays
 * when another bypass takes the place of this one: then the group changes, and none of the rules that send packets through it.
 */
import {
  assert,
  fault,
  ok,
  refuse,
  type Bypass,
  type FailoverRule,
  type Fault,
  type LinkId,
  type NodeId,
  type Path,
  type Plan,
  type Result,
  type Rule,
  type Topology,
} from "@sluice/model";
import type { Assignments } from "./assignments.js";

export interface Repairs {
  /**
   * The failover group by which a tunnel of this path leaves by its `hop`th link: that of the bypass around the node behind it to the node
   * after that one, or that of the bypass around the link; undefined where there is neither. O(1).
   */
  readonly failoverIdOf: (path: Path, hop: number) => number | undefined;
  /** The rules of every failover group that `failoverIdOf` has named: groups and label rules, in order of bypass id. */
  readonly rules: () => Iterable<readonly [NodeId, Rule]>;
}

interface Repair {
  readonly start: NodeId;
  readonly failover: FailoverRule;
  readonly labels: readonly (readonly [NodeId, Rule])[];
}

/** The bypasses of one protected link. */
interface Around {
  link: Repair | undefined;
  /** By merge point, of those that avoid the link's end. */
  readonly nodes: Map<NodeId, Repair>;
}

/**
 * Checks the bypasses of a plan and gives each its rules. Where several protect the same hop, the first in order of id does.
 *
 * Faults: `dangling-reference` where a bypass has no label or no failover number, or takes links that do not join or are not in the topology; `not-allowed` where
 * it does not lead from the start of its link around it. O(bypasses x hops).
 */
export function repairsOf(topology: Topology, plan: Plan, assignments: Assignments): Result<Repairs> {
  const aroundOf = new Map<LinkId, Around>();
  const used = new Set<Repair>();
  const known: Repair[] = [];
  for (const bypass of plan.protection?.bypasses ?? []) {
    const made = repairOf(topology, bypass, assignments);
    if (!made.ok) return made;
    const { repair, merge } = made.value;
    known.push(repair);
    let around = aroundOf.get(bypass.protects);
    if (around === undefined) aroundOf.set(bypass.protects, (around = { link: undefined, nodes: new Map() }));
    if (bypass.avoids === undefined) around.link ??= repair;
    else if (!around.nodes.has(merge)) around.nodes.set(merge, repair);
  }
  const endOf = (linkId: LinkId | undefined) => (linkId === undefined ? undefined : topology.linkById.get(linkId)?.to);
  return ok({
    failoverIdOf: (path, hop) => {
      const linkId = path[hop];
      const around = linkId === undefined ? undefined : aroundOf.get(linkId);
      if (around === undefined) return undefined;
      const merge = around.nodes.size === 0 ? undefined : endOf(path[hop + 1]);
      const repair = (merge === undefined ? undefined : around.nodes.get(merge)) ?? around.link;
      if (repair !== undefined) used.add(repair);
      return repair?.failover.failoverId;
    },
    *rules() {
      for (const repair of known) {
        if (!used.has(repair)) continue;
        yield* repair.labels;
        yield [repair.start, repair.failover];
      }
    },
  });
}

function repairOf(
  topology: Topology,
  bypass: Bypass,
  { labelByTunnel, failoverByRepair }: Assignments,
): Result<{ readonly repair: Repair; readonly merge: NodeId }> {
  const label = labelByTunnel.get(bypass.id);
  if (label === undefined) return refuse(fault("dangling-reference", `The assignments have no label for bypass ${bypass.id}.`));
  const nodes = nodesOf(topology, bypass);
  if (!nodes.ok) return nodes;
  const misled = astray(topology, bypass, nodes.value);
  if (misled !== undefined) return refuse(misled);
  const [start] = nodes.value;
  const merge = nodes.value.at(-1);
  const [output] = bypass.path;
  assert(start !== undefined && merge !== undefined && output !== undefined, "a way around a link is not empty");
  // Where failover groups have no numbers of their own, theirs are their bypasses' labels.
  const failoverId = failoverByRepair === undefined ? label : failoverByRepair.get(bypass.protects)?.get(merge);
  if (failoverId === undefined)
    return refuse(
      fault("dangling-reference", `The assignments have no failover number for link ${bypass.protects} and merge point ${merge}.`),
    );
  const last = bypass.path.length - 1;
  const around = last === 0 ? { output } : { output, pushLabel: label };
  const labels = bypass.path.flatMap((link, hop): readonly (readonly [NodeId, Rule])[] => {
    const at = nodes.value[hop];
    if (hop === 0 || at === undefined) return [];
    return [[at, { kind: "label", match: { label }, action: { kind: hop === last ? "pop-output" : "output", link } }]];
  });
  return ok({
    repair: { start, failover: { kind: "failover", failoverId, buckets: [{ output: bypass.protects }, around] }, labels },
    merge,
  });
}

/** The nodes along a bypass. */
function nodesOf(topology: Topology, { id, path }: Bypass): Result<readonly NodeId[]> {
  const nodes: NodeId[] = [];
  for (const linkId of path) {
    const link = topology.linkById.get(linkId);
    if (link === undefined || (nodes.length > 0 && nodes.at(-1) !== link.from)) {
      return refuse(fault("dangling-reference", `Bypass ${id} takes link ${linkId}, where the topology has no such link.`));
    }
    if (nodes.length === 0) nodes.push(link.from);
    nodes.push(link.to);
  }
  return ok(nodes);
}

/** A bypass that does not do what it is there for. */
function astray(topology: Topology, { id, protects, avoids, path }: Bypass, nodes: readonly NodeId[]): Fault | undefined {
  const link = topology.linkById.get(protects);
  if (link === undefined) return fault("dangling-reference", `Bypass ${id} protects link ${protects}, which the topology does not have.`);
  const isAround =
    nodes[0] === link.from &&
    !path.includes(protects) &&
    new Set(nodes).size === nodes.length &&
    (avoids === undefined ? nodes.at(-1) === link.to : avoids === link.to && !nodes.includes(avoids));
  return isAround ? undefined : fault("not-allowed", `Bypass ${id} does not lead around link ${protects} from its start.`);
}
