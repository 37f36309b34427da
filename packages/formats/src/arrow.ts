/**
 * The two-layer topologies of ARROW (Zhong et al., SIGCOMM 2021): fibres in one table, IP links in another that says which fibres each one
 * rides. A fibre, both ways together, is an SRLG of every link that rides it. Capacities count wavelengths.
 *
 *     optical_topo.txt   to_node  from_node  metric  failure_prob            (metric: length in km)
 *     IP_topo_1.txt      src  dst  index  capacity  fiberpath_index  wavelength  failure
 *     IP_nodes.txt       String_node_names, then a name a line: node 1, 2, ...
 */
import { ok, refuse, fault, type Result } from "@sluice/model";
import { decodeText, unpack } from "./bytes.js";
import { readCount, readDecimal, toBps } from "./decimal.js";
import { Reading, type ReadOptions, type ReadTopology } from "./reading.js";
import { linesOf, type TextLine } from "./text-lines.js";
import { finishTopology, type EdgeDraft, type FinishedTopology, type NodeDraft } from "./topology-draft.js";

/** One wavelength, where the options say nothing. */
const wavelengthBps = 100e9;
/** Most files that one directory may hand in. */
const filesMax = 1000;

export function isArrowLinks(text: string): boolean {
  return /^\s*src\s+dst\s+index\s+capacity\s+fiberpath_index\b/.test(text);
}

export function isArrowFibers(text: string): boolean {
  return /^\s*to_node\s+from_node\s+metric\b/.test(text);
}

function isArrowNames(text: string): boolean {
  return /^\s*String_node_names\s/.test(text);
}

/**
 * Reads a directory: the first file (by name) that is a table of IP links, the first table of fibres, and the list of names that stands
 * beside the links. Files that are none of these are noted. Faults point to `/FILE/line/N/field`.
 */
