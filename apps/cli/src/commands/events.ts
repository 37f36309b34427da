/** `sluice events`: the journal, what was or, with -f, what comes. */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { parseWhole } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { eventLine, eventSchema, type JournalEvent } from "../operator/event-text.js";
import { newestSequence, readEvents } from "../operator/journal.js";
import { yamlText, type OutputFormat } from "../operator/output.js";
import { jsonOf } from "../operator/refused-request.js";
import { withController, type ControllerFlags, type Session } from "../operator/with-controller.js";
import { argumentFault } from "../refusal.js";

/** How far back the journal is shown where nothing is said about that. */
const lastDefault = 50;
const sequenceMax = Number.MAX_SAFE_INTEGER;

export interface EventsFlags extends ControllerFlags {
  readonly follow?: boolean;
  readonly after?: string;
  readonly last?: string;
  readonly kind?: string;
  readonly request?: string;
  readonly limit?: string;
}

export const eventFormats: readonly OutputFormat[] = ["table", "json", "yaml", "name"];

export function eventsCommand(flags: EventsFlags, context: CommandContext): Promise<ExitCode> {
  return withController(flags, context, (session) => (flags.follow === true ? follow(flags, session) : list(flags, session)), eventFormats);
}

/** Where to begin; undefined: with what comes next. */
async function beginningOf(flags: EventsFlags, { client }: Session, lastUnsaid: number | undefined): Promise<Result<number | undefined>> {
  if (flags.after !== undefined) {
    if (flags.last !== undefined)
      return refuse(argumentFault("not-allowed", "--last", "--after and --last both say where to begin: give one."));
    return parseWhole(flags.after, "--after", { least: 0, most: sequenceMax });
  }
  const last = flags.last === undefined ? ok(lastUnsaid) : parseWhole(flags.last, "--last", { least: 0, most: sequenceMax });
  if (!last.ok || last.value === undefined) return last;
  const newest = await newestSequence(client);
  return newest.ok ? ok(Math.max(0, newest.value - last.value)) : newest;
}

function mostOf({ limit }: EventsFlags): Result<number | undefined> {
  return limit === undefined ? ok(undefined) : parseWhole(limit, "--limit", { least: 1, most: 1_000_000 });
}

async function list(flags: EventsFlags, session: Session): Promise<Result<ExitCode>> {
  const most = mostOf(flags);
  if (!most.ok) return most;
  const after = await beginningOf(flags, session, flags.request === undefined ? lastDefault : sequenceMax);
  if (!after.ok) return after;
  const { client, terminal } = session;
  const wanted = { after: after.value ?? 0, kind: flags.kind, correlation: flags.request, most: most.value };
  const read = await readEvents(client, wanted, (count) => terminal.progress(`read events: ${count}`));
  if (!read.ok) return read;
  const { items } = read.value;
  await session.show({
    value: read.value,
    names: items.map(({ sequence }) => String(sequence)),
    table: (colors) => (items.length === 0 ? "There are no such events.\n" : items.map((event) => eventLine(event, colors)).join("")),
  });
  return ok(exitCode.ok);
}

/** Until --limit events have come or the command is interrupted: one line, one JSON object or one YAML document each. */
async function follow(flags: EventsFlags, session: Session): Promise<Result<ExitCode>> {
  const most = mostOf(flags);
  if (!most.ok) return most;
  if (flags.request !== undefined)
    return refuse(
      argumentFault("not-allowed", "--request", "A stream cannot be of one request: sluice history REQUEST shows what followed from it."),
    );
  const after = await beginningOf(flags, session, undefined);
  if (!after.ok) return after;
  const { client, terminal } = session;
  let count = 0;
  for await (const next of client.stream("/v1/events/stream", { after: after.value, kind: flags.kind })) {
    if (!next.ok) return next;
    const event = eventSchema.safeParse(jsonOf(next.value.data));
    if (!event.success) return refuse(fault("malformed", `${client.origin} sent something that is no event.`, { pointer: "--controller" }));
    await terminal.write(pieceOf(event.data, session));
    count += 1;
    if (count === most.value) break;
  }
  return ok(exitCode.ok);
}

function pieceOf(event: JournalEvent, { output, terminal }: Session): string {
  if (output === "json") return `${JSON.stringify(event)}\n`;
  if (output === "yaml") return `---\n${yamlText(event)}`;
  return output === "name" ? `${event.sequence}\n` : eventLine(event, terminal.colors);
}
