/**
 * Who has which number. A label belongs to a tunnel or a bypass in the whole network (a bypass's names its failover group as well), a
 * group and a meter number to a flow group at its ingress. Numbers stay while their owner is in use; freed ones come back as late as possible, because a switch that missed an
 * update may still hold rules under them.
 */
import {
  compareText,
  fault,
  flowGroupId,
  labelMax,
  labelMin,
  ok,
  refuse,
  type FlowGroup,
  type FlowGroupId,
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
  readonly ingressByNode: ReadonlyMap<NodeId, IngressNumbers>;
}

export const emptyAssignments: Assignments = { labelNext: labelMin, labelByTunnel: new Map(), ingressByNode: new Map() };

export interface AssignOptions {
  /** Labels that switches are known to hold although no tunnel of `before` has them: never given out. */
  readonly labelsReserved?: ReadonlySet<number>;
}

/**
 * The assignments of a plan: owners that stay keep their numbers, new ones get free ones in the order of their ids, those that
 * left lose theirs. What is freed by this very step is not given out before the next: it is still installed. Backup tunnels and bypasses
 * of the plan's protection have labels like tunnels.
 *
 * Faults: `labels-exhausted` where tunnels and bypasses before and after together need more than 2^20 - 16 labels; `dangling-reference` where
 * a group starts at a node that the topology does not have. O(tunnels + bypasses + groups + nodes), and one turn of the label cursor at most.
 */
export function assign(before: Assignments, plan: Plan, topology: TopologyDocument, options: AssignOptions = {}): Result<Assignments> {
  const labels = assignLabels(before, plan, options.labelsReserved ?? new Set());
  if (!labels.ok) return labels;
  const ingresses = assignIngresses(before, plan, topology);
  if (!ingresses.ok) return ingresses;
  return ok({ ...labels.value, ingressByNode: ingresses.value });
}

function assignLabels(
  before: Assignments,
  plan: Plan,
  reserved: ReadonlySet<number>,
): Result<Pick<Assignments, "labelNext" | "labelByTunnel">> {
  const taken = new Set(before.labelByTunnel.values());
  for (const label of reserved) taken.add(label);
  const cursor = freeNumbers({ first: labelMin, last: labelMax, next: before.labelNext, taken });
  const labelByTunnel = new Map<TunnelId, number>();
  const { backupTunnels = [], bypasses = [] } = plan.protection ?? {};
  const owners = [...plan.tunnels, ...backupTunnels, ...bypasses].map(({ id }) => id);
  for (const id of owners.sort(compareText)) {
    const label = before.labelByTunnel.get(id) ?? cursor.take();
    if (label === undefined) {
      return refuse(
        fault("labels-exhausted", `No free label is left for ${id}: ${taken.size} are in use, being freed or reserved.`, {
          data: { tunnels: owners.length, labels: labelMax - labelMin + 1 },
        }),
      );
    }
    labelByTunnel.set(id, label);
  }
  return ok({ labelNext: cursor.next(), labelByTunnel });
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