export function readTopologyFiles(files: ReadonlyMap<string, Uint8Array>, options: ReadOptions): Result<ReadTopology> {
  if (files.size > filesMax) return refuse(fault("too-many", `There are more than ${filesMax} files.`));
  const reading = new Reading(options);
  const found: { links?: string; fibers?: string; names?: string; linksFile?: string; fibersFile?: string } = {};
  for (const [name, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const unpacked = unpack(bytes);
    const text = unpacked.ok ? decodeText(unpacked.value) : undefined;
    if (text !== undefined && found.links === undefined && isArrowLinks(text)) Object.assign(found, { links: text, linksFile: name });
    else if (text !== undefined && found.fibers === undefined && isArrowFibers(text))
      Object.assign(found, { fibers: text, fibersFile: name });
    // The lists of both layers look alike; the name of the IP layer's sorts first, and it is the one that counts.
    else if (text !== undefined && isArrowNames(text)) found.names ??= text;
    else reading.note("ignored", "file that is no part of the topology", name);
  }
  if (found.links === undefined) {
    return refuse(fault("unknown-format", "No file of the directory is a table of IP links (src dst index capacity fiberpath_index ...)."));
  }
  const fibers = found.fibers === undefined ? undefined : fibersOf(found.fibers, `/${found.fibersFile ?? ""}`, reading);
  const names =
    found.names === undefined
      ? undefined
      : linesOf(found.names)
          .slice(1)
          .map(({ text }) => text);
  const topology = reading.result(readArrowLinks(found.links, reading, { fibers, names, file: `/${found.linksFile ?? ""}` }));
  return topology.ok ? ok({ format: "arrow", ...topology.value, rateUnitBps: reading.rateUnitBps, notes: reading.notes() }) : topology;
}

interface Fiber {
  /** The SRLG: the same for both directions. */
  readonly srlgId: string;
  readonly from: string;
  readonly to: string;
  readonly lengthKm: number;
  readonly at: string;
}

/** Fibres in file order; the tables of links count them from 1. The k-th fibre from a to b and the k-th from b to a are one cable. */
function fibersOf(text: string, file: string, reading: Reading): readonly Fiber[] {
  const counts = new Map<string, number>();
  return linesOf(text)
    .slice(1)
    .flatMap((line): readonly Fiber[] => {
      const at = `${file}/line/${line.number}`;
      const [to = "", from = "", metric = ""] = line.fields;
      const a = readCount(to, reading, `${at}/to_node`);
      const b = readCount(from, reading, `${at}/from_node`);
      const lengthKm = readDecimal(metric, reading, `${at}/metric`);
      if (a === undefined || b === undefined || lengthKm === undefined) return [];
      const k = (counts.get(`${a} ${b}`) ?? 0) + 1;
      counts.set(`${a} ${b}`, k);
      const cable = `fiber:${Math.min(a, b)}-${Math.max(a, b)}`;
      reading.note("ignored", "failure probability", at);
      // The data's own code takes `to_node` as the start.
      return [{ srlgId: k === 1 ? cable : `${cable}#${k}`, from: String(a), to: String(b), lengthKm, at }];
    });
}

interface LinkContext {
  readonly fibers: readonly Fiber[] | undefined;
  readonly names: readonly string[] | undefined;
  /** Prefix of pointers; empty for a file that comes alone. */
  readonly file: string;
}

/** The IP layer. Without a table of fibres, SRLGs are named by number and latencies are unknown. */
export function readArrowLinks(
  text: string,
  reading: Reading,
  context: LinkContext = { fibers: undefined, names: undefined, file: "" },
): FinishedTopology | undefined {
  const unitBps = reading.options.capacityUnitBps ?? wavelengthBps;
  if (reading.options.capacityUnitBps === undefined) reading.note("defaulted", "capacity counts wavelengths: 100 Gb/s each");
  const rows = linesOf(text).slice(1);
  const nodes = new Map<string, NodeDraft>();
  context.names?.forEach((name, i) => nodes.set(String(i + 1), { id: name, at: `/names/${i}` }));
  const edges = rows.flatMap((line) => arrowEdge(line, unitBps, context, reading) ?? []);
  if (reading.refused) return undefined;
  if (context.names === undefined) {
    for (const id of edges.flatMap(({ from, to }) => [from, to])) nodes.set(id, { id, at: "/line/1" });
    return finishTopology({ name: "", nodes: [...nodes.values()], edges }, reading);
  }
  const named = edges.map((edge) => ({ ...edge, from: nodes.get(edge.from)?.id ?? edge.from, to: nodes.get(edge.to)?.id ?? edge.to }));
  return finishTopology({ name: "", nodes: [...nodes.values()], edges: named }, reading);
}

function arrowEdge(line: TextLine, unitBps: number, { fibers, file }: LinkContext, reading: Reading): EdgeDraft | undefined {
  const at = `${file}/line/${line.number}`;
  if (line.fields.length !== 7) return reading.refuse("out-of-range", `${at}: 7 fields are expected, not ${line.fields.length}.`, at);
  const [src = "", dst = "", , capacity = "", path = ""] = line.fields;
  const from = readCount(src, reading, `${at}/src`);
  const to = readCount(dst, reading, `${at}/dst`);
  const wavelengths = readDecimal(capacity, reading, `${at}/capacity`);
  const rides = /^\[([\d,]*)\]$/
    .exec(path)?.[1]
    ?.split(",")
    .map((text) => readCount(text, reading, `${at}/fiberpath_index`));
  if (rides === undefined)
    return reading.refuse("malformed", `${at}/fiberpath_index: a list like [2,7] is expected.`, `${at}/fiberpath_index`);
  if (from === undefined || to === undefined || wavelengths === undefined || rides.includes(undefined)) return undefined;
  const capacityBps = toBps(wavelengths, unitBps, reading, `${at}/capacity`);
  reading.note("inferred", "SRLGs from the fibres that a link rides", `${from}-${to}`);
  const common = { from: String(from), to: String(to), directed: true, at, capacityBps } as const;
  if (fibers === undefined) return { ...common, srlgIds: rides.map((index) => `fiber:${index}`) };
  const ridden = rides.map((index) => fibers[(index ?? 0) - 1]);
  const unknown = ridden.indexOf(undefined);
  if (unknown >= 0) {
    return reading.refuse("dangling-reference", `${at}: there is no fibre ${rides[unknown]}.`, `${at}/fiberpath_index`);
  }
  return {
    ...common,
    srlgIds: ridden.map((fiber) => fiber?.srlgId ?? ""),
    lengthKm: ridden.reduce((sum, fiber) => sum + (fiber?.lengthKm ?? 0), 0),
  };
}

/** The optical layer alone, as a network of fibres. */
export function readArrowFibers(text: string, reading: Reading): FinishedTopology | undefined {
  const fibers = fibersOf(text, "", reading);
  if (reading.refused) return undefined;
  const ids = [...new Set(fibers.flatMap(({ from, to }) => [from, to]))];
  const edges = fibers.map(({ from, to, lengthKm, srlgId, at }): EdgeDraft => ({
    from,
    to,
    directed: true,
    lengthKm,
    srlgIds: [srlgId],
    at,
  }));
  return finishTopology({ name: "", nodes: ids.map((id) => ({ id, at: "/line/1" })), edges }, reading);
}
