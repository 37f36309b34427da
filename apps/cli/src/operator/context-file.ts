/**
 * The contexts of an operator: controllers by name, and how to be known there. A YAML file that only its owner may read, since tokens may be
 * in it; `$SLUICE_CONFIG`, else `$XDG_CONFIG_HOME/sluice/config.yaml`, else `~/.config/sluice/config.yaml`.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { argumentFault, inFile } from "../refusal.js";

/** Most contexts that a file may hold. */
const contextsMax = 1_000;
const fileCharsMax = 1 << 20;

export type Env = Readonly<Record<string, string | undefined>>;

const namedFile = z.string().min(1).max(4_096);
const contextSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "must begin with a letter or a digit and have only letters, digits, dot, _ and -"),
  controller: z.string().min(1).max(2_048),
  token: z.string().min(1).max(16_384).optional(),
  tokenFile: namedFile.optional(),
  ca: namedFile.optional(),
  cert: namedFile.optional(),
  key: namedFile.optional(),
});
/** A controller and how to be known there; files are absolute paths. */
export type OperatorContext = z.output<typeof contextSchema>;

const fileSchema = z.strictObject({
  current: z.string().optional(),
  contexts: z.array(contextSchema).max(contextsMax).default([]),
});
export type ContextFile = z.output<typeof fileSchema>;

export function contextFilePath(env: Env): string {
  const named = env["SLUICE_CONFIG"] ?? "";
  if (named !== "") return resolve(named);
  const xdg = env["XDG_CONFIG_HOME"] ?? "";
  const home = env["HOME"] ?? homedir();
  return join(isAbsolute(xdg) ? xdg : join(home, ".config"), "sluice", "config.yaml");
}

export interface ReadContexts {
  readonly file: ContextFile;
  /** Others on this machine can read it, and it has a token. */
  readonly isExposed: boolean;
}

/** Empty where there is no file. Faults: `malformed`, `unknown-field` and others of its fields; `unavailable` where it cannot be read. */
export async function readContexts(path: string): Promise<Result<ReadContexts>> {
  let text: string;
  let mode: number;
  try {
    ({ mode } = await stat(path));
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return ok({ file: { contexts: [] }, isExposed: false });
    return refuse(fault("unavailable", `The contexts cannot be read: ${(error as Error).message}.`, { data: { file: path } }));
  }
  const file = inFile(path, parseContexts(text));
  if (!file.ok) return file;
  const isExposed = (mode & 0o077) !== 0 && file.value.contexts.some(({ token }) => token !== undefined);
  return ok({ file: file.value, isExposed });
}

function parseContexts(text: string): Result<ContextFile> {
  const advice = { data: { advice: "mend the file, or remove it and add the contexts anew: sluice context add" } };
  if (text.length > fileCharsMax) return refuse(fault("too-large", "No file of contexts is this long.", advice));
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 0 }) as unknown;
  } catch {
    // The parser's message quotes the line, which may have a token.
    return refuse(fault("malformed", "This is no YAML.", advice));
  }
  const file = fileSchema.safeParse(document ?? {});
  if (!file.success) {
    const [issue] = file.error.issues;
    return refuse(
      fault("malformed", `${issue?.message ?? "It is malformed"}.`, { pointer: `/${(issue?.path ?? []).join("/")}`, ...advice }),
    );
  }
  const names = file.data.contexts.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return refuse(fault("duplicate-id", `Two contexts are called ${twice}.`, advice));
  return ok(file.data);
}

/** Whole or not at all, mode 0600, its folder made with 0700. Fault: `unavailable`. */
export async function writeContexts(path: string, file: ContextFile): Promise<Result<void>> {
  const partial = `${path}.${randomBytes(6).toString("hex")}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(partial, stringify(file), { mode: 0o600, flag: "wx" });
    await rename(partial, path);
    return ok(undefined);
  } catch (error) {
    await rm(partial, { force: true });
    return refuse(fault("unavailable", `The contexts cannot be written: ${(error as Error).message}.`, { data: { file: path } }));
  }
}

/** Fault: `not-found`, with the names that there are. */
export function contextNamed(file: ContextFile, name: string, option: string): Result<OperatorContext> {
  const found = file.contexts.find((context) => context.name === name);
  if (found !== undefined) return ok(found);
  const names = file.contexts.map((context) => context.name);
  const hint = names.length === 0 ? "There are none yet." : `There are: ${names.join(", ")}.`;
  return refuse(
    fault("not-found", `There is no context ${JSON.stringify(name)}. ${hint}`, {
      pointer: option,
      data: { advice: "sluice context list shows them, sluice context add makes one" },
    }),
  );
}

/** Checks one that is to be added. Faults name the option. */
export function parseContext(context: OperatorContext): Result<OperatorContext> {
  const parsed = contextSchema.safeParse(context);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0] ?? "name");
  return refuse(
    argumentFault(
      "malformed",
      field === "name" ? "NAME" : `--${field.replace("tokenFile", "token-file")}`,
      `The context's ${field} ${issue?.message ?? "is malformed"}.`,
    ),
  );
}
