/**
 * The link table of the Abilene data set: a line of counts, a line of column names, one directed link a line.
 *
 *     Node_num: 12   Edge_num: 30
 *     Link_index   Source   Destination   OSPF   Capacity(kbps)
 */
import { nodesMax } from "@sluice/model";
import { readCount, readDecimal, toBps } from "./decimal.js";
import type { Reading } from "./reading.js";
import { linesOf, type TextLine } from "./text-lines.js";
import { finishTopology, type EdgeDraft, type FinishedTopology } from "./topology-draft.js";
import { unitOfText } from "./units.js";

export function isCapacityTable(text: string): boolean {
  return /^\s*Node_num:/i.test(text);
}

export function readCapacityTable(text: string, reading: Reading): FinishedTopology | undefined {
  const [counts, header, ...rows] = linesOf(text);
  const stated = /^Node_num:\s*(\S+)\s+Edge_num:\s*(\S+)$/i.exec(counts?.text ?? "");
  if (stated === null || header === undefined) {
    return reading.refuse("malformed", "Line 1 must read `Node_num: N Edge_num: M`, and line 2 must name the columns.", "/line/1");
  }
  const n = readCount(stated[1] ?? "", reading, "/line/1/Node_num");
  const m = readCount(stated[2] ?? "", reading, "/line/1/Edge_num");
  const columns = columnsOf(header, reading);
  if (n === undefined || m === undefined || columns === undefined) return undefined;
  if (n < 1 || n > nodesMax) return reading.refuse("out-of-range", `1 to ${nodesMax} nodes are expected.`, "/line/1/Node_num");
  if (rows.length !== m) return reading.refuse("out-of-range", `The file says ${m} edges and has ${rows.length}.`, "/line/1/Edge_num");
  const edges = rows.flatMap((row) => edgeOf(row, columns, reading) ?? []);
  const nodes = Array.from({ length: n }, (_, i) => ({ id: String(i), at: "/line/1/Node_num" }));
  return reading.refused ? undefined : finishTopology({ name: "", nodes, edges }, reading);
}

interface Columns {
  readonly count: number;
  readonly source: number;
  readonly destination: number;
  readonly capacity: number;
  readonly metric: number | undefined;
  readonly unitBps: number;
}

function columnsOf(header: TextLine, reading: Reading): Columns | undefined {
  const names = header.fields.map((name) => name.toLowerCase());
  const at = (wanted: string) => names.findIndex((name) => name === wanted || name.startsWith(`${wanted}(`));
  const [source, destination, capacity, ospf] = [at("source"), at("destination"), at("capacity"), at("ospf")];
  const missing = Object.entries({ Source: source, Destination: destination, Capacity: capacity }).find(([, index]) => index < 0);
  if (missing !== undefined) {
    return reading.refuse("missing-field", `There is no column ${missing[0]}.`, `/line/${header.number}/${missing[0]}`);
  }
  const stated = /\((.*)\)/.exec(names[capacity] ?? "")?.[1];
  const unitBps = reading.options.capacityUnitBps ?? (stated === undefined ? undefined : unitOfText(stated));
  if (unitBps === undefined) {
    return reading.refuse("missing-field", "The capacity column names no unit, as in Capacity(kbps).", `/line/${header.number}/Capacity`);
  }
  return { count: names.length, source, destination, capacity, metric: ospf < 0 ? undefined : ospf, unitBps };
}

function edgeOf(row: TextLine, columns: Columns, reading: Reading): EdgeDraft | undefined {
  const at = `/line/${row.number}`;
  if (row.fields.length !== columns.count) {
    return reading.refuse("out-of-range", `Line ${row.number} has ${row.fields.length} fields for ${columns.count} columns.`, at);
  }
  const cell = (index: number) => row.fields[index] ?? "";
  const from = readCount(cell(columns.source), reading, `${at}/Source`);
  const to = readCount(cell(columns.destination), reading, `${at}/Destination`);
  const capacity = readDecimal(cell(columns.capacity), reading, `${at}/Capacity`);
  const metric = columns.metric === undefined ? undefined : readDecimal(cell(columns.metric), reading, `${at}/OSPF`);
  if (from === undefined || to === undefined || capacity === undefined) return undefined;
  const capacityBps = toBps(capacity, columns.unitBps, reading, `${at}/Capacity`);
  return { from: String(from), to: String(to), directed: true, at, capacityBps, metric };
}
