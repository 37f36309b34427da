/**
 * The benchmark's path sets: `s t:node,node,...;node,...`, a line per ordered pair, in any order. The largest is 122 MB of text, so
 * bytes go straight into arrays of the right size: a first pass finds the line of every demand and counts, a second one
 * turns hops into links.
 */
import { fault, refuse, ok, type FaultCode, type Result } from "@sluice/model";
import type { Problem } from "../problem.js";

const newline = 0x0a;
const carriageReturn = 0x0d;
const blank = 0x20;
const comma = 0x2c;
const zero = 0x30;
const colon = 0x3a;
const semicolon = 0x3b;

/** Where paths may lead, and for which pairs they are wanted. */
export type PathPlaces = Pick<Problem, "nodeCount" | "linkCount" | "linkFrom" | "linkTo" | "demandCount" | "demandSrc" | "demandDst">;
export type PathArrays = Pick<Problem, "pathCount" | "pathStart" | "linkStart" | "pathLinks">;

/**
 * The paths of every demand, in the text's order. Faults: `malformed`, `duplicate-id` (a pair or a link twice), `dangling-reference` (a hop without a
 * link), `not-allowed` (a path that begins or ends elsewhere); text faults name the line. O(bytes + nodes^2).
 */
export function parsePathSet(text: Uint8Array, places: PathPlaces): Result<PathArrays> {
  try {
    const linkOf = linkTable(places);
    const lines = findLines(text, places);
    return ok(new PathWriter(text, places, { ...lines, linkOf }).write());
  } catch (error) {
    if (!(error instanceof PathFault)) throw error;
    const { code, at } = error;
    if (at === undefined) return refuse(fault(code, error.message));
    const pointer = `/line/${lineNumber(text, at)}`;
    return refuse(fault(code, `${pointer}: ${error.message}`, { pointer }));
  }
}

/** Carries a refusal out of the loops; never leaves this file. */
class PathFault extends Error {
  readonly code: FaultCode;
  /** The byte at fault. */
  readonly at: number | undefined;

  constructor(code: FaultCode, message: string, at?: number) {
    super(message);
    this.code = code;
    this.at = at;
  }
}

/** By from x nodes + to: the link, or -1. Paths name nodes, so a pair of nodes has at most one. */
function linkTable({ nodeCount, linkCount, linkFrom, linkTo }: PathPlaces): Int32Array {
  const linkOf = new Int32Array(nodeCount * nodeCount).fill(-1);
  for (let e = 0; e < linkCount; e++) {
    const cell = (linkFrom[e] as number) * nodeCount + (linkTo[e] as number);
    if (linkOf[cell] !== -1)
      throw new PathFault("duplicate-id", `The topology has two links from ${linkFrom[e]} to ${linkTo[e]}, which paths cannot tell apart.`);
    linkOf[cell] = e;
  }
  return linkOf;
}

interface Lines {
  /** Per demand: the byte after the colon of its line, or -1. */
  readonly bodyAt: Float64Array;
  readonly pathCount: number;
  readonly hopCount: number;
}

function findLines(text: Uint8Array, { nodeCount, demandCount, demandSrc, demandDst }: PathPlaces): Lines {
  const demandOf = new Int32Array(nodeCount * nodeCount).fill(-1);
  for (let d = 0; d < demandCount; d++) demandOf[(demandSrc[d] as number) * nodeCount + (demandDst[d] as number)] = d;
  const bodyAt = new Float64Array(demandCount).fill(-1);
  const seen = new Uint8Array(nodeCount * nodeCount);
  let pathCount = 0;
  let hopCount = 0;
  for (let at = 0; at < text.length;) {
    const found = text.indexOf(newline, at);
    const end = found < 0 ? text.length : found;
    if (end > at && text[at] !== carriageReturn) {
      const { src, dst, body } = readHead(text, at);
      if (src >= nodeCount || dst >= nodeCount)
        throw new PathFault("dangling-reference", `the topology has no node ${Math.max(src, dst)}.`, at);
      const pair = src * nodeCount + dst;
      if (seen[pair] === 1) throw new PathFault("duplicate-id", `the pair ${src} ${dst} is there twice.`, at);
      seen[pair] = 1;
      const d = demandOf[pair] as number;
      if (d >= 0) {
        bodyAt[d] = body;
        for (let k = body; k < end; k++) {
          const character = text[k];
          if (character === comma) hopCount += 1;
          else if (character === semicolon) pathCount += 1;
        }
        pathCount += 1;
      }
    }
    at = end + 1;
  }
  return { bodyAt, pathCount, hopCount };
}

