/** Incremental changes of a topology between protobuf and the domain. */
import {
  admit,
  changesMax,
  fault,
  pointerOf,
  refuse,
  topologyChangeSchema,
  unreachable,
  type Fault,
  type Link,
  type Result,
  type TopologyChange,
} from "@sluice/model";
import type * as wire from "../generated/sluice/v1/topology.js";
import { drainCodec, linkInput, linkToWire, nodeInput, nodeToWire, operationalCodec, siteInput, siteToWire } from "./topology-codec.js";
import { eachFromWire, missingField, present } from "./field.js";

type Case = NonNullable<wire.TopologyChange["change"]>["$case"];

/** Where the one field of a change that is not wrapped on the wire stands in the domain. */
const idField: Partial<Record<Case, string>> = { removeSiteId: "siteId", removeNodeId: "nodeId", removeLinkId: "linkId" };
const wrappedField: Partial<Record<Case, string>> = { putSite: "site", putNode: "node", putLink: "link" };

export function topologyChangeToWire(change: TopologyChange): wire.TopologyChange {
  switch (change.kind) {
    case "put-site":
      return { change: { $case: "putSite", value: siteToWire(change.site) } };
    case "remove-site":
      return { change: { $case: "removeSiteId", value: change.siteId } };
    case "put-node":
      return { change: { $case: "putNode", value: nodeToWire(change.node as Parameters<typeof nodeToWire>[0]) } };
    case "remove-node":
      return { change: { $case: "removeNodeId", value: change.nodeId } };
    case "put-link":
      return { change: { $case: "putLink", value: linkToWire(change.link satisfies Link) } };
    case "remove-link":
      return { change: { $case: "removeLinkId", value: change.linkId } };
    case "set-node-state":
      return { change: { $case: "setNodeState", value: { nodeId: change.nodeId, ...statesToWire(change) } } };
    case "set-link-state":
      return { change: { $case: "setLinkState", value: { linkId: change.linkId, ...statesToWire(change) } } };
    default:
      return unreachable(change);
  }
}

interface States {
  readonly drain?: TopologyStates["drain"] | undefined;
  readonly operational?: TopologyStates["operational"] | undefined;
}
type TopologyStates = Pick<Link, "drain" | "operational">;

function statesToWire({ drain, operational }: States): { drain: wire.DrainState; operational: wire.OperationalState } {
  return {
    drain: drain === undefined ? 0 : drainCodec.toWire(drain),
    operational: operational === undefined ? 0 : operationalCodec.toWire(operational),
  };
}

function statesInput({ drain, operational }: { readonly drain: wire.DrainState; readonly operational: wire.OperationalState }): object {
  return {
    ...(drain === 0 ? {} : { drain: drainCodec.fromWire(drain) }),
    ...(operational === 0 ? {} : { operational: operationalCodec.fromWire(operational) }),
  };
}

function changeInput(change: NonNullable<wire.TopologyChange["change"]>): unknown {
  switch (change.$case) {
    case "putSite":
      return { kind: "put-site", site: siteInput(change.value) };
    case "removeSiteId":
      return { kind: "remove-site", siteId: present(change.value) };
    case "putNode":
      return { kind: "put-node", node: nodeInput(change.value) };
    case "removeNodeId":
      return { kind: "remove-node", nodeId: present(change.value) };
    case "putLink":
      return { kind: "put-link", link: linkInput(change.value) };
    case "removeLinkId":
      return { kind: "remove-link", linkId: present(change.value) };
    case "setNodeState":
      return { kind: "set-node-state", nodeId: present(change.value.nodeId), ...statesInput(change.value) };
    case "setLinkState":
      return { kind: "set-link-state", linkId: present(change.value.linkId), ...statesInput(change.value) };
    default:
      return unreachable(change);
  }
}

/** Refuses with pointers below `at`, e.g. `/changes/3/putLink/capacityBps`. */
export function topologyChangesFromWire(
  messages: readonly wire.TopologyChange[],
  at: readonly PropertyKey[] = ["changes"],
): Result<readonly TopologyChange[]> {
  if (messages.length === 0) return missingField(at, "at least one change is required");
  return eachFromWire(messages, at, {
    countMax: changesMax,
    convert: ({ change }, here) => {
      if (change === undefined) return missingField(here, "exactly one kind of change is required");
      const admitted = admit(topologyChangeSchema, changeInput(change));
      if (admitted.ok) return admitted;
      const [first, ...rest] = admitted.faults.map((one) => relocated(one, change.$case, here));
      return refuse(first ?? admitted.faults[0], ...rest);
    },
  });
}

/**
 * Moves the pointer of a fault that the model or the controller found in a list of changes (`/changes/3/link/to`) to the
 * field of the request (`/changes/3/putLink/to`). A pointer into the changed topology names no field of the request: it goes.
 */
export function changeFaultToRequest(found: Fault, messages: readonly wire.TopologyChange[]): Fault {
  const match = /^\/changes\/(\d+)(.*)$/.exec(found.pointer ?? "");
  const change = messages[Number(match?.[1] ?? -1)]?.change;
  if (match === null || change === undefined) return fault(found.code, found.message);
  return relocated({ ...found, pointer: match[2] ?? "" }, change.$case, ["changes", Number(match[1])]);
}

function relocated(found: Fault, name: Case, at: readonly PropertyKey[]): Fault {
  const [, field = "", ...below] = (found.pointer ?? "").split("/");
  const inside = field === idField[name] ? [] : field === wrappedField[name] ? below : field === "" ? [] : [field, ...below];
  const tail = inside.length === 0 ? "" : `/${inside.join("/")}`;
  const pointer = `${pointerOf([...at, name])}${tail}`;
  const message = found.pointer === undefined || found.pointer === "" ? found.message : found.message.replace(found.pointer, pointer);
  return fault(found.code, message, { pointer, data: found.data });
}
