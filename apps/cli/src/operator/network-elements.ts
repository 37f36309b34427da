/** Names of elements as operators write them: `link/ID`, `cable/ID` (both ways), `node/ID`, `srlg/ID`, or the id alone where only one has it. */
import { cablesOf, drainStates, ok, refuse, type Result, type TopologyChangeInput, type TopologyDocument } from "@sluice/model";
import { z } from "zod";
import { argumentFault } from "../refusal.js";

export const elementKinds = ["link", "cable", "node", "srlg"] as const;
export type ElementKind = (typeof elementKinds)[number];

const drain = z.enum(drainStates);

/** What is read of `GET /v1/topology`. */
export const networkSchema = z.looseObject({
  version: z.number(),
  nodes: z.array(z.looseObject({ id: z.string(), drain })),
  links: z.array(
    z.looseObject({
      id: z.string(),
      from: z.string(),
      to: z.string(),
      capacityBps: z.number(),
      latencyMs: z.number(),
      srlgIds: z.array(z.string()),
      drain,
    }),
  ),
});
export type Network = z.output<typeof networkSchema>;

/** Sorted, each once; `linkIds` are directed. Members of groups are not in `linkIds`. */
export interface Elements {
  readonly linkIds: readonly string[];
  readonly nodeIds: readonly string[];
  readonly srlgIds: readonly string[];
}

export const noElements: Elements = { linkIds: [], nodeIds: [], srlgIds: [] };

/** Faults: `not-found` with one that exists; `not-allowed` where an id without its kind may mean several. */
export function parseElements(names: readonly string[], option: string, network: Network): Result<Elements> {
  const links = new Set<string>();
  const nodes = new Set<string>();
  const srlgs = new Set<string>();
  for (const name of names) {
    const found = elementOf(name, option, network);
    if (!found.ok) return found;
    const { kind, id } = found.value;
    if (kind === "node") nodes.add(id);
    else if (kind === "srlg") srlgs.add(id);
    else for (const each of kind === "cable" ? cableWith(id, network) : [id]) links.add(each);
  }
  return ok({ linkIds: [...links].toSorted(), nodeIds: [...nodes].toSorted(), srlgIds: [...srlgs].toSorted() });
}

interface Element {
  readonly kind: ElementKind;
  readonly id: string;
}

function elementOf(name: string, option: string, network: Network): Result<Element> {
  // An id may hold a slash itself: what is there as it is written is meant.
  const bare = (["link", "node", "srlg"] as const).filter((kind) => idsOf(kind, network).has(name)).map((kind) => ({ kind, id: name }));
  const slash = name.indexOf("/");
  const named = elementKinds.find((kind) => kind === name.slice(0, Math.max(slash, 0)));
  const qualified =
    named !== undefined && idsOf(named, network).has(name.slice(slash + 1)) ? [{ kind: named, id: name.slice(slash + 1) }] : [];
  const found: readonly Element[] = qualified.length > 0 ? qualified : bare;
  const [first, second] = found;
  if (first !== undefined && second === undefined) return ok(first);
  if (first === undefined) {
    const example = network.links[0]?.id;
    const hint = example === undefined ? "The network has no links." : `A link that exists: ${example}.`;
    const what = named === undefined ? "no link, node or shared-risk link group" : `no ${named}`;
    return refuse(
      argumentFault(
        "not-found",
        option,
        `The network has ${what} ${JSON.stringify(named === undefined ? name : name.slice(slash + 1))}. ${hint}`,
      ),
    );
  }
  const ways = found.map(({ kind, id }) => `${kind}/${id}`).join(" or ");
  return refuse(argumentFault("not-allowed", option, `${JSON.stringify(name)} may mean several things: write ${ways}.`));
}

function idsOf(kind: ElementKind, network: Network): ReadonlySet<string> {
  if (kind === "node") return new Set(network.nodes.map(({ id }) => id));
  if (kind === "srlg") return new Set(network.links.flatMap(({ srlgIds }) => srlgIds));
  return new Set(network.links.map(({ id }) => id));
}

function cableWith(id: string, { links }: Network): readonly string[] {
  // What pairs links are their ends, groups, capacities and latencies, all of which the answer has.
  const cables = cablesOf({ links: links as unknown as TopologyDocument["links"] });
  return cables.find(({ linkIds }) => linkIds.some((each) => each === id))?.linkIds ?? [id];
}

/** Nodes first, then links, each by id; the links of a group one by one. Faults: `not-found` for a group that is gone. */
export function drainChanges(
  { linkIds, nodeIds, srlgIds }: Elements,
  state: (typeof drainStates)[number],
  network: Network,
): readonly TopologyChangeInput[] {
  const members = network.links.filter((link) => link.srlgIds.some((id) => srlgIds.includes(id))).map(({ id }) => id);
  return [
    ...nodeIds.map((nodeId) => ({ kind: "set-node-state" as const, nodeId, drain: state })),
    ...[...new Set([...linkIds, ...members])].toSorted().map((linkId) => ({ kind: "set-link-state" as const, linkId, drain: state })),
  ];
}

/** `2 links, 1 node`, for sentences. */
export function elementsText({ linkIds, nodeIds, srlgIds }: Elements): string {
  const parts = [
    nodeIds.length > 0 ? `node${nodeIds.length === 1 ? "" : "s"} ${nodeIds.join(", ")}` : "",
    linkIds.length > 0 ? `link${linkIds.length === 1 ? "" : "s"} ${linkIds.join(", ")}` : "",
    srlgIds.length > 0 ? `shared-risk link group${srlgIds.length === 1 ? "" : "s"} ${srlgIds.join(", ")}` : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
}
