/** The difference of two plans for people, with the signs of terraform: + is added, - is removed, ~ is otherwise. */
import { trafficClasses } from "@sluice/model";
import { columnsText } from "../columns.js";
import { percentText, rateText } from "../rate-unit.js";
import type { Colors } from "../terminal.js";
import type { BlastRadiusFigures, BlastRadiusLimits, Difference } from "./plan-answer.js";

export interface DifferenceTableOptions {
  readonly colors: Colors;
  /** Most rows of one part; `Infinity` for all. */
  readonly rows: number;
  /** Absent: without what is allowed. */
  readonly limits?: BlastRadiusLimits | undefined;
}

type Sign = "+" | "-" | "~" | " ";

/** Loads and rates are sums in some order: less than this, relative, is no change. */
const rateTolerance = 1e-9;

/** Parts without a difference are left out, the classes never. */
export function differenceLines(difference: Difference, options: DifferenceTableOptions): readonly string[] {
  const parts = [
    classPart(difference, options),
    groupPart(difference, options),
    tunnelPart(difference, options),
    linkPart(difference, options),
    rulePart(difference, options),
    blastRadiusPart(difference.blastRadius, options),
  ];
  return parts.filter((part) => part.length > 0).flatMap((part, i) => (i === 0 ? part : ["", ...part]));
}

function classPart({ classes }: Difference, { colors }: DifferenceTableOptions): readonly string[] {
  return table(
    colors,
    ["class", "demand", "admitted", "change"],
    classes.map(({ trafficClass, demandBps, admittedBps }) => ({
      sign: isSame(demandBps) && isSame(admittedBps) ? " " : "~",
      cells: [trafficClass, fromTo(demandBps, rateText), fromTo(admittedBps, rateText), changeText(admittedBps)],
    })),
  );
}

/** Those that lose first, of the most important class and most of it; those that are only split otherwise are counted. */
function groupPart({ groups }: Difference, { colors, rows }: DifferenceTableOptions): readonly string[] {
  const gain = ({ admittedBps }: Difference["groups"][number]): number => admittedBps.after - admittedBps.before;
  const moved = groups
    .filter(({ demandBps, admittedBps }) => !isSame(demandBps) || !isSame(admittedBps))
    .toSorted(
      (a, b) =>
        Number(gain(a) >= 0) - Number(gain(b) >= 0) ||
        trafficClasses.indexOf(a.trafficClass) - trafficClasses.indexOf(b.trafficClass) ||
        Math.abs(gain(b)) - Math.abs(gain(a)),
    );
  const resplit = groups.filter((group) => group.resplit).length;
  return [
    ...(moved.length === 0
      ? []
      : table(
          colors,
          ["flow group", "demand", "admitted", "change"],
          moved.slice(0, rows).map(({ src, dst, trafficClass, demandBps, admittedBps }) => ({
            sign: signOf(demandBps),
            cells: [`${src}>${dst}/${trafficClass}`, fromTo(demandBps, rateText), fromTo(admittedBps, rateText), changeText(admittedBps)],
          })),
        )),
    ...more(moved.length - rows, colors),
    ...(resplit === 0 ? [] : [`${signText("~", colors)} ${counted(resplit, "flow group")} split otherwise`]),
  ];
}

function tunnelPart({ tunnels: { added, removed } }: Difference, { colors, rows }: DifferenceTableOptions): readonly string[] {
  if (added.length + removed.length === 0) return [];
  const all = [...removed.map((tunnel) => ({ sign: "-" as const, tunnel })), ...added.map((tunnel) => ({ sign: "+" as const, tunnel }))];
  const sum = `${signText("+", colors)} ${counted(added.length, "tunnel")}, ${signText("-", colors)} ${counted(removed.length, "tunnel")}`;
  if (rows !== Infinity) return [sum];
  return [
    sum,
    ...table(
      colors,
      ["tunnel", "over"],
      all.map(({ sign, tunnel: { src, dst, path } }) => ({ sign, cells: [`${src}>${dst}`, path.join(" ")] })),
      "text",
    ),
  ];
}

/** The fullest after the change first, then those that were. */
function linkPart({ links }: Difference, { colors, rows }: DifferenceTableOptions): readonly string[] {
  if (links.length === 0) return [];
  const sorted = links.toSorted(
    (a, b) => (b.utilization.after ?? 0) - (a.utilization.after ?? 0) || (b.utilization.before ?? 0) - (a.utilization.before ?? 0),
  );
  // What carries nothing any more is what was asked about, as often as not: the one that carried most is shown, however short the table.
  const shown = sorted.slice(0, rows);
  const emptied = sorted
    .filter(({ loadBps }) => loadBps.before > 0 && loadBps.after === 0)
    .toSorted((a, b) => b.loadBps.before - a.loadBps.before)
    .filter((link) => !shown.includes(link))
    .slice(0, 2);
  return [
    ...table(
      colors,
      ["link", "load", "of capacity", "change"],
      [...shown, ...emptied].map(({ linkId, capacityBps, loadBps, utilization }) => ({
        sign: signOf(loadBps),
        cells: [
          capacityBps.before === capacityBps.after ? linkId : `${linkId} (${maybeFromTo(capacityBps, rateText)})`,
          fromTo(loadBps, rateText),
          maybeFromTo(utilization, percentText),
          changeText(loadBps),
        ],
      })),
    ),
    ...more(sorted.length - shown.length - emptied.length, colors),
  ];
}

