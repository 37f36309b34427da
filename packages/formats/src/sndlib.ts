/**
 * SNDlib's native network format (Orlowski et al. 2010): sections NODES, LINKS and DEMANDS, one element a line.
 *
 *     ?SNDlib native format; type: network; version: 1.0
 *     NODES ( Oslo ( 10.75 59.91 ) ... )          id ( longitude latitude )
 *     LINKS ( L1 ( Oslo Bergen ) 0 0 0 0 ( 155 1 622 2 ) ... )   id ( ends ) installed cost routing setup ( { module cost }* )
 *     DEMANDS ( D1 ( Oslo Bergen ) 1 42 UNLIMITED ... )         id ( source target ) unit value longest
 */
import type { DemandMatrix, DemandSeries, Topology } from "@sluice/model";
import { readDecimal, readSignedDecimal, toBps } from "./decimal.js";
import { DemandRows } from "./demand-rows.js";
import type { Reading } from "./reading.js";
import { linesOf, type TextLine } from "./text-lines.js";
import { finishTopology, type EdgeDraft, type FinishedTopology, type NodeDraft } from "./topology-draft.js";

const sectionNames = ["META", "NODES", "LINKS", "DEMANDS", "ADMISSIBLE_PATHS"] as const;
type SectionName = (typeof sectionNames)[number];
type Sections = ReadonlyMap<SectionName, readonly TextLine[]>;

export function isSndlib(text: string): boolean {
  return /^\s*\?SNDlib native format/i.test(text);
}

export function readSndlib(
  text: string,
  reading: Reading,
): (FinishedTopology & { readonly demands?: DemandMatrix | DemandSeries }) | undefined {
  const sections = sectionsOf(text, reading);
  if (sections === undefined) return undefined;
  const nodes = nodesOf(sections.get("NODES") ?? [], reading);
  const unitBps = unitBpsOf(sections, reading, reading.options.capacityUnitBps);
  const edges = (sections.get("LINKS") ?? []).flatMap((line) => edgeOf(line, unitBps, reading) ?? []);
  if (sections.has("ADMISSIBLE_PATHS")) reading.note("ignored", "section ADMISSIBLE_PATHS");
  const finished = reading.refused ? undefined : finishTopology({ name: "", nodes, edges }, reading);
  if (finished === undefined || (sections.get("DEMANDS") ?? []).length === 0) return finished;
  const demands = demandsOf(sections, finished.topology, reading);
  return demands === undefined ? undefined : { ...finished, demands };
}

export function readSndlibDemands(text: string, topology: Topology, reading: Reading): DemandMatrix | DemandSeries | undefined {
  const sections = sectionsOf(text, reading);
  if (sections === undefined) return undefined;
  if (!sections.has("DEMANDS")) return reading.refuse("missing-field", "There is no DEMANDS section.", "/DEMANDS");
  return demandsOf(sections, topology, reading);
}

