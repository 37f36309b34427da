/** Events of the journal for people: a line each. */
import { z } from "zod";
import type { Colors } from "../terminal.js";
import { flatFields } from "./flat-fields.js";
import { instantText } from "./columns-of.js";

export const eventSchema = z.looseObject({
  sequence: z.number(),
  at: z.string(),
  kind: z.string(),
  data: z.record(z.string(), z.unknown()),
});
export type JournalEvent = z.output<typeof eventSchema>;

const bad = /failed|refused|lost|down|broken|missed|rejected|quarantined|frozen|damped/;

/** `    12  2026-11-21T22:53:26Z  plan-applied  epoch=1 messages=47`. */
export function eventLine({ sequence, at, kind, data }: JournalEvent, colors: Colors): string {
  const fields = flatFields(data).map(
    ([name, text]) => `${name}=${/[\s"]/.test(text) && !text.startsWith("[") ? JSON.stringify(text) : text}`,
  );
  const shownKind = bad.test(kind) ? colors.red(kind) : kind;
  return `${String(sequence).padStart(6)}  ${colors.dim(instantText(at))}  ${shownKind}${fields.length === 0 ? "" : `  ${fields.join(" ")}`}\n`;
}
