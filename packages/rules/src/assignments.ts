/**
 * Who has which number. A label belongs to a tunnel or a bypass in the whole network, a failover number to a protected link and a merge point,
 * whichever bypass leads from the one to the other; a group and a meter number to a flow group at its ingress. Numbers stay while their owner is in
 * use; freed ones come back as late as possible, because a switch that missed an update may still hold rules under them.
 */
import {
  compareText,
  fault,
  flowGroupId,
  labelMax,
  labelMin,
  ok,
  refuse,
  type Bypass,
  type FlowGroup,
  type FlowGroupId,
  type LinkId,
  type NodeId,
  type Plan,
  type Result,
  type TopologyDocument,
  type TunnelId,
} from "@sluice/model";

/**
 * One number names a flow group's meter and its group. OpenFlow's OFPM_MAX is 0xffff0000 and OFPG_MAX 0xffffff00; what is above this and
 * below those is for failover groups (`openflow.ts`).
 */
export const groupNumberMax = 0xffdfffff;

/** The numbers of one ingress switch. */
export interface IngressNumbers {
  readonly nodeId: NodeId;
  /** Where the search for a free number starts. */
  readonly numberNext: number;
  readonly numberByGroup: ReadonlyMap<FlowGroupId, AssignedNumber>;
}

export interface AssignedNumber extends FlowGroup {
  readonly number: number;
}

export interface Assignments {
  /** Where the search for a free label starts; moves on over all labels before one comes back. */
  readonly labelNext: number;
  /** Of tunnels, backup tunnels and bypasses, by their ids. */
  readonly labelByTunnel: ReadonlyMap<TunnelId, number>;
  /**
   * Failover numbers, by protected link and merge point: one space with the labels, so that no number is given out twice. Left out in assignments of
   * before there were any, where a failover group has its bypass's label for its number: what was compiled from those comes out as it did.
   */
  readonly failoverByRepair?: FailoverNumbers | undefined;
  readonly ingressByNode: ReadonlyMap<NodeId, IngressNumbers>;
}

export type FailoverNumbers = ReadonlyMap<LinkId, ReadonlyMap<NodeId, number>>;

export const emptyAssignments: Assignments = {
  labelNext: labelMin,
  labelByTunnel: new Map(),
  failoverByRepair: new Map(),
  ingressByNode: new Map(),
};

export interface AssignOptions {
  /** Labels and failover numbers that switches are known to hold although nothing of `before` has them: never given out. */
  readonly labelsReserved?: ReadonlySet<number>;
}

/**
 * The assignments of a plan: owners that stay keep their numbers, new ones get free ones in the order of their ids, those that
 * left lose theirs. What is freed by this very step is not given out before the next: it is still installed. Backup tunnels and bypasses
 * of the plan's protection have labels like tunnels, and where `before` has failover numbers, so have its links and merge points.
 *
 * Faults: `labels-exhausted` where tunnels, bypasses and failover groups before and after together need more than 2^20 - 16 numbers; `dangling-reference`
 * where a group starts at a node that the topology does not have. O(tunnels + bypasses + groups + links + nodes), and one turn of the label cursor at most.
 */
export function assign(before: Assignments, plan: Plan, topology: TopologyDocument, options: AssignOptions = {}): Result<Assignments> {
  const labels = assignLabels(before, plan, topology, options.labelsReserved ?? new Set());
  if (!labels.ok) return labels;
  const ingresses = assignIngresses(before, plan, topology);
  if (!ingresses.ok) return ingresses;
  return ok({ ...labels.value, ingressByNode: ingresses.value });
}

/** Every number that the assignments have from the range of labels. */
export function* labelsAndFailovers({ labelByTunnel, failoverByRepair = new Map() }: Assignments): Generator<number> {
  yield* labelByTunnel.values();
  for (const ofLink of failoverByRepair.values()) yield* ofLink.values();
}

/**
 * The bypass of each protected link and merge point: where several lead from the one to the other, the first in the plan's order. One that does
 * not end in this topology has no merge point, and is left to `compileRules` to refuse. O(links + bypasses).
 */
function repairsOfPlan({ protection }: Plan, { links }: TopologyDocument): ReadonlyMap<LinkId, ReadonlyMap<NodeId, Bypass>> {
  const endOf = new Map(links.map(({ id, to }) => [id, to]));
  const repairs = new Map<LinkId, Map<NodeId, Bypass>>();
  for (const bypass of protection?.bypasses ?? []) {
    const last = bypass.path.at(-1);
    const merge = last === undefined ? undefined : endOf.get(last);
    if (merge === undefined) continue;
    const ofLink = repairs.get(bypass.protects);
    if (ofLink === undefined) repairs.set(bypass.protects, new Map([[merge, bypass]]));
    else if (!ofLink.has(merge)) ofLink.set(merge, bypass);
  }
  return repairs;
}

/**
 * The same assignments with failover numbers, where they are from before there were any: each failover group of the plan that they are of keeps the
 * number it has, its bypass's label, and no rule changes for that. O(links + bypasses).
 */
