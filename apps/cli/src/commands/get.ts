/** `sluice get RESOURCE [ID...]`: what a controller has, as a list, one by one, or a document. */
import { ok, refuse, type Result } from "@sluice/model";
import { parseOneOf, parseWhole } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { listOf, textOf, type Arguments } from "../grammar/act.js";
import type { Shown } from "../operator/output.js";
import { filterNames, type DocumentResource, type FilterName, type ListResource, type Resource } from "../operator/resource.js";
import { resourceNamed } from "../operator/resources.js";
import { withController, type ControllerFlags, type Session } from "../operator/with-controller.js";
import { argumentFault } from "../refusal.js";
import { trafficClasses } from "@sluice/model";

/** Ids that one call may name. */
const idsMax = 1_000;

export type GetFlags = ControllerFlags & Partial<Readonly<Record<FilterName | "limit", string>>>;

export function getCommand(flags: GetFlags, context: CommandContext, [name, given]: Arguments): Promise<ExitCode> {
  const ids = listOf(given);
  return withController(flags, context, async (session) => {
    const resource = resourceNamed(textOf(name));
    if (!resource.ok) return resource;
    const shown = await read(resource.value, { ids, flags }, session);
    if (!shown.ok) return shown;
    await session.show(shown.value);
    return ok(exitCode.ok);
  });
}

interface Asked {
  readonly ids: readonly string[];
  readonly flags: GetFlags;
}

async function read(resource: Resource, asked: Asked, session: Session): Promise<Result<Shown>> {
  const query = queryOf(resource, asked);
  if (!query.ok) return query;
  const most = asked.flags.limit === undefined ? ok(undefined) : parseWhole(asked.flags.limit, "--limit", { least: 1, most: 1_000_000 });
  if (!most.ok) return most;
  if (resource.form === "document") return readDocument(resource, asked, session);
  if (asked.ids.length > 0) return readSome(resource, asked.ids, session);
  const got = await resource.read(session.client, {
    query: query.value,
    most: most.value,
    onPage: (count) => session.terminal.progress(`read ${resource.name}: ${count}`),
  });
  if (!got.ok) return got;
  const { head, items } = got.value;
  return ok(shownList(resource, { ...head, items }, items));
}

async function readDocument(resource: DocumentResource, { ids, flags }: Asked, { client, output }: Session): Promise<Result<Shown>> {
  if (ids.length > 0) return refuse(argumentFault("not-allowed", "ID", `There is one ${resource.name} document: it takes no id.`));
  if (flags.limit !== undefined)
    return refuse(argumentFault("not-allowed", "--limit", `${resource.name} is one document: --limit means nothing to it.`));
  if (output === "name")
    return refuse(argumentFault("not-allowed", "--output", `${resource.name} is one document without a name: -o json, yaml or table.`));
  const document = await resource.read(client);
  return document.ok ? ok({ value: document.value, table: (colors) => resource.table(document.value, colors) }) : document;
}

/** One as it is; several as a list. */
async function readSome(resource: ListResource, ids: readonly string[], { client }: Session): Promise<Result<Shown>> {
  if (ids.length > idsMax) return refuse(argumentFault("too-many", "ID", `At most ${idsMax} ids are taken at once.`));
  const items: unknown[] = [];
  for (const id of ids) {
    const one = await resource.readOne(client, id);
    if (!one.ok) return one;
    items.push(one.value);
  }
  const [only] = items;
  return ok(shownList(resource, items.length === 1 ? only : { items }, items));
}

function shownList(resource: ListResource, value: unknown, items: readonly unknown[]): Shown {
  return {
    value,
    names: items.map((item) => resource.nameOf(item)),
    table: (colors, isWide) => resource.table(items, { colors, isWide }),
  };
}

/** Faults: `not-allowed`, an option that means nothing to the resource or a class that there is not. */
function queryOf(resource: Resource, { ids, flags }: Asked): Result<Readonly<Record<string, string>>> {
  const query: Record<string, string> = {};
  for (const name of filterNames) {
    const text = flags[name];
    if (text === undefined) continue;
    if (!resource.filters.includes(name)) {
      const takes = resource.filters.map((each) => `--${each}`).join(", ");
      const hint = takes === "" ? "" : ` They can be by ${takes}.`;
      return refuse(argumentFault("not-allowed", `--${name}`, `${resource.name} cannot be chosen by --${name}.${hint}`));
    }
    if (ids.length > 0)
      return refuse(argumentFault("not-allowed", `--${name}`, `--${name} chooses among all ${resource.name}: leave the ids out.`));
    if (name === "class") {
      const known = parseOneOf(text, trafficClasses, "--class");
      if (!known.ok) return known;
    }
    query[name] = text;
  }
  return ok(query);
}
