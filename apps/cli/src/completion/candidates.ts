/** What the word could become. Asks the controller for ids, shortly: who completes does not wait. */
import type { Command } from "commander";
import type { CommandContext } from "../command-context.js";
import { contextFilePath, readContexts } from "../operator/context-file.js";
import { flatFields } from "../operator/flat-fields.js";
import { resourceNamed } from "../operator/resources.js";
import { openClient, type ControllerFlags } from "../operator/with-controller.js";
import { z } from "zod";
import { placeOf, type Placed } from "./place.js";
import { sourceOfArgument, sourceOfOption, type Source } from "./source.js";

/** Longest wait for ids. */
const waitSpan = "2s";
/** Most ids that are offered. */
const idsMax = 1_000;

export interface Candidate {
  readonly word: string;
  readonly what: string;
}

export interface Candidates {
  readonly items: readonly Candidate[];
  /** Paths of files are meant, too. */
  readonly areFiles: boolean;
}

/** Never fails: what cannot be found out is left out. */
export async function candidatesFor(program: Command, words: readonly string[], context: CommandContext): Promise<Candidates> {
  const placed = placeOf(program, words);
  const { partial, prefix } = placed;
  const { items, areFiles } = await candidatesAt(placed, context);
  return {
    areFiles,
    items: items.filter(({ word }) => word.startsWith(partial)).map(({ word, what }) => ({ word: `${prefix}${word}`, what })),
  };
}

async function candidatesAt({ place, given }: Placed, context: CommandContext): Promise<Candidates> {
  switch (place.kind) {
    case "nothing":
      return { items: [], areFiles: false };
    case "command":
      return { items: place.commands.map((each) => ({ word: each.name(), what: each.description() })), areFiles: false };
    case "option":
      return {
        items: place.options.flatMap(({ long, description }) => (long == null ? [] : [{ word: long, what: description }])),
        areFiles: false,
      };
    case "value":
      return ofSource(sourceOfOption(place.option), given, context);
    case "argument":
      return ofSource(sourceOfArgument(place.path, place), given, context);
  }
}

async function ofSource(source: Source, given: Placed["given"], context: CommandContext): Promise<Candidates> {
  if (source.kind === "files") return { items: [], areFiles: true };
  const words = await wordsOf(source, given, context);
  return { items: words.map((word) => ({ word, what: "" })), areFiles: false };
}

async function wordsOf(
  source: Exclude<Source, { readonly kind: "files" }>,
  given: Placed["given"],
  context: CommandContext,
): Promise<readonly string[]> {
  switch (source.kind) {
    case "words":
      return source.words;
    case "contexts": {
      const read = await readContexts(contextFilePath(context.env));
      return read.ok ? read.value.file.contexts.map(({ name }) => name) : [];
    }
    case "ids": {
      const resource = resourceNamed(source.resource);
      const client = await quietClient(given, context);
      if (!resource.ok || resource.value.form !== "list" || client === undefined) return [];
      const { nameOf } = resource.value;
      const got = await resource.value.read(client, { query: {}, most: idsMax });
      return got.ok ? got.value.items.map((item) => nameOf(item)) : [];
    }
    case "fields": {
      const client = await quietClient(given, context);
      if (client === undefined) return [];
      const read = await Promise.all(["/v1/settings", "/v1/operation"].map((path) => client.get(path, z.record(z.string(), z.unknown()))));
      const names = read.flatMap((each) => (each.ok ? flatFields(each.value.value).map(([name]) => name) : []));
      return names.filter((name) => name !== "version").map((name) => `${name}${source.suffix}`);
    }
  }
}

/** Of the controller that the options before the word name. Tells nothing: the person is in the middle of a line. */
async function quietClient(given: Placed["given"], context: CommandContext) {
  const flags: ControllerFlags = Object.fromEntries(
    (
      [
        ["context", "--context"],
        ["controller", "--controller"],
        ["tokenFile", "--token-file"],
        ["ca", "--ca"],
        ["cert", "--cert"],
        ["key", "--key"],
      ] as const
    ).flatMap(([field, option]) => (given.has(option) ? [[field, given.get(option)]] : [])),
  );
  const silent = { ...context, terminal: { ...context.terminal, tell: () => undefined } };
  const client = await openClient({ ...flags, timeout: waitSpan }, silent, []);
  return client.ok ? client.value : undefined;
}
