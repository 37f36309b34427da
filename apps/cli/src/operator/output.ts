/** What a command says on stdout: a table for people; JSON, YAML or ids alone for programs, which never change with the terminal. */
import { stringify } from "yaml";
import { jsonText } from "../command-context.js";
import type { Colors, Terminal } from "../terminal.js";

export const outputFormats = ["table", "wide", "json", "yaml", "name"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** One answer in every form that it has. */
export interface Shown {
  /** For json and yaml: the controller's own words. */
  readonly value: unknown;
  /** Ends with a line feed. `wide` has more columns. */
  readonly table: (colors: Colors, isWide: boolean) => string;
  /** Ids, one a line; without it `-o name` is refused. */
  readonly names?: readonly string[];
}

export async function show({ value, table, names }: Shown, output: OutputFormat, terminal: Terminal): Promise<void> {
  terminal.settle();
  await terminal.write(textOf({ value, table, ...(names === undefined ? {} : { names }) }, output, terminal.colors));
}

function textOf({ value, table, names = [] }: Shown, output: OutputFormat, colors: Colors): string {
  switch (output) {
    case "json":
      return jsonText(value);
    case "yaml":
      return yamlText(value);
    case "name":
      return names.map((name) => `${name}\n`).join("");
    default:
      return table(colors, output === "wide");
  }
}

/** No anchors: every value stands where it belongs. */
export function yamlText(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}
