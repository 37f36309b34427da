/**
 * Node-link JSON as networkx writes it (`edges` or `links`), with the attributes that teal, GEANT data and TopoHub use, and those
 * that `writeTopology` adds so that a topology survives the way there and back.
 */
import {
  admit,
  buildDemandMatrix,
  drainStates,
  linkSchema,
  nodeSchema,
  operationalStates,
  siteSchema,
  toId,
  type Demand,
  type DemandMatrix,
  type NodeId,
  type Site,
  type Topology,
} from "@sluice/model";
import { z } from "zod";
import { admitNumber, toBps } from "./decimal.js";
import { field, idText, isObject, type JsonObject } from "./json-text.js";
import type { Reading } from "./reading.js";
import { finishTopology, type EdgeDraft, type FinishedTopology, type NodeDraft } from "./topology-draft.js";
import { capacityOfText, capacityUnitBps, rateUnitBps, unitOfText } from "./units.js";

/** Names under which files give one thing. The first one that is there counts. */
const capacityKeys = ["capacity", "capacityBps", "bandwidth"] as const;
const lengthKeys = ["dist", "length", "distance"] as const;
const metricKeys = ["metric", "weight", "cost"] as const;

const sitesSchema = z.array(siteSchema);

/** Whether a parsed document looks like node-link JSON. */
export function isNodeLink(document: JsonObject): boolean {
  if (!Array.isArray(field(document, "nodes"))) return false;
  const edges = field(document, "links") ?? field(document, "edges");
  if (!Array.isArray(edges)) return false;
  const first: unknown = edges[0];
  if (isObject(first)) return Object.hasOwn(first, "source") || Object.hasOwn(first, "target");
  return Object.hasOwn(document, "directed") || Object.hasOwn(document, "multigraph");
}

export function readNodeLink(document: JsonObject, reading: Reading): (FinishedTopology & { readonly demands?: DemandMatrix }) | undefined {
  const graph = field(document, "graph");
  const attributes: JsonObject = isObject(graph) ? graph : {};
  const edgesKey = Object.hasOwn(document, "links") ? "links" : "edges";
  const nodes = nodesOf(document, reading);
  const edges = edgesOf(document, edgesKey, attributes, reading);
  const statedName = field(attributes, "name");
  const sites = Object.hasOwn(attributes, "sites")
    ? reading.admit(admit(sitesSchema, field(attributes, "sites"), ["graph", "sites"]))
    : undefined;
  if (reading.refused) return undefined;
  const finished = finishTopology(
    { name: typeof statedName === "string" ? statedName : "", nodes, edges, sites: sites as Site[] | undefined },
    reading,
  );
  if (finished === undefined) return undefined;
  const demands = demandsOf(attributes, finished.topology, reading);
  return reading.refused ? undefined : { ...finished, ...(demands === undefined ? {} : { demands }) };
}

function nodesOf(document: JsonObject, reading: Reading): readonly NodeDraft[] {
  const list = field(document, "nodes") as readonly unknown[];
  return list.flatMap((node, i): readonly NodeDraft[] => {
    const at = `/nodes/${i}`;
    if (!isObject(node)) return reading.refuse("wrong-type", `${at}: a node is an object.`, at) ?? [];
    const id = idText(field(node, "id"), reading, `${at}/id`);
    if (id === undefined) return [];
    const name = field(node, "name") ?? field(node, "label");
    const gated = reading.admit(
      admit(nodeSchema.pick({ siteId: true, prefix: true }).partial(), pick(node, ["siteId", "prefix"]), ["nodes", i]),
    );
    return [
      {
        id,
        at: `${at}/id`,
        name: typeof name === "string" ? name : undefined,
        coordinates: coordinatesOf(node, reading, at),
        siteId: gated?.siteId,
        prefix: gated?.prefix,
        ...statesOf(node, reading, at),
      },
    ];
  });
}

/** `pos` is [longitude, latitude] (TopoHub); `Latitude`/`Longitude` and their lower-case forms are taken too. */
function coordinatesOf(node: JsonObject, reading: Reading, at: string): NodeDraft["coordinates"] {
  const pos = field(node, "pos");
  const [longitudeDeg, latitudeDeg]: readonly unknown[] = Array.isArray(pos)
    ? (pos as readonly unknown[])
    : [field(node, "Longitude") ?? field(node, "longitude"), field(node, "Latitude") ?? field(node, "latitude")];
  if (typeof longitudeDeg !== "number" || typeof latitudeDeg !== "number") {
    if (longitudeDeg !== undefined || latitudeDeg !== undefined) reading.note("ignored", "coordinates that are not two numbers", at);
    return undefined;
  }
  if (Math.abs(latitudeDeg) <= 90 && Math.abs(longitudeDeg) <= 180) return { latitudeDeg, longitudeDeg };
  reading.note("ignored", "coordinates outside the globe", at);
  return undefined;
}