function rulePart({ rules }: Difference, { colors, rows }: DifferenceTableOptions): readonly string[] {
  if (rules.switches.length === 0) return [];
  const sorted = rules.switches.toSorted((a, b) => b.added + b.changed + b.removed - (a.added + a.changed + a.removed));
  return [
    ...table(
      colors,
      ["switch", "rules", "added", "changed", "removed"],
      sorted.slice(0, rows).map(({ nodeId, rulesBefore, rulesAfter, added, changed, removed }) => ({
        sign: (rulesBefore === 0 ? "+" : rulesAfter === 0 ? "-" : "~") as Sign,
        cells: [nodeId, fromTo({ before: rulesBefore, after: rulesAfter }, String), `+${added}`, `~${changed}`, `-${removed}`],
      })),
    ),
    ...more(sorted.length - rows, colors),
  ];
}

function blastRadiusPart(radius: BlastRadiusFigures, { colors, limits }: DifferenceTableOptions): readonly string[] {
  const { rulesAdded, rulesChanged, rulesRemoved, rulesInstalled } = radius;
  if (rulesInstalled === 0) return [];
  const changed = rulesAdded + rulesChanged + rulesRemoved;
  const line = (name: string, text: string, isBeyond: boolean, limit: string | undefined): string => {
    const allowed = limit === undefined ? "" : colors.dim(` (${limit} without --force)`);
    return `  ${name.padEnd(21)} ${isBeyond ? colors.red(text) : text}${allowed}`;
  };
  return [
    colors.bold("blast radius"),
    line(
      "rules changed",
      `${changed} against ${rulesInstalled} installed, ${percentText(radius.rulesChangedShare)}`,
      limits !== undefined && radius.rulesChangedShare > limits.rulesChangedShareMax,
      limits && `at most ${percentText(limits.rulesChangedShareMax)}`,
    ),
    line(
      "admitted given up",
      `${rateText(radius.admittedLossBps)} of ${rateText(radius.admittedBeforeBps)}, ${percentText(radius.admittedLossShare)}`,
      limits !== undefined && radius.admittedLossShare > limits.admittedLossShareMax,
      limits && `at most ${percentText(limits.admittedLossShareMax)}`,
    ),
    line(
      `${trafficClasses[0]} given up`,
      rateText(radius.topClassLossBps),
      limits !== undefined && !limits.topClassLossAllowed && radius.topClassLossBps > 0,
      limits && (limits.topClassLossAllowed ? "any" : "nothing"),
    ),
  ];
}

/** Whether a controller with these limits refuses the change unless it is forced. */
export function needsForce(radius: BlastRadiusFigures, limits: BlastRadiusLimits): boolean {
  return (
    radius.rulesChangedShare > limits.rulesChangedShareMax ||
    radius.admittedLossShare > limits.admittedLossShareMax ||
    (radius.topClassLossBps > 0 && !limits.topClassLossAllowed)
  );
}

/** `569 rules to add, 409 to change, 538 to remove on 12 switches; 324 Gb/s less admitted`. */
export function gistOf({ rules, classes }: Pick<Difference, "rules" | "classes">): string {
  const admitted = (side: "before" | "after"): number => classes.reduce((sum, { admittedBps }) => sum + admittedBps[side], 0);
  const [before, after] = [admitted("before"), admitted("after")];
  const traffic = isSame({ before, after })
    ? "all that is admitted stays so"
    : `${rateText(Math.abs(after - before))} ${after < before ? "less" : "more"} admitted`;
  return `${counted(rules.added, "rule")} to add, ${rules.changed} to change, ${rules.removed} to remove on ${counted(rules.switches.length, "switch", "switches")}; ${traffic}`;
}

export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

interface Row {
  readonly sign: Sign;
  readonly cells: readonly string[];
}

/** A table whose first column is the sign, and the second names what it is about; what follows are figures, or `text`. */
export function table(
  colors: Colors,
  head: readonly string[],
  rows: readonly Row[],
  follows: "figures" | "text" = "figures",
): readonly string[] {
  const align = follows === "figures" ? ("right" as const) : ("left" as const);
  return columnsText({
    head: ["", ...head].map((name) => colors.dim(name)),
    aligns: ["left", "left", ...head.slice(1).map(() => align)],
    rows: rows.map(({ sign, cells }) => [signText(sign, colors), ...cells]),
  }).split("\n");
}

function signText(sign: Sign, { green, red, yellow }: Colors): string {
  return sign === "+" ? green(sign) : sign === "-" ? red(sign) : sign === "~" ? yellow(sign) : sign;
}

function more(count: number, { dim }: Colors): readonly string[] {
  return count > 0 ? [dim(`  and ${count} more: --top, -o wide or -o json`)] : [];
}

interface Figures {
  readonly before: number;
  readonly after: number;
}

function isSame({ before, after }: Figures): boolean {
  return Math.abs(before - after) <= rateTolerance * Math.max(Math.abs(before), Math.abs(after));
}

function signOf(figures: Figures): Sign {
  if (figures.before === 0 && figures.after > 0) return "+";
  return figures.before > 0 && figures.after === 0 ? "-" : "~";
}

function fromTo(figures: Figures, text: (value: number) => string): string {
  const [before, after] = [text(figures.before), text(figures.after)];
  return isSame(figures) || before === after ? after : `${before} -> ${after}`;
}

function maybeFromTo(
  { before, after }: { readonly before?: number | undefined; readonly after?: number | undefined },
  text: (value: number) => string,
): string {
  const side = (value: number | undefined): string => (value === undefined ? "none" : text(value));
  return side(before) === side(after) ? side(after) : `${side(before)} -> ${side(after)}`;
}

function changeText(figures: Figures): string {
  if (isSame(figures)) return "";
  const by = figures.after - figures.before;
  const share = figures.before === 0 ? "" : ` (${by > 0 ? "+" : ""}${percentText(by / figures.before)})`;
  return `${by > 0 ? "+" : ""}${rateText(by)}${share}`;
}
