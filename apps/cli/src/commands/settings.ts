/** `sluice settings` and `sluice mode`: what operators have set about planning and about operating, and changing it. */
import { cycleModes, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import { parseOneOf } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { listOf, textOf, type Arguments } from "../grammar/act.js";
import { isMeant, shownBefore } from "../operator/change-asked.js";
import { fieldsText, partText } from "../operator/columns-of.js";
import type { ControllerClient } from "../operator/controller-client.js";
import { fieldChanges } from "../operator/field-changes.js";
import { flatFields } from "../operator/flat-fields.js";
import type { OutputFormat } from "../operator/output.js";
import { withController, type ControllerFlags, type Session } from "../operator/with-controller.js";
import { argumentFault } from "../refusal.js";
import type { Colors } from "../terminal.js";

export const settingsFormats: readonly OutputFormat[] = ["table", "json", "yaml"];

type Fields = Readonly<Record<string, unknown>>;
const fieldsSchema = z.record(z.string(), z.unknown());

/** The two documents: their fields have different names, so a field's name says in which it is. */
const documents = ["settings", "operation"] as const;
type DocumentName = (typeof documents)[number];

interface Read {
  readonly fields: Fields;
  readonly etag: string;
}

async function readDocument(client: ControllerClient, name: DocumentName): Promise<Result<Read>> {
  const answer = await client.get(`/v1/${name}`, fieldsSchema);
  return answer.ok ? ok({ fields: answer.value.value, etag: answer.value.etag ?? "*" }) : answer;
}

async function readBoth(client: ControllerClient): Promise<Result<Readonly<Record<DocumentName, Read>>>> {
  const [settings, operation] = await Promise.all([readDocument(client, "settings"), readDocument(client, "operation")]);
  if (!settings.ok) return settings;
  return operation.ok ? ok({ settings: settings.value, operation: operation.value }) : operation;
}

/** All of both documents, or the fields that are named. */
export function settingsGetCommand(flags: ControllerFlags, context: CommandContext, [given]: Arguments): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async ({ client, show }) => {
      const read = await readBoth(client);
      if (!read.ok) return read;
      const { settings, operation } = read.value;
      const names = listOf(given);
      if (names.length === 0) {
        await show({
          value: { settings: settings.fields, operation: operation.fields },
          table: (colors) =>
            `${colors.bold("planning")}\n${fieldsText(flatFields(settings.fields), colors)}${partText("operating", fieldsText(flatFields(operation.fields), colors), colors)}`,
        });
        return ok(exitCode.ok);
      }
      const found: (readonly [string, unknown])[] = [];
      for (const name of names) {
        const value = valueAt(settings.fields, name) ?? valueAt(operation.fields, name);
        if (value === undefined) return refuse(noField(name, read.value));
        found.push([name, value]);
      }
      await show({ value: Object.fromEntries(found), table: (colors) => fieldsText(flatFields(Object.fromEntries(found)), colors) });
      return ok(exitCode.ok);
    },
    settingsFormats,
  );
}

function valueAt(fields: Fields, path: string): unknown {
  let at: unknown = fields;
  for (const part of path.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Fields)[part];
  }
  return at;
}

function noField(name: string, { settings, operation }: Readonly<Record<DocumentName, Read>>) {
  const names = [...Object.keys(settings.fields), ...Object.keys(operation.fields)].filter((each) => each !== "version");
  return argumentFault("not-found", "FIELD", `There is no field ${JSON.stringify(name)}, but: ${names.join(", ")}.`);
}

export interface SettingsSetFlags extends ControllerFlags {
  readonly yes?: boolean;
}

/** Shows what would be otherwise, asks, and changes it unless somebody else did meanwhile. */
export function settingsSetCommand(flags: SettingsSetFlags, context: CommandContext, [given]: Arguments): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async (session) => {
      const sets = listOf(given);
      const read = await readBoth(session.client);
      if (!read.ok) return read;
      const name = documentOf(sets, read.value);
      if (!name.ok) return name;
      const { fields, etag } = read.value[name.value];
      const changes = fieldChanges(sets, { before: fields, option: "FIELD=VALUE" });
      if (!changes.ok) return changes;
      return change(session, { name: name.value, before: fields, changes: changes.value ?? {}, ifMatch: etag, flags });
    },
    settingsFormats,
  );
}