function edgesOf(document: JsonObject, key: string, graph: JsonObject, reading: Reading): readonly EdgeDraft[] {
  const directed = field(document, "directed") === true;
  if (!Object.hasOwn(document, "directed")) reading.note("defaulted", "directed not stated: edges are undirected");
  const list = field(document, key) as readonly unknown[];
  const statedUnit = field(graph, "capacityUnit");
  const values = list
    .map((edge) => (isObject(edge) ? firstOf(edge, capacityKeys) : undefined))
    .filter((value) => typeof value === "number");
  const unitBps =
    values.length === 0
      ? 1
      : capacityUnitBps(
          typeof statedUnit === "string" ? unitOfText(statedUnit) : undefined,
          values.reduce((max, value) => Math.max(max, value), 0),
          reading,
        );
  const pairs = new Set<string>();
  return list.flatMap((edge, i): readonly EdgeDraft[] => {
    const at = `/${key}/${i}`;
    if (!isObject(edge)) return reading.refuse("wrong-type", `${at}: an edge is an object.`, at) ?? [];
    const from = idText(field(edge, "source"), reading, `${at}/source`);
    const to = idText(field(edge, "target"), reading, `${at}/target`);
    if (from === undefined || to === undefined) return [];
    const pair = JSON.stringify([from, to]);
    if (pairs.has(pair) && field(document, "multigraph") === false) {
      reading.note("inferred", "repeated edge of a graph that is no multigraph: read as a parallel link", `${from}-${to}`);
    }
    pairs.add(pair);
    const srlgIds = Object.hasOwn(edge, "srlgIds")
      ? reading.admit(admit(linkSchema.shape.srlgIds, field(edge, "srlgIds"), [key, i, "srlgIds"]))
      : undefined;
    return [
      {
        from,
        to,
        directed,
        at,
        // The writer's own files name links by `key`; networkx numbers parallels there.
        id: typeof field(edge, "key") === "string" ? (field(edge, "key") as string) : undefined,
        capacityBps: capacityOf(edge, unitBps, reading, at),
        latencyMs: numberOf(edge, ["latencyMs"], reading, at),
        lengthKm: numberOf(edge, lengthKeys, reading, at),
        metric: numberOf(edge, metricKeys, reading, at),
        srlgIds,
        ...statesOf(edge, reading, at),
      },
    ];
  });
}

function capacityOf(edge: JsonObject, unitBps: number, reading: Reading, at: string): number | undefined {
  const key = capacityKeys.find((name) => Object.hasOwn(edge, name));
  if (key === undefined) return undefined;
  const value = field(edge, key);
  if (typeof value === "string") {
    const spoken = capacityOfText(value);
    if (spoken === undefined)
      return reading.refuse("wrong-type", `${at}/${key}: ${JSON.stringify(value.slice(0, 40))} is no capacity.`, `${at}/${key}`);
    reading.note("inferred", "capacity from text", value);
    return spoken.bps;
  }
  const number = admitNumber(value, reading, `${at}/${key}`);
  return number === undefined ? undefined : toBps(number, unitBps, reading, `${at}/${key}`);
}

function numberOf(edge: JsonObject, keys: readonly string[], reading: Reading, at: string): number | undefined {
  const key = keys.find((name) => Object.hasOwn(edge, name));
  return key === undefined ? undefined : admitNumber(field(edge, key), reading, `${at}/${key}`);
}

function firstOf(object: JsonObject, keys: readonly string[]): unknown {
  const key = keys.find((name) => Object.hasOwn(object, name));
  return key === undefined ? undefined : object[key];
}

const statesSchema = z.strictObject({ drain: z.enum(drainStates).optional(), operational: z.enum(operationalStates).optional() });

function statesOf(element: JsonObject, reading: Reading, at: string): z.output<typeof statesSchema> {
  return reading.admit(admit(statesSchema, pick(element, ["drain", "operational"]), at.slice(1).split("/"))) ?? {};
}

function pick(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(object, key)).map((key) => [key, object[key]]));
}

/** The demands of a TopoHub file for a topology that may have been read from elsewhere. */
export function readNodeLinkDemands(document: JsonObject, topology: Topology, reading: Reading): DemandMatrix | undefined {
  const graph = field(document, "graph");
  if (!isObject(graph) || !Object.hasOwn(graph, "demands")) {
    return reading.refuse("missing-field", "The graph holds no demands.", "/graph/demands");
  }
  return demandsOf(graph, topology, reading);
}

/** TopoHub: `graph.demands[source][destination]`, in Mb/s unless the options say otherwise. */
function demandsOf(graph: JsonObject, topology: Topology, reading: Reading): DemandMatrix | undefined {
  const table = field(graph, "demands");
  if (table === undefined) return undefined;
  if (!isObject(table)) return reading.refuse("wrong-type", "/graph/demands: an object of objects is expected.", "/graph/demands");
  const unitBps = rateUnitBps({ unitBps: 1e6, why: "demand unit not stated: read as Mb/s" }, reading);
  const trafficClass = reading.options.trafficClass ?? "elastic";
  if (reading.options.trafficClass === undefined) reading.note("defaulted", "traffic class not stated: elastic");
  const demands: Demand[] = [];
  for (const [src, row] of Object.entries(table)) {
    const at = `/graph/demands/${src}`;
    if (!isObject(row)) {
      reading.refuse("wrong-type", `${at}: an object is expected.`, at);
      continue;
    }
    for (const [dst, value] of Object.entries(row)) {
      const pointer = `${at}/${dst}`;
      const missing = [src, dst].find((id) => !topology.nodeById.has(id as NodeId));
      if (missing !== undefined)
        reading.refuse("dangling-reference", `${pointer}: there is no node ${JSON.stringify(missing.slice(0, 40))}.`, pointer);
      const number = admitNumber(value, reading, pointer);
      const rateBps = number === undefined ? undefined : toBps(number, unitBps, reading, pointer);
      if (missing !== undefined || rateBps === undefined) continue;
      if (src === dst) reading.note("ignored", "demand of a node to itself", src);
      else if (rateBps > 0) demands.push({ src: toId<NodeId>(src), dst: toId<NodeId>(dst), trafficClass, rateBps });
    }
  }
  return reading.refused ? undefined : reading.admit(buildDemandMatrix(topology.name, demands));
}
