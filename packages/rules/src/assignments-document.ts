/** Assignments as plain JSON, for the store; read back with the same strictness as any other input. */
import {
  admit,
  compareText,
  fault,
  faultsListedMax,
  flowGroupId,
  labelMax,
  labelMin,
  linkIdSchema,
  nodeIdSchema,
  ok,
  pointerOf,
  trafficClassSchema,
  tunnelIdSchema,
  type Fault,
  type LinkId,
  type NodeId,
  type Result,
  type TunnelId,
} from "@sluice/model";
import { z } from "zod";
import { groupNumberMax, type AssignedNumber, type Assignments, type FailoverNumbers, type IngressNumbers } from "./assignments.js";

const labelSchema = z.int().min(labelMin).max(labelMax);
const numberSchema = z.int().min(1).max(groupNumberMax);

export const assignmentsSchema = z.strictObject({
  kind: z.literal("assignments"),
  labelNext: labelSchema,
  tunnels: z.array(z.strictObject({ tunnelId: tunnelIdSchema, label: labelSchema })).max(labelMax - labelMin + 1),
  /** Absent in what was stored before failover groups had numbers of their own. */
  failovers: z
    .array(z.strictObject({ linkId: linkIdSchema, mergeId: nodeIdSchema, number: labelSchema }))
    .max(labelMax - labelMin + 1)
    .optional(),
  ingresses: z.array(
    z.strictObject({
      nodeId: nodeIdSchema,
      numberNext: numberSchema,
      groups: z.array(z.strictObject({ dst: nodeIdSchema, trafficClass: trafficClassSchema, number: numberSchema })),
    }),
  ),
});

export type AssignmentsDocument = Readonly<z.output<typeof assignmentsSchema>>;

/** Sorted by tunnel, link and merge point, node and number, so that equal assignments give equal bytes. O(n log n). */
export function assignmentsDocument(assignments: Assignments): AssignmentsDocument {
  return {
    kind: "assignments",
    labelNext: assignments.labelNext,
    tunnels: [...assignments.labelByTunnel]
      .map(([tunnelId, label]) => ({ tunnelId, label }))
      .sort((a, b) => compareText(a.tunnelId, b.tunnelId)),
    ...(assignments.failoverByRepair === undefined ? {} : { failovers: failoversOf(assignments.failoverByRepair) }),
    ingresses: [...assignments.ingressByNode.values()]
      .sort((a, b) => compareText(a.nodeId, b.nodeId))
      .map(({ nodeId, numberNext, numberByGroup }) => ({
        nodeId,
        numberNext,
        groups: [...numberByGroup.values()]
          .map(({ dst, trafficClass, number }) => ({ dst, trafficClass, number }))
          .sort((a, b) => a.number - b.number),
      })),
  };
}

function failoversOf(failoverByRepair: FailoverNumbers): NonNullable<AssignmentsDocument["failovers"]> {
  return [...failoverByRepair]
    .flatMap(([linkId, byMerge]) => [...byMerge].map(([mergeId, number]) => ({ linkId, mergeId, number })))
    .sort((a, b) => compareText(a.linkId, b.linkId) || compareText(a.mergeId, b.mergeId));
}

/**
 * Refuses unknown fields, numbers out of range, and a tunnel, label, failover group, node, flow group or number that occurs twice. (A failover group
 * may have a label's number: what was numbered by its bypass's label stays so.)
 */
export function parseAssignments(value: unknown): Result<Assignments> {
  const admitted = admit(assignmentsSchema, value);
  if (!admitted.ok) return admitted;
  const document = admitted.value;
  const faults: Fault[] = [];
  const claim = <K>(seen: Set<K>, key: K, what: string, path: readonly PropertyKey[]) => {
    if (seen.has(key) && faults.length < faultsListedMax) {
      faults.push(fault("duplicate-id", `${what} ${String(key)} is assigned twice.`, { pointer: pointerOf(path) }));
    }
    seen.add(key);
  };

  const labelByTunnel = new Map<TunnelId, number>();
  const tunnels = new Set<TunnelId>();
  const labels = new Set<number>();
  document.tunnels.forEach(({ tunnelId, label }, i) => {
    claim(tunnels, tunnelId, "Tunnel", ["tunnels", i, "tunnelId"]);
    claim(labels, label, "Label", ["tunnels", i, "label"]);
    labelByTunnel.set(tunnelId, label);
  });

  const failoverByRepair = document.failovers === undefined ? undefined : new Map<LinkId, Map<NodeId, number>>();
  const repairs = new Set<string>();
  const failoverNumbers = new Set<number>();
  document.failovers?.forEach(({ linkId, mergeId, number }, i) => {
    claim(repairs, JSON.stringify([linkId, mergeId]), "Failover group", ["failovers", i]);
    claim(failoverNumbers, number, "Failover number", ["failovers", i, "number"]);
    const ofLink = failoverByRepair?.get(linkId);
    if (ofLink === undefined) failoverByRepair?.set(linkId, new Map([[mergeId, number]]));
    else ofLink.set(mergeId, number);
  });

  const ingressByNode = new Map<NodeId, IngressNumbers>();
  const nodes = new Set<NodeId>();
  document.ingresses.forEach(({ nodeId, numberNext, groups }, i) => {
    claim(nodes, nodeId, "Node", ["ingresses", i, "nodeId"]);
    const numbers = new Set<number>();
    const ids = new Set<string>();
    const numberByGroup = new Map<ReturnType<typeof flowGroupId>, AssignedNumber>();
    groups.forEach(({ dst, trafficClass, number }, j) => {
      const id = flowGroupId({ src: nodeId, dst, trafficClass });
      claim(ids, id, "Flow group", ["ingresses", i, "groups", j]);
      claim(numbers, number, "Number", ["ingresses", i, "groups", j, "number"]);
      numberByGroup.set(id, { src: nodeId, dst, trafficClass, number });
    });
    ingressByNode.set(nodeId, { nodeId, numberNext, numberByGroup });
  });
  const [first, ...rest] = faults;
  return first === undefined
    ? ok({
        labelNext: document.labelNext,
        labelByTunnel,
        ...(failoverByRepair === undefined ? {} : { failoverByRepair }),
        ingressByNode,
      })
    : { ok: false, faults: [first, ...rest] };
}