function sectionsOf(text: string, reading: Reading): Sections | undefined {
  const sections = new Map<SectionName, TextLine[]>();
  let open: SectionName | undefined;
  for (const line of linesOf(text, "#")) {
    const head = /^([A-Z_]+)\s*\($/.exec(line.text)?.[1];
    if (open !== undefined && line.text === ")") {
      open = undefined;
    } else if (open !== undefined) {
      sections.get(open)?.push(line);
    } else if (head !== undefined) {
      open = sectionNames.find((name) => name === head);
      if (open === undefined) return reading.refuse("unknown-field", `There is no section ${head}.`, `/line/${line.number}`);
      if (sections.has(open)) return reading.refuse("duplicate-id", `There is more than one section ${head}.`, `/line/${line.number}`);
      sections.set(open, []);
    } else if (!line.text.startsWith("?")) {
      return reading.refuse("malformed", `Line ${line.number} stands outside of all sections.`, `/line/${line.number}`);
    }
  }
  return open === undefined ? sections : reading.refuse("malformed", `The section ${open} is not closed.`, `/${open}`);
}

/** META may name the unit, as in `unit = MBITPERSEC`; else Mb/s. */
function unitBpsOf(sections: Sections, reading: Reading, given: number | undefined): number {
  if (given !== undefined) return given;
  const stated = (sections.get("META") ?? [])
    .map(({ text }) => /^unit\s*=\s*([KMGT]?)BITPERSEC$/i.exec(text)?.[1])
    .find((unit) => unit !== undefined);
  if (stated !== undefined) return { "": 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 }[stated.toUpperCase()] ?? 1;
  reading.note("defaulted", "unit not stated: read as Mb/s");
  return 1e6;
}

/** The words of a line, each parenthesis a word of its own. */
function wordsOf({ text }: TextLine): readonly string[] {
  return text.replace(/[()]/g, " $& ").trim().split(/\s+/);
}

/** `id ( a b ) ...`: the id, the two words in parentheses and the rest; undefined where the line is otherwise. */
function pairOf(
  line: TextLine,
): { readonly id: string; readonly pair: readonly [string, string]; readonly rest: readonly string[] } | undefined {
  const [id = "", open, a = "", b = "", close, ...rest] = wordsOf(line);
  return open === "(" && close === ")" && !["(", ")"].some((mark) => [id, a, b].includes(mark)) ? { id, pair: [a, b], rest } : undefined;
}

function nodesOf(lines: readonly TextLine[], reading: Reading): readonly NodeDraft[] {
  const nodes = lines.map((line): NodeDraft => {
    const at = `/line/${line.number}`;
    const found = pairOf(line);
    if (found === undefined || found.rest.length > 0) {
      // Coordinates are optional in the format.
      if (line.fields.length !== 1) reading.refuse("malformed", `${at}: a node is written \`id ( longitude latitude )\`.`, at);
      return { id: line.fields[0] ?? "", at };
    }
    const longitudeDeg = readSignedDecimal(found.pair[0], reading, `${at}/longitude`) ?? 0;
    const latitudeDeg = readSignedDecimal(found.pair[1], reading, `${at}/latitude`) ?? 0;
    return { id: found.id, at, coordinates: { longitudeDeg, latitudeDeg } };
  });
  const offGlobe = nodes.find(({ coordinates: c }) => c !== undefined && (Math.abs(c.latitudeDeg) > 90 || Math.abs(c.longitudeDeg) > 180));
  if (offGlobe === undefined) return nodes;
  // Some networks of the library are drawn on a plane: then none of their coordinates are degrees.
  reading.note("ignored", "coordinates of all nodes: one lies outside the globe", offGlobe.id, nodes.length);
  return nodes.map(({ id, at }) => ({ id, at }));
}

/** Pre-installed capacity, else the largest module that may be installed. Costs are not used: they price building, not routing. */
function edgeOf(line: TextLine, unitBps: number, reading: Reading): EdgeDraft | undefined {
  const at = `/line/${line.number}`;
  const found = pairOf(line);
  const [installed = "", , , , open, ...modules] = found?.rest ?? [];
  if (found === undefined || open !== "(" || modules.at(-1) !== ")") {
    return reading.refuse(
      "malformed",
      `${at}: a link is written \`id ( source target ) capacity cost routing setup ( {module cost}* )\`.`,
      at,
    );
  }
  const { id, pair } = found;
  const [from, to] = pair;
  reading.note("ignored", "costs of links", id);
  let capacity = readDecimal(installed, reading, `${at}/pre_installed_capacity`);
  if (capacity === undefined) return undefined;
  if (capacity === 0) {
    const sizes = modules.slice(0, -1).filter((_, i) => i % 2 === 0);
    const largest = sizes.reduce((max, size) => Math.max(max, readDecimal(size, reading, `${at}/module_capacity`) ?? 0), 0);
    if (largest > 0) reading.note("inferred", "no capacity installed: the largest module", id);
    capacity = largest;
  }
  const capacityBps = capacity > 0 ? toBps(capacity, unitBps, reading, `${at}/capacity`) : undefined;
  return { from, to, directed: false, at, capacityBps };
}

function demandsOf(sections: Sections, topology: Topology, reading: Reading): DemandMatrix | DemandSeries | undefined {
  const unitBps = unitBpsOf(sections, reading, reading.options.rateUnitBps);
  reading.rateUnitBps = unitBps;
  const demands = new DemandRows(topology, reading, { repeated: "add" });
  for (const line of sections.get("DEMANDS") ?? []) {
    const at = `/line/${line.number}`;
    const found = pairOf(line);
    if (found === undefined || found.rest.length !== 3) {
      reading.refuse("malformed", `${at}: a demand is written \`id ( source target ) unit value longest\`.`, at);
      continue;
    }
    const { id, pair, rest } = found;
    const [src, dst] = pair;
    const [routingUnit = "", value = ""] = rest;
    const rate = readDecimal(value, reading, `${at}/demand_value`);
    const unit = readDecimal(routingUnit, reading, `${at}/routing_unit`);
    const rateBps = rate === undefined || unit === undefined ? undefined : toBps(rate * unit, unitBps, reading, `${at}/demand_value`);
    reading.note("inferred", "demands run one way, from source to target", id);
    if (rateBps !== undefined) demands.add({ src, dst, rateBps, at });
    if (reading.exhausted) return undefined;
  }
  return demands.finish();
}