/** The one document that all fields are in. A name that is in neither is for the controller to judge, as a field of settings. */
function documentOf(sets: readonly string[], { operation }: Readonly<Record<DocumentName, Read>>): Result<DocumentName> {
  const tops = sets.map((each) => each.split(/[.=]/, 1)[0] ?? "");
  if (tops.includes("mode")) return refuse(argumentFault("not-allowed", "FIELD=VALUE", "The mode has a command of its own: sluice mode."));
  const inOperation = tops.filter((top) => Object.hasOwn(operation.fields, top) && top !== "version");
  if (inOperation.length === 0) return ok("settings");
  if (inOperation.length === tops.length) return ok("operation");
  return refuse(
    argumentFault(
      "not-allowed",
      "FIELD=VALUE",
      `${inOperation.join(", ")} is about operating and the others about planning: these are changed one after the other.`,
    ),
  );
}

export interface ModeFlags extends ControllerFlags {
  readonly yes?: boolean;
}

const modeMeanings: Readonly<Record<(typeof cycleModes)[number], string>> = {
  automatic: "plans follow demand and the network",
  held: "nothing is planned; local repair and prepared splits still answer failures",
  "shortest-path": "every class goes on shortest paths, and nothing is guaranteed",
};

/** Without a mode, tells the one that is set. */
export function modeCommand(flags: ModeFlags, context: CommandContext, [asked]: Arguments): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async (session) => {
      const mode = asked === undefined ? ok(undefined) : parseOneOf(textOf(asked), cycleModes, "MODE");
      if (!mode.ok) return mode;
      const read = await readDocument(session.client, "operation");
      if (!read.ok) return read;
      const { fields } = read.value;
      if (mode.value !== undefined) {
        const changes = { mode: mode.value };
        // Whatever else is changed meanwhile: the button is for when there is no time to look.
        return change(session, { name: "operation", before: fields, changes, ifMatch: "*", flags, meaning: modeMeanings[mode.value] });
      }
      const now = String(fields["mode"]);
      const meaning = cycleModes.find((each) => each === now);
      await session.show({
        value: { mode: now },
        table: () => `${now}${meaning === undefined ? "" : `: ${modeMeanings[meaning]}`}\n`,
      });
      return ok(exitCode.ok);
    },
    settingsFormats,
  );
}

interface Changing {
  readonly name: DocumentName;
  readonly before: Fields;
  /** Whole fields. */
  readonly changes: Fields;
  readonly ifMatch: string;
  readonly flags: { readonly yes?: boolean };
  /** What it comes to, in words. */
  readonly meaning?: string;
}

async function change(session: Session, { name, before, changes, ifMatch, flags, meaning }: Changing): Promise<Result<ExitCode>> {
  const { client, output, terminal, context } = session;
  const lines = (colors: Colors) => differenceLines(before, { ...before, ...changes }, colors);
  if (lines(terminal.colors).length === 0) {
    terminal.tell("sluice: it is set so already: nothing was changed.");
    if (output !== "table") await session.show({ value: before, table: () => "" });
    return ok(exitCode.ok);
  }
  await shownBefore(lines, flags, session);
  const meant = await isMeant(`Change this?${meaning === undefined ? "" : ` Then ${meaning}.`}`, flags, context);
  if (!meant.ok) return meant;
  if (!meant.value) return ok(exitCode.verdictFailed);
  const changed = await client.change("PATCH", `/v1/${name}`, changes, { schema: fieldsSchema, ifMatch });
  if (!changed.ok) return changed;
  const { value, requestId } = changed.value;
  if (output === "table")
    terminal.tell(
      `sluice: changed; ${name}: version ${String(value["version"])}${requestId === undefined ? "" : ` (sluice history ${requestId})`}.`,
    );
  else await session.show({ value, table: () => "" });
  return ok(exitCode.ok);
}

/** `~ tunnels.k  4 -> 8`, in the order of the fields. */
function differenceLines(before: Fields, after: Fields, colors: Colors): readonly string[] {
  const old = new Map(flatFields(before));
  const now = new Map(flatFields(after));
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((field) => {
    const [was, is] = [old.get(field), now.get(field)];
    if (was === is) return [];
    if (was === undefined) return [`${colors.green("+")} ${field}  ${is}`];
    return [is === undefined ? `${colors.red("-")} ${field}  ${was}` : `${colors.yellow("~")} ${field}  ${was} -> ${is}`];
  });
}
