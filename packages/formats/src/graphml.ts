/**
 * GraphML as the Internet Topology Zoo publishes it: by its own tool set (`Latitude`, `LinkSpeedRaw` ...) and drawn in yEd (labels only,
 * every edge "directed" but without arrowheads). Document types and entities are refused: they can read files and grow without bound.
 */
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { readDecimal, readSignedDecimal, toBps } from "./decimal.js";
import { field, isObject, type JsonObject } from "./json-text.js";
import type { Reading } from "./reading.js";
import { finishTopology, type EdgeDraft, type FinishedTopology, type NodeDraft } from "./topology-draft.js";
import { capacityOfText, unitOfText } from "./units.js";

/** Deepest nesting of elements: yEd's drawings need ten. */
const nestingMax = 50;

const repeated = new Set([
  "graphml.key",
  "graphml.graph",
  "graphml.graph.node",
  "graphml.graph.edge",
  "graphml.graph.node.data",
  "graphml.graph.edge.data",
  "graphml.graph.data",
]);

export function isXml(text: string): boolean {
  return text.trimStart().startsWith("<");
}

export function readGraphml(text: string, reading: Reading): FinishedTopology | undefined {
  const graphml = parse(text, reading);
  if (graphml === undefined) return undefined;
  const graphs = elements(graphml, "graph");
  const [graph] = graphs;
  if (graph === undefined || graphs.length > 1) return reading.refuse("not-allowed", "A file holds exactly one graph.", "/graphml/graph");
  const keys = keysOf(graphml);
  const nodes = elements(graph, "node").map((node, i) => nodeOf(node, i, keys, reading));
  const directed = attribute(graph, "edgedefault") === "directed";
  const edges = elements(graph, "edge").map((edge, i) => edgeOf(edge, i, { keys, directed }, reading));
  if (Object.hasOwn(graph, "hyperedge")) reading.note("ignored", "hyperedge elements");
  if (reading.refused) return undefined;
  const data = dataOf(graph, keys);
  return finishTopology({ name: data.get("Network") ?? data.get("label") ?? "", nodes, edges }, reading);
}

/** The validator's own messages quote the file; its codes are not words. */
const xmlFaults: Readonly<Record<string, string>> = {
  InvalidAttr: 'an attribute is there twice or is not written as name="value"',
  InvalidChar: "a character stands where it may not (& is written &amp;)",
  InvalidTag: "a tag is not closed, is closed without having been opened, or has no valid name",
  InvalidXml: "it is not one element with all others inside",
};

function parse(text: string, reading: Reading): JsonObject | undefined {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) return reading.refuse("not-allowed", "Document types and entities are not taken.", "/");
  const valid = XMLValidator.validate(text);
  if (valid !== true) {
    const what = xmlFaults[valid.err.code] ?? "its syntax is wrong";
    return reading.refuse("malformed", `The file is not well-formed XML: ${what}.`, `/line/${valid.err.line}`);
  }
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "@",
    parseTagValue: false,
    parseAttributeValue: false,
    processEntities: false,
    maxNestedTags: nestingMax,
    isArray: (_name, path) => typeof path === "string" && repeated.has(path),
  });
  try {
    const document: unknown = parser.parse(text);
    const graphml = isObject(document) ? field(document, "graphml") : undefined;
    return isObject(graphml) ? graphml : reading.refuse("unknown-format", "The XML file is not GraphML.", "/graphml");
  } catch {
    // The parser throws on nesting beyond the limit and on names like __proto__.
    return reading.refuse("malformed", "The XML file is nested too deeply or uses a reserved name.", "/");
  }
}

/** What a `data` element means: its key's attr.name. */
function keysOf(graphml: JsonObject): ReadonlyMap<string, string> {
  return new Map(
    elements(graphml, "key").map((key) => [attribute(key, "id") ?? "", attribute(key, "attr.name") ?? attribute(key, "yfiles.type") ?? ""]),
  );
}

function elements(parent: JsonObject, name: string): readonly JsonObject[] {
  const found = field(parent, name);
  // An element without attributes and children parses as empty text.
  return Array.isArray(found) ? (found as readonly unknown[]).map((element) => (isObject(element) ? element : {})) : [];
}

function attribute(element: JsonObject, name: string): string | undefined {
  const value = field(element, `@${name}`);
  return typeof value === "string" ? decoded(value) : undefined;
}

/** Text of the element's data by meaning; empty ones are left out. */
function dataOf(element: JsonObject, keys: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const entries = elements(element, "data").flatMap((data): readonly (readonly [string, string])[] => {
    const meaning = keys.get(attribute(data, "key") ?? "");
    const text = field(data, "#text");
    return meaning === undefined || typeof text !== "string" || text.trim() === "" ? [] : [[meaning, decoded(text.trim())]];
  });
  return new Map(entries);
}

