/** Drains: traffic is kept off elements that still work, before somebody lays hands on them. */
import type { ControllerView } from "@sluice/control";
import {
  fault,
  faultsListedMax,
  ok,
  refuse,
  type Fault,
  type LinkId,
  type Node,
  type NodeId,
  type RequestedBy,
  type Result,
  type SrlgId,
  type Topology,
  type TopologyChange,
} from "@sluice/model";
import type { FastifyInstance } from "fastify";
import type { z } from "zod";
import type { RestDeps } from "../deps.js";
import { declareDelete, declareGet, declarePost } from "../route.js";
import { drainAsked, drainKinds, drainsSchema, undrainAsked, type DrainKind } from "../schemas/network.js";
import { noTopology } from "./topology.js";

interface Elements {
  readonly linkIds: readonly LinkId[];
  readonly nodeIds: readonly NodeId[];
  readonly srlgIds: readonly SrlgId[];
}

const common = { url: "/v1/drains", tag: "network", response: drainsSchema, version: "topology" } as const;

export function declareDrainRoutes(app: FastifyInstance, { view, submit }: RestDeps): void {
  declareGet(app, { ...common, role: "viewer", summary: "What is drained", refusals: [404] }, () => drainsBody(view()));

  declarePost(
    app,
    {
      ...common,
      role: "operator",
      summary: "Drains links, nodes and shared-risk link groups, all or none; answers when that is durable",
      description: "Plans that follow keep off them. What is drained already stays so.",
      asked: drainAsked,
      refusals: [404, 422],
      idempotent: true,
    },
    ({ body: { kind, ...elements }, by, ifVersion }) => change(elements, drainKinds[kind], { by, ifVersion }),
  );

  declareDelete(
    app,
    {
      ...common,
      role: "operator",
      summary: "Ends the drain of links, nodes and shared-risk link groups, all or none; answers when that is durable",
      asked: undrainAsked,
      refusals: [404, 422],
      idempotent: true,
    },
    ({ body, by, ifVersion }) => change(body, "active", { by, ifVersion }),
  );

  async function change(
    elements: Elements,
    drain: Node["drain"],
    { by, ifVersion }: { readonly by: RequestedBy; readonly ifVersion: number | undefined },
  ): Promise<Result<z.input<typeof drainsSchema>>> {
    const { topology, topologyVersion } = view();
    if (topology === undefined) return noTopology();
    const changes = changesOf(topology, elements, drain);
    if (!changes.ok) return changes;
    // Which links a group has was read just now: it is to be so still when the change has its turn.
    const held = elements.srlgIds.length > 0 ? topologyVersion : ifVersion;
    const changed = await submit({ kind: "change-topology", changes: changes.value, by, ifVersion: held });
    return changed.ok ? drainsBody(view()) : changed;
  }
}

function changesOf(topology: Topology, { linkIds, nodeIds, srlgIds }: Elements, drain: Node["drain"]): Result<readonly TopologyChange[]> {
  const linksOf = new Map(srlgIds.map((id) => [id, topology.links.filter((link) => link.srlgIds.includes(id)).map((link) => link.id)]));
  const faults: Fault[] = [
    ...linkIds.flatMap((id, i) => (topology.linkById.has(id) ? [] : [unknown("link", id, `/body/linkIds/${i}`)])),
    ...nodeIds.flatMap((id, i) => (topology.nodeById.has(id) ? [] : [unknown("node", id, `/body/nodeIds/${i}`)])),
    ...srlgIds.flatMap((id, i) => (linksOf.get(id)?.length === 0 ? [unknown("shared-risk link group", id, `/body/srlgIds/${i}`)] : [])),
  ];
  const links = new Set([...linkIds, ...[...linksOf.values()].flat()]);
  const changes: TopologyChange[] = [
    ...[...new Set(nodeIds)].map((nodeId) => ({ kind: "set-node-state" as const, nodeId, drain })),
    ...[...links].map((linkId) => ({ kind: "set-link-state" as const, linkId, drain })),
  ];
  const [first, ...rest] = faults;
  if (first !== undefined) return refuse(first, ...rest.slice(0, faultsListedMax - 1));
  return changes.length === 0
    ? refuse(fault("missing-field", "Say what: linkIds, nodeIds or srlgIds.", { pointer: "/body" }))
    : ok(changes);
}

function unknown(what: string, id: string, pointer: string): Fault {
  return fault("dangling-reference", `The topology has no ${what} ${id}.`, { pointer });
}

function drainsBody({ topology, topologyVersion = 0 }: ControllerView): Result<z.input<typeof drainsSchema>> {
  if (topology === undefined) return noTopology();
  const kinds = new Map<string, DrainKind>(Object.entries(drainKinds).map(([kind, state]) => [state, kind as DrainKind]));
  const drained = (list: readonly { readonly id: string; readonly drain: string }[]) =>
    list.flatMap(({ id, drain }) => {
      const kind = kinds.get(drain);
      return kind === undefined ? [] : [{ id, kind }];
    });
  return ok({ version: topologyVersion, nodes: drained(topology.nodes), links: drained(topology.links) });
}