/** `s t:`. */
function readHead(text: Uint8Array, start: number): { readonly src: number; readonly dst: number; readonly body: number } {
  const numbers = [0, 0];
  let at = start;
  for (const [i, closing] of [blank, colon].entries()) {
    const from = at;
    let number = 0;
    for (; at < text.length && text[at] !== closing; at++) {
      const digit = (text[at] as number) - zero;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
    }
    if (at === from || text[at] !== closing) throw new PathFault("malformed", "`source destination:node,node,...;...` is expected.", start);
    numbers[i] = number;
    at += 1;
  }
  return { src: numbers[0] as number, dst: numbers[1] as number, body: at };
}

/** Turns the lines found into arrays, demand by demand. */
class PathWriter {
  private readonly pathStart: Int32Array;
  private readonly linkStart: Int32Array;
  private readonly pathLinks: Int32Array;
  private paths = 0;
  private hops = 0;

  constructor(
    private readonly text: Uint8Array,
    private readonly places: PathPlaces,
    private readonly lines: Lines & { readonly linkOf: Int32Array },
  ) {
    this.pathStart = new Int32Array(places.demandCount + 1);
    this.linkStart = new Int32Array(lines.pathCount + 1);
    this.pathLinks = new Int32Array(lines.hopCount);
  }

  write(): PathArrays {
    const { demandCount } = this.places;
    for (let d = 0; d < demandCount; d++) {
      const body = this.lines.bodyAt[d] as number;
      if (body >= 0) this.demand(d, body);
      this.pathStart[d + 1] = this.paths;
    }
    return {
      pathCount: this.paths,
      pathStart: this.pathStart,
      // Lines without a path were counted as one.
      linkStart: this.linkStart.subarray(0, this.paths + 1),
      pathLinks: this.pathLinks,
    };
  }

  /** The paths of a demand, up to the end of its line. */
  private demand(d: number, body: number): void {
    const { text } = this;
    for (let at = body; !this.endsLine(at); at += 1) {
      at = this.path(d, at);
      if (text[at] !== semicolon) return;
    }
  }

  /** One path from its first digit on; gives where it ended. */
  private path(d: number, start: number): number {
    const { text } = this;
    const { nodeCount, demandSrc, demandDst } = this.places;
    const { linkOf } = this.lines;
    let previous = -1;
    for (let at = start; ; at++) {
      const from = at;
      let node = 0;
      for (; at < text.length; at++) {
        const digit = (text[at] as number) - zero;
        if (digit < 0 || digit > 9) break;
        node = node * 10 + digit;
      }
      const character = text[at];
      if (at === from || (character !== comma && character !== semicolon && !this.endsLine(at)))
        throw new PathFault("malformed", "numbers of nodes are expected, parted by commas and semicolons.", from);
      if (node >= nodeCount) throw new PathFault("dangling-reference", `the topology has no node ${node}.`, from);
      if (previous < 0) {
        if (node !== demandSrc[d]) throw new PathFault("not-allowed", `a path begins at ${node}, not at the pair's source.`, from);
      } else {
        const link = linkOf[previous * nodeCount + node] as number;
        if (link < 0) throw new PathFault("dangling-reference", `the topology has no link from ${previous} to ${node}.`, from);
        this.pathLinks[this.hops++] = link;
      }
      previous = node;
      if (character === comma) continue;
      if (node !== demandDst[d]) throw new PathFault("not-allowed", `a path ends at ${node}, not at the pair's destination.`, from);
      this.linkStart[++this.paths] = this.hops;
      return at;
    }
  }

  private endsLine(at: number): boolean {
    const character = this.text[at];
    return at >= this.text.length || character === newline || character === carriageReturn;
  }
}

/** From 1. */
function lineNumber(text: Uint8Array, at: number): number {
  let line = 1;
  for (let k = 0; k < at; k++) if (text[k] === newline) line += 1;
  return line;
}
