/** `sluice context`: controllers by name, kept in a file of the operator's own. Tokens are never shown. */
import { resolve } from "node:path";
import { ok, refuse, type Result } from "@sluice/model";
import { parseOneOf } from "../argument.js";
import { refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { textOf, type Arguments } from "../grammar/act.js";
import { tableOf, fieldsText, type Column } from "../operator/columns-of.js";
import { checkedToken, parseControllerUrl } from "../operator/connection.js";
import {
  contextFilePath,
  contextNamed,
  parseContext,
  readContexts,
  writeContexts,
  type ContextFile,
  type OperatorContext,
} from "../operator/context-file.js";
import { show, type OutputFormat } from "../operator/output.js";
import { argumentFault } from "../refusal.js";

export interface ContextFlags {
  readonly output?: string;
}

export interface ContextAddFlags {
  readonly controller: string;
  readonly tokenFile?: string;
  /** Keep SLUICE_TOKEN in the file itself. */
  readonly token?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly force?: boolean;
}

const formats: readonly OutputFormat[] = ["table", "json", "yaml", "name"];

/** The first one becomes the current one. Fault: `duplicate-id`, unless --force replaces it. */
export function contextAddCommand(flags: ContextAddFlags, context: CommandContext, [name]: Arguments): Promise<ExitCode> {
  return changed(context, (file) => {
    const url = parseControllerUrl(flags.controller, "--controller");
    if (!url.ok) return url;
    const token = tokenOf(flags, context);
    if (!token.ok) return token;
    if ((flags.cert === undefined) !== (flags.key === undefined))
      return refuse(
        argumentFault(
          "missing-field",
          flags.cert === undefined ? "--cert" : "--key",
          "A client certificate needs both --cert FILE and --key FILE.",
        ),
      );
    const files = Object.entries({ tokenFile: flags.tokenFile, ca: flags.ca, cert: flags.cert, key: flags.key });
    const absolute = Object.fromEntries(files.flatMap(([field, path]) => (path === undefined ? [] : [[field, resolve(path)]])));
    const made = parseContext({
      name: textOf(name),
      controller: flags.controller,
      ...(token.value === undefined ? {} : { token: token.value }),
      ...absolute,
    });
    if (!made.ok) return made;
    const others = file.contexts.filter((each) => each.name !== made.value.name);
    if (others.length < file.contexts.length && flags.force !== true)
      return refuse(argumentFault("duplicate-id", "NAME", `There is a context ${made.value.name} already: --force replaces it.`));
    return ok({
      file: { current: file.current ?? made.value.name, contexts: [...others, made.value] },
      said: `context ${made.value.name}: ${made.value.controller}`,
    });
  });
}

function tokenOf({ token, tokenFile }: ContextAddFlags, { env }: CommandContext): Result<string | undefined> {
  if (token !== true) return ok(undefined);
  if (tokenFile !== undefined)
    return refuse(argumentFault("not-allowed", "--token", "Either --token or --token-file says where the token is."));
  const text = env["SLUICE_TOKEN"]?.trim() ?? "";
  if (text !== "") return checkedToken(text, "SLUICE_TOKEN");
  return refuse(
    argumentFault(
      "missing-field",
      "--token",
      "--token keeps the token that is in SLUICE_TOKEN, and there is none: a token on the command line could be read by others.",
    ),
  );
}

export function contextUseCommand(_flags: ContextFlags, context: CommandContext, [name]: Arguments): Promise<ExitCode> {
  return changed(context, (file) => {
    const found = contextNamed(file, textOf(name), "NAME");
    return found.ok
      ? ok({ file: { ...file, current: found.value.name }, said: `context ${found.value.name}: ${found.value.controller}` })
      : found;
  });
}

export function contextRemoveCommand(_flags: ContextFlags, context: CommandContext, [name]: Arguments): Promise<ExitCode> {
  return changed(context, (file) => {
    const found = contextNamed(file, textOf(name), "NAME");
    if (!found.ok) return found;
    const contexts = file.contexts.filter((each) => each !== found.value);
    const { current } = file;
    return ok({
      file: { ...(current === undefined || current === found.value.name ? {} : { current }), contexts },
      said: `removed context ${found.value.name}${current === found.value.name ? "; none is the current one now" : ""}`,
    });
  });
}

interface Changed {
  readonly file: ContextFile;
  readonly said: string;
}

async function changed(context: CommandContext, change: (file: ContextFile) => Result<Changed>): Promise<ExitCode> {
  const path = contextFilePath(context.env);
  const read = await readContexts(path);
  if (!read.ok) return refused(context, read.faults);
  const after = change(read.value.file);
  if (!after.ok) return refused(context, after.faults);
  const written = await writeContexts(path, after.value.file);
  if (!written.ok) return refused(context, written.faults);
  context.terminal.tell(`sluice: ${after.value.said} (${path})`);
  return exitCode.ok;
}

/** As it may be shown: of a token only that there is one. */
function shownContext({ token, ...rest }: OperatorContext, current: string | undefined) {
  return { ...rest, ...(token === undefined ? {} : { hasToken: true }), isCurrent: rest.name === current };
}
type ShownContext = ReturnType<typeof shownContext>;

export async function contextListCommand(flags: ContextFlags, context: CommandContext): Promise<ExitCode> {
  return shown(flags, context, ({ contexts, current }) => {
    const items = contexts.map((each) => shownContext(each, current));
    const columns: readonly Column<ShownContext>[] = [
      { head: "current", cell: ({ isCurrent }) => (isCurrent ? "*" : "") },
      { head: "name", cell: ({ name }) => name },
      { head: "controller", cell: ({ controller }) => controller },
      { head: "token", cell: ({ hasToken, tokenFile }) => tokenText(hasToken, tokenFile) },
      {
        head: "tls",
        cell: ({ ca, cert }) => [ca === undefined ? [] : ["own CA"], cert === undefined ? [] : ["client certificate"]].flat().join(", "),
      },
    ];
    return ok({
      value: { items },
      names: items.map(({ name }) => name),
      table: (colors, isWide) => tableOf(items, columns, { colors, isWide, none: "There are no contexts: sluice context add makes one." }),
    });
  });
}

/** The current one, or the one that is named. */
export async function contextShowCommand(flags: ContextFlags, context: CommandContext, [name]: Arguments): Promise<ExitCode> {
  return shown(flags, context, (file) => {
    const asked = name === undefined ? file.current : textOf(name);
    if (asked === undefined) return refuse(argumentFault("not-found", "NAME", "No context is the current one: sluice context use NAME."));
    const found = contextNamed(file, asked, "NAME");
    if (!found.ok) return found;
    const one = shownContext(found.value, file.current);
    return ok({
      value: one,
      names: [one.name],
      table: (colors) =>
        fieldsText(
          [
            ["name", one.name],
            ["current", one.isCurrent ? "yes" : "no"],
            ["controller", one.controller],
            ["token", tokenText(one.hasToken, one.tokenFile)],
            ["ca", one.ca],
            ["cert", one.cert],
            ["key", one.key],
          ],
          colors,
        ),
    });
  });
}

function tokenText(hasToken: boolean | undefined, tokenFile: string | undefined): string {
  return hasToken === true ? "kept here" : (tokenFile ?? "none");
}

async function shown(
  flags: ContextFlags,
  context: CommandContext,
  view: (file: ContextFile) => Result<Parameters<typeof show>[0]>,
): Promise<ExitCode> {
  const output = parseOneOf(flags.output ?? "table", formats, "--output");
  if (!output.ok) return refused(context, output.faults);
  const path = contextFilePath(context.env);
  const read = await readContexts(path);
  if (!read.ok) return refused(context, read.faults);
  if (read.value.isExposed)
    context.terminal.tell(`sluice: ${path} has a token and can be read by others on this machine: chmod 600 ${path}.`);
  const made = view(read.value.file);
  if (!made.ok) return refused(context, made.faults);
  await show(made.value, output.value, context.terminal);
  return exitCode.ok;
}