export function withFailoverNumbers(assignments: Assignments, plan: Plan | undefined, topology: TopologyDocument | undefined): Assignments {
  if (assignments.failoverByRepair !== undefined) return assignments;
  const failoverByRepair = new Map<LinkId, Map<NodeId, number>>();
  const repairs = plan === undefined || topology === undefined ? [] : repairsOfPlan(plan, topology);
  for (const [linkId, byMerge] of repairs) {
    const numbers = [...byMerge].flatMap(([merge, { id }]) => {
      const label = assignments.labelByTunnel.get(id);
      return label === undefined ? [] : [[merge, label] as const];
    });
    if (numbers.length > 0) failoverByRepair.set(linkId, new Map(numbers));
  }
  return { ...assignments, failoverByRepair };
}

function assignLabels(
  before: Assignments,
  plan: Plan,
  topology: TopologyDocument,
  reserved: ReadonlySet<number>,
): Result<Omit<Assignments, "ingressByNode">> {
  const taken = new Set(labelsAndFailovers(before));
  for (const label of reserved) taken.add(label);
  const cursor = freeNumbers({ first: labelMin, last: labelMax, next: before.labelNext, taken });
  const labelByTunnel = new Map<TunnelId, number>();
  const { backupTunnels = [], bypasses = [] } = plan.protection ?? {};
  const owners = [...plan.tunnels, ...backupTunnels, ...bypasses].map(({ id }) => id);
  const exhausted = (owner: string) =>
    refuse(
      fault("labels-exhausted", `No free label is left for ${owner}: ${taken.size} are in use, being freed or reserved.`, {
        data: { tunnels: owners.length, labels: labelMax - labelMin + 1 },
      }),
    );
  for (const id of owners.sort(compareText)) {
    const label = before.labelByTunnel.get(id) ?? cursor.take();
    if (label === undefined) return exhausted(id);
    labelByTunnel.set(id, label);
  }
  if (before.failoverByRepair === undefined) return ok({ labelNext: cursor.next(), labelByTunnel });
  const failoverByRepair = new Map<LinkId, Map<NodeId, number>>();
  for (const [linkId, byMerge] of [...repairsOfPlan(plan, topology)].sort(([a], [b]) => compareText(a, b))) {
    const numbers = new Map<NodeId, number>();
    for (const merge of [...byMerge.keys()].sort(compareText)) {
      const number = before.failoverByRepair.get(linkId)?.get(merge) ?? cursor.take();
      if (number === undefined) return exhausted(`the failover group of ${linkId} to ${merge}`);
      numbers.set(merge, number);
    }
    failoverByRepair.set(linkId, numbers);
  }
  return ok({ labelNext: cursor.next(), labelByTunnel, failoverByRepair });
}

function assignIngresses(before: Assignments, plan: Plan, topology: TopologyDocument): Result<Assignments["ingressByNode"]> {
  const groupsByNode = new Map<NodeId, FlowGroup[]>();
  for (const group of plan.groups) {
    const groups = groupsByNode.get(group.src);
    if (groups === undefined) groupsByNode.set(group.src, [group]);
    else groups.push(group);
  }
  const ingressByNode = new Map<NodeId, IngressNumbers>();
  for (const { id: nodeId } of topology.nodes) {
    const known = before.ingressByNode.get(nodeId);
    const groups = groupsByNode.get(nodeId);
    groupsByNode.delete(nodeId);
    if (known === undefined && groups === undefined) continue;
    const taken = new Set([...(known?.numberByGroup.values() ?? [])].map(({ number }) => number));
    const cursor = freeNumbers({ first: 1, last: groupNumberMax, next: known?.numberNext ?? 1, taken });
    const numberByGroup = new Map<FlowGroupId, AssignedNumber>();
    for (const { src, dst, trafficClass } of groups ?? []) {
      const id = flowGroupId({ src, dst, trafficClass });
      const number = known?.numberByGroup.get(id)?.number ?? cursor.take();
      if (number === undefined) return refuse(fault("too-many", `Node ${nodeId} has no group number left for ${id}.`));
      numberByGroup.set(id, { src, dst, trafficClass, number });
    }
    ingressByNode.set(nodeId, { nodeId, numberNext: cursor.next(), numberByGroup });
  }
  const [astray] = groupsByNode.keys();
  return astray === undefined
    ? ok(ingressByNode)
    : refuse(fault("dangling-reference", `A group of the plan starts at node ${astray}, which the topology does not have.`));
}

/** Hands out the numbers of a range that are not taken, from `next` on and around; each at most once. */
function freeNumbers(range: { readonly first: number; readonly last: number; readonly next: number; readonly taken: Set<number> }) {
  const { first, last, taken } = range;
  const size = last - first + 1;
  let position = range.next;
  let passed = 0;
  return {
    next: () => position,
    take(): number | undefined {
      for (; passed < size; passed += 1) {
        const number = position;
        position = position === last ? first : position + 1;
        if (taken.has(number)) continue;
        taken.add(number);
        passed += 1;
        return number;
      }
      return undefined;
    },
  };
}
