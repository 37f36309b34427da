/** The topology files of the peers' benchmark: `{n, edges: [[source, target, capacity], ...]}`, nodes 0 to n - 1, edges directed. */
import { admitNumber, toBps } from "./decimal.js";
import { nodesMax } from "@sluice/model";
import { field, type JsonObject } from "./json-text.js";
import type { Reading } from "./reading.js";
import { finishTopology, type EdgeDraft, type FinishedTopology } from "./topology-draft.js";
import { capacityUnitBps, unitOfText } from "./units.js";

export function isPeerBench(document: JsonObject): boolean {
  return Object.hasOwn(document, "n") && Array.isArray(field(document, "edges")) && !Object.hasOwn(document, "nodes");
}

export function readPeerBench(document: JsonObject, reading: Reading): FinishedTopology | undefined {
  const n = admitNumber(field(document, "n"), reading, "/n");
  if (n === undefined) return undefined;
  if (!Number.isInteger(n) || n < 1 || n > nodesMax)
    return reading.refuse("out-of-range", `/n: 1 to ${nodesMax} nodes are expected.`, "/n");
  const list = field(document, "edges") as readonly unknown[];
  const statedUnit = field(document, "capacityUnit");
  const valueMax = list.reduce<number>(
    (max, edge) => (Array.isArray(edge) && typeof edge[2] === "number" ? Math.max(max, edge[2]) : max),
    0,
  );
  const unitBps = capacityUnitBps(typeof statedUnit === "string" ? unitOfText(statedUnit) : undefined, valueMax, reading);
  const edges = list.flatMap((edge, i): readonly EdgeDraft[] => {
    const at = `/edges/${i}`;
    if (!Array.isArray(edge) || edge.length !== 3)
      return reading.refuse("wrong-type", `${at}: [source, target, capacity] is expected.`, at) ?? [];
    const [from, to, value]: readonly unknown[] = edge;
    const ends = [from, to].map((end, k) => admitNumber(end, reading, `${at}/${k}`));
    const capacity = admitNumber(value, reading, `${at}/2`);
    if (capacity === undefined || ends.includes(undefined)) return [];
    return [{ from: String(from), to: String(to), directed: true, at, capacityBps: toBps(capacity, unitBps, reading, `${at}/2`) }];
  });
  if (reading.refused) return undefined;
  const name = field(document, "name");
  const nodes = Array.from({ length: n }, (_, i) => ({ id: String(i), at: "/n" }));
  return finishTopology({ name: typeof name === "string" ? name : "", nodes, edges }, reading);
}