const predefined: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** The five entities that every XML file may use; all others stay as written. */
function decoded(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => predefined[name] ?? "");
}

function nodeOf(node: JsonObject, index: number, keys: ReadonlyMap<string, string>, reading: Reading): NodeDraft {
  const at = `/graphml/graph/node/${index}`;
  if (Object.hasOwn(node, "graph")) reading.refuse("not-allowed", "Graphs within nodes are not taken.", `${at}/graph`);
  const data = dataOf(node, keys);
  const [latitude, longitude] = [data.get("Latitude"), data.get("Longitude")];
  const latitudeDeg = latitude === undefined ? undefined : readSignedDecimal(latitude, reading, `${at}/Latitude`);
  const longitudeDeg = longitude === undefined ? undefined : readSignedDecimal(longitude, reading, `${at}/Longitude`);
  const id = attribute(node, "id") ?? "";
  let coordinates: NodeDraft["coordinates"];
  if (latitudeDeg === undefined || longitudeDeg === undefined) reading.note("ignored", "node without coordinates", id);
  else if (Math.abs(latitudeDeg) > 90 || Math.abs(longitudeDeg) > 180) reading.note("ignored", "coordinates outside the globe", id);
  else coordinates = { latitudeDeg, longitudeDeg };
  return { id, at: `${at}/id`, name: data.get("label") ?? drawnLabel(node), coordinates };
}

/** The label of yEd's drawing: data > y:ShapeNode (or another shape) > y:NodeLabel. */
function drawnLabel(node: JsonObject): string | undefined {
  for (const data of elements(node, "data")) {
    for (const shape of Object.values(data)) {
      const label = isObject(shape) ? field(shape, "y:NodeLabel") : undefined;
      const text = isObject(label) ? field(label, "#text") : label;
      if (typeof text === "string" && text.trim() !== "") return decoded(text.trim());
    }
  }
  return undefined;
}

interface EdgeContext {
  readonly keys: ReadonlyMap<string, string>;
  /** The graph's `edgedefault`. */
  readonly directed: boolean;
}

function edgeOf(edge: JsonObject, index: number, { keys, directed }: EdgeContext, reading: Reading): EdgeDraft {
  const at = `/graphml/graph/edge/${index}`;
  const from = attribute(edge, "source") ?? "";
  const to = attribute(edge, "target") ?? "";
  const stated = attribute(edge, "directed");
  const drawnPlain = stated === undefined && directed && hasNoArrowheads(edge);
  if (drawnPlain) reading.note("inferred", "edge of a directed graph drawn without arrowheads: undirected", `${from}-${to}`);
  return {
    from,
    to,
    at,
    directed: stated === undefined ? directed && !drawnPlain : stated === "true",
    capacityBps: capacityOf(dataOf(edge, keys), reading, at),
  };
}

function hasNoArrowheads(edge: JsonObject): boolean {
  return elements(edge, "data").some((data) =>
    Object.values(data).some((line) => {
      const arrows = isObject(line) ? field(line, "y:Arrows") : undefined;
      return isObject(arrows) && attribute(arrows, "source") === "none" && attribute(arrows, "target") === "none";
    }),
  );
}

/** LinkSpeedRaw (bps), else LinkSpeed with its unit, else whatever label speaks of a speed. */
function capacityOf(data: ReadonlyMap<string, string>, reading: Reading, at: string): number | undefined {
  const raw = data.get("LinkSpeedRaw");
  if (raw !== undefined) {
    const value = readDecimal(raw, reading, `${at}/LinkSpeedRaw`);
    return value === undefined ? undefined : toBps(value, 1, reading, `${at}/LinkSpeedRaw`);
  }
  const speed = data.get("LinkSpeed");
  const unitBps = unitOfText(data.get("LinkSpeedUnits") ?? "");
  if (speed !== undefined && unitBps !== undefined) {
    const value = readDecimal(speed, reading, `${at}/LinkSpeed`);
    return value === undefined ? undefined : toBps(value, unitBps, reading, `${at}/LinkSpeed`);
  }
  for (const key of ["LinkLabel", "label", "LinkType", "LinkNote", "capacity", "bandwidth"]) {
    const text = data.get(key);
    const spoken = text === undefined ? undefined : capacityOfText(text);
    if (spoken === undefined) continue;
    reading.note("inferred", spoken.lowerEnd ? "capacity from text: the lower end of a range" : "capacity from text", text);
    return spoken.bps;
  }
  return undefined;
}
