/**
 * REPETITA (Gay, Schaus, Vissicchio 2017): `.graph` and `.demands` files. Bandwidths are kb/s, delays microseconds, x and y longitude and
 * latitude, and edges and demands name nodes by their place in the list, which is therefore the node's id; the label names its site.
 *
 *     NODES 2                 EDGES 2                            DEMANDS 1
 *     label x y               label src dest weight bw delay     label src dest bw
 *     0_Oslo 10.75 59.91      edge_0 0 1 10 1000000 4200         demand_0 0 1 5000
 */
import { nodesMax, type DemandMatrix, type DemandSeries, type Topology } from "@sluice/model";
import { readCount, readDecimal, readSignedDecimal, toBps } from "./decimal.js";
import { DemandRows } from "./demand-rows.js";
import type { Reading } from "./reading.js";
import { linesOf, type TextLine } from "./text-lines.js";
import { finishTopology, type EdgeDraft, type FinishedTopology, type NodeDraft } from "./topology-draft.js";
import { rateUnitBps } from "./units.js";

const bandwidthUnitBps = 1e3;
const microsecondsPerMs = 1e3;

export function isRepetitaGraph(text: string): boolean {
  return /^\s*NODES\b(?!\s*\()/.test(text);
}

export function isRepetitaDemands(text: string): boolean {
  return /^\s*DEMANDS\b(?!\s*\()/.test(text);
}

export function readRepetitaGraph(text: string, reading: Reading): FinishedTopology | undefined {
  const lines = linesOf(text, "#");
  const split = lines.findIndex(({ fields }) => fields[0] === "EDGES");
  if (split < 0) return reading.refuse("missing-field", "There is no EDGES section.", "/EDGES");
  const nodeRows = sectionOf(lines.slice(0, split), ["label", "x", "y"], reading);
  const edgeRows = sectionOf(lines.slice(split), ["label", "src", "dest", "weight", "bw", "delay"], reading);
  if (nodeRows === undefined || edgeRows === undefined) return undefined;
  if (nodeRows.length > nodesMax) return reading.refuse("too-many", `The file has more than ${nodesMax} nodes.`, "/NODES");
  const nodes = nodeRows.map((row, i) => nodeOf(row, i, reading));
  const edges = edgeRows.flatMap((row) => edgeOf(row, reading) ?? []);
  return reading.refused ? undefined : finishTopology({ name: "", nodes, edges }, reading);
}

/** The rows of a section after its two head lines; the count, where one is given, must be right. */
function sectionOf(lines: readonly TextLine[], columns: readonly string[], reading: Reading): readonly TextLine[] | undefined {
  const [head, names, ...rows] = lines;
  const at = `/line/${head?.number ?? 1}`;
  const stated = head?.fields[1];
  if (names === undefined || names.fields.join(" ") !== columns.join(" ")) {
    return reading.refuse(
      "malformed",
      `The section must name its columns: ${columns.join(" ")}.`,
      `/line/${names?.number ?? (head?.number ?? 0) + 1}`,
    );
  }
  const wrong = rows.find((row) => row.fields.length !== columns.length);
  if (wrong !== undefined) {
    return reading.refuse(
      "out-of-range",
      `Line ${wrong.number} has ${wrong.fields.length} fields for ${columns.length} columns.`,
      `/line/${wrong.number}`,
    );
  }
  const count = stated === undefined ? rows.length : readCount(stated, reading, at);
  if (count === undefined) return undefined;
  return count === rows.length ? rows : reading.refuse("out-of-range", `The file says ${count} rows and has ${rows.length}.`, at);
}

function nodeOf(row: TextLine, index: number, reading: Reading): NodeDraft {
  const at = `/line/${row.number}`;
  const [label = "", x = "", y = ""] = row.fields;
  const longitudeDeg = readSignedDecimal(x, reading, `${at}/x`) ?? 0;
  const latitudeDeg = readSignedDecimal(y, reading, `${at}/y`) ?? 0;
  const onGlobe = Math.abs(longitudeDeg) <= 180 && Math.abs(latitudeDeg) <= 90;
  if (!onGlobe) reading.note("ignored", "coordinates outside the globe", label);
  return { id: String(index), at: `${at}/label`, name: label, coordinates: onGlobe ? { longitudeDeg, latitudeDeg } : undefined };
}

function edgeOf(row: TextLine, reading: Reading): EdgeDraft | undefined {
  const at = `/line/${row.number}`;
  const [, src = "", dest = "", weight = "", bw = "", delay = ""] = row.fields;
  const from = readCount(src, reading, `${at}/src`);
  const to = readCount(dest, reading, `${at}/dest`);
  const metric = readDecimal(weight, reading, `${at}/weight`);
  const capacity = readDecimal(bw, reading, `${at}/bw`);
  const delayUs = readDecimal(delay, reading, `${at}/delay`);
  if (from === undefined || to === undefined || capacity === undefined || delayUs === undefined) return undefined;
  const capacityBps = toBps(capacity, reading.options.capacityUnitBps ?? bandwidthUnitBps, reading, `${at}/bw`);
  return { from: String(from), to: String(to), directed: true, at, metric, capacityBps, latencyMs: delayUs / microsecondsPerMs };
}

/** Several demands between two nodes are legal in REPETITA: they are added up and noted. */
export function readRepetitaDemands(text: string, topology: Topology, reading: Reading): DemandMatrix | DemandSeries | undefined {
  const columns = ["label", "src", "dest", "bw"];
  const rows = sectionOf(linesOf(text, "#"), columns, reading);
  if (rows === undefined) return undefined;
  const unitBps = rateUnitBps({ unitBps: bandwidthUnitBps, why: "rate unit not stated: kb/s, as REPETITA has it" }, reading);
  const demands = new DemandRows(topology, reading, { repeated: "add" });
  for (const { number, fields } of rows) {
    const at = `/line/${number}`;
    const [, src = "", dst = "", bw = ""] = fields;
    const rate = readDecimal(bw, reading, `${at}/bw`);
    const rateBps = rate === undefined ? undefined : toBps(rate, unitBps, reading, `${at}/bw`);
    if (rateBps !== undefined) demands.add({ src, dst, rateBps, at });
    if (reading.exhausted) return undefined;
  }
  return demands.finish();
}
