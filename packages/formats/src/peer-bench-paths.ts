/**
 * The path sets of the peers' benchmark: `s t:node,node,...;node,...`, a line per ordered pair. The largest has 30 million hops, so the
 * text is walked character by character and numeric ids never become strings.
 */
import type { Topology } from "@sluice/model";
import type { Reading } from "./reading.js";
import { TunnelPaths, Visits, pathsPerPairMax, type TopologyIndex } from "./tunnel-paths.js";

const comma = 0x2c;
const zero = 0x30;
const nine = 0x39;

/** Whether the text starts with two words and a colon. */
export function isPeerBenchPaths(start: string): boolean {
  return /^[^\s:{[]\S*[ \t]+[^\s:]+:/.test(start);
}

export function readPeerBenchPaths(text: string, index: TopologyIndex, reading: Reading): TunnelPaths | undefined {
  if (hasParallels(index.topology)) reading.note("inferred", "paths name nodes: of parallel links the one with the lowest id");
  const walk = new PathWalk(text, index, reading);
  let line = 0;
  for (let start = 0; start < text.length && !reading.exhausted;) {
    const newline = text.indexOf("\n", start);
    const next = newline < 0 ? text.length : newline;
    const end = text[next - 1] === "\r" ? next - 1 : next;
    line += 1;
    if (end > start) walk.pair(start, end, line);
    start = next + 1;
  }
  return reading.refused ? undefined : walk.paths;
}

function hasParallels(topology: Topology): boolean {
  return new Set(topology.links.map(({ from, to }) => JSON.stringify([from, to]))).size < topology.links.length;
}

interface PathPlace {
  readonly src: number;
  readonly dst: number;
  readonly line: number;
  /** Which path of the pair, from 0. */
  readonly k: number;
}

/** Reads one pair after another into one set of paths. */
class PathWalk {
  readonly paths: TunnelPaths;
  readonly #text: string;
  readonly #index: TopologyIndex;
  readonly #reading: Reading;
  readonly #visits: Visits;

  constructor(text: string, index: TopologyIndex, reading: Reading) {
    this.paths = new TunnelPaths(index);
    this.#text = text;
    this.#index = index;
    this.#reading = reading;
    this.#visits = new Visits(index.topology.nodes.length);
  }

  pair(start: number, end: number, line: number): void {
    const at = `/line/${line}`;
    const head = this.#text.indexOf(":", start);
    const ids = head < 0 || head > end ? [] : this.#text.slice(start, head).trim().split(/\s+/);
    if (ids.length !== 2) {
      this.#reading.refuse("malformed", `${at}: \`source destination:node,node,...;...\` is expected.`, at);
      return;
    }
    const [src, dst] = ids.map((id, k) => this.#index.node(id) ?? this.#unknownNode(id, `${at}/${k === 0 ? "src" : "dst"}`));
    if (src === undefined || dst === undefined) return;
    if (!this.paths.openPair(src, dst)) {
      this.#reading.refuse("duplicate-id", `${at}: the pair ${ids.join(" ")} is there twice.`, at);
      return;
    }
    // A pair without paths is legal: its demand is unroutable.
    let k = 0;
    for (let from = head + 1; from < end; k += 1) {
      if (k === pathsPerPairMax) {
        this.#reading.refuse("too-many", `${at}: more than ${pathsPerPairMax} paths.`, at);
        return;
      }
      const semicolonAt = this.#text.indexOf(";", from);
      const to = semicolonAt < 0 || semicolonAt > end ? end : semicolonAt;
      if (!this.#path(from, to, { src, dst, line, k })) return;
      from = to + 1;
    }
  }

  /** False where the path was refused. */
  #path(start: number, end: number, { src, dst, line, k }: PathPlace): boolean {
    this.paths.openPath();
    this.#visits.clear();
    let previous: number | undefined;
    for (let from = start; from <= end;) {
      let to = from;
      let number = 0;
      let digits = true;
      for (; to < end; to += 1) {
        const character = this.#text.charCodeAt(to);
        if (character === comma) break;
        if (character < zero || character > nine) digits = false;
        number = number * 10 + (character - zero);
      }
      const node =
        (digits && to > from ? this.#index.numbered(number, to - from) : undefined) ?? this.#index.node(this.#text.slice(from, to));
      if (node === undefined)
        return this.#refuse("dangling-reference", { line, k }, `the topology has no node ${this.#text.slice(from, to).slice(0, 40)}`);
      if (!this.#visits.enter(node))
        return this.#refuse("not-allowed", { line, k }, `the path visits node ${this.#text.slice(from, to)} twice`);
      if (previous === undefined) {
        if (node !== src) return this.#refuse("not-allowed", { line, k }, "the path does not start at the pair's source");
      } else {
        const link = this.#index.linkBetween(previous, node);
        if (link === undefined)
          return this.#refuse("dangling-reference", { line, k }, `no link leads to node ${this.#text.slice(from, to)} from the one before`);
        this.paths.pushLink(link);
      }
      previous = node;
      from = to + 1;
    }
    return previous === dst || this.#refuse("not-allowed", { line, k }, "the path does not end at the pair's destination");
  }

  #refuse(code: "dangling-reference" | "not-allowed", { line, k }: { readonly line: number; readonly k: number }, why: string): false {
    const at = `/line/${line}/path/${k + 1}`;
    this.#reading.refuse(code, `${at}: ${why}.`, at);
    return false;
  }

  #unknownNode(id: string, at: string): undefined {
    return this.#reading.refuse("dangling-reference", `${at}: the topology has no node ${JSON.stringify(id.slice(0, 40))}.`, at);
  }
}
