/** Tables from columns that know how to read an item, and small tables of fields. */
import { columnsText } from "../columns.js";
import type { Colors } from "../terminal.js";

export interface Column<T> {
  readonly head: string;
  readonly align?: "right";
  /** In `-o wide` only. */
  readonly isWide?: true;
  readonly cell: (item: T, colors: Colors) => string;
}

/** With a head, and a line that says so where there are none. */
export function tableOf<T>(items: readonly T[], columns: readonly Column<T>[], { colors, isWide, none }: TableSetting): string {
  if (items.length === 0) return `${none}\n`;
  const shown = columns.filter((column) => isWide || column.isWide !== true);
  const text = columnsText({
    head: shown.map(({ head }) => colors.bold(head)),
    aligns: shown.map(({ align }) => align ?? "left"),
    rows: items.map((item) => shown.map(({ cell }) => cell(item, colors))),
  });
  return `${text}\n`;
}

export interface TableSetting {
  readonly colors: Colors;
  readonly isWide: boolean;
  /** What to say where there is nothing. */
  readonly none: string;
}

/** `name  text` a line, names as wide as the longest; what is undefined is left out. */
export function fieldsText(fields: readonly (readonly [string, string | undefined])[], colors: Colors): string {
  const shown = fields.filter((field): field is readonly [string, string] => field[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, text]) => `${colors.bold(name.padEnd(width))}  ${text}\n`).join("");
}

/** A heading above a part of a description. */
export function partText(heading: string, body: string, colors: Colors): string {
  return `\n${colors.bold(heading)}\n${body}`;
}

/** `2026-11-21T22:53:30Z`: tables need no fractions. */
export function instantText(instant: string | undefined): string {
  return instant === undefined ? "-" : instant.replace(/\.\d+Z$/, "Z");
}

/** Share of a capacity, coloured where it is nearly or more than all. */
export function utilizationText(share: number | undefined, colors: Colors): string {
  if (share === undefined) return "-";
  const text = `${(100 * share).toFixed(1)} %`;
  return share > 1 ? colors.red(text) : share >= 0.9 ? colors.yellow(text) : text;
}

const goodWords = new Set(["up", "active", "synced", "ready", "done", "optimal", "pass", "yes", "intact"]);
const badWords = new Set(["down", "absent", "failed", "refused", "quarantined", "fail", "no", "greedy", "broken"]);

/** A state: good ones are left plain, bad ones red, others yellow. */
export function stateText(word: string, colors: Colors): string {
  if (goodWords.has(word)) return word;
  return badWords.has(word) ? colors.red(word) : colors.yellow(word);
}
