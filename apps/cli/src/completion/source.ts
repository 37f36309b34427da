/** What can stand at a place of the grammar: words that are known here, ids that the controller knows, or files. */
import { cycleModes, objectiveNames, trafficClasses } from "@sluice/model";
import type { Argument, Option } from "commander";
import { describable } from "../commands/describe.js";
import { elementKinds } from "../operator/network-elements.js";
import { outputFormats } from "../operator/output.js";
import { resources } from "../operator/resources.js";

export type Source =
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** Ids of a resource, as `sluice get NAME -o name` has them. */
  | { readonly kind: "ids"; readonly resource: string }
  /** Fields of settings, each with this behind it. */
  | { readonly kind: "fields"; readonly suffix: string }
  | { readonly kind: "contexts" }
  /** What the shell does with paths. */
  | { readonly kind: "files" };

const words = (...list: readonly string[]): Source => ({ kind: "words", words: list });
const ids = (resource: string): Source => ({ kind: "ids", resource });
const contexts: Source = { kind: "contexts" };
const files: Source = { kind: "files" };

/** Of elements that are drained or asked about: the resource of each kind. */
const resourceOfElement: ReadonlyMap<string, string> = new Map([
  ["node", "nodes"],
  ["link", "links"],
  ["cable", "links"],
  ["srlg", "srlgs"],
]);

/** By the command's path and the place of the argument. */
const ofArgument: ReadonlyMap<string, (before: readonly string[]) => Source> = new Map<string, (before: readonly string[]) => Source>([
  ["get 0", () => words(...resources.map(({ name }) => name))],
  ["get 1", ([name = ""]) => ids(name)],
  ["describe 0", () => words(...describable)],
  ["describe 1", ([name = ""]) => ids(name)],
  ["mode 0", () => words(...cycleModes)],
  ["settings get 0", () => ({ kind: "fields", suffix: "" })],
  ["settings set 0", () => ({ kind: "fields", suffix: "=" })],
  ["context use 0", () => contexts],
  ["context show 0", () => contexts],
  ["context remove 0", () => contexts],
  ["path-check 0", () => ids("nodes")],
  ["path-check 1", () => ids("nodes")],
  ["diff 0", () => ids("plans")],
  ["diff 1", () => ids("plans")],
  ["confirm 0", () => ids("plans")],
  ["rollback 0", () => ids("plans")],
  ["drain 0", () => words(...elementKinds)],
  ["drain 1", ([kind = ""]) => ids(resourceOfElement.get(kind) ?? kind)],
  ["undrain 0", () => words(...elementKinds)],
  ["undrain 1", ([kind = ""]) => ids(resourceOfElement.get(kind) ?? kind)],
  ["validate 0", () => ids("nodes")],
  ["resync 0", () => ids("nodes")],
  ["completion 0", () => words("bash", "zsh", "fish")],
]);

export function sourceOfArgument(
  path: string,
  { argument, index, before }: { argument: Argument; index: number; before: readonly string[] },
): Source {
  const known = ofArgument.get(`${path} ${index}`)?.(before);
  if (known !== undefined) return known;
  return argument.argChoices === undefined ? files : words(...argument.argChoices);
}

const ofOption: ReadonlyMap<string, Source> = new Map([
  ["--context", contexts],
  ["--class", words(...trafficClasses)],
  ["--objective", words(...objectiveNames)],
  ["--src", ids("nodes")],
  ["--dst", ids("nodes")],
  ["--link", ids("links")],
  ["--fail", ids("links")],
  ["--drain", ids("links")],
  ["--undrain", ids("links")],
  ["--demand", ids("demands")],
  ["--epoch", ids("plans")],
  ["--set", { kind: "fields", suffix: "=" }],
]);
/** Values that are no files, and nothing is known of. */
const freeValues =
  /^<(n|ms|span|rate|url|id|name|kinds?|factor|field=value|capacity|unit|gap|seconds|p|number:hash|time|order|which|spans)>$/;

export function sourceOfOption(option: Option): Source {
  if (option.argChoices !== undefined) return words(...option.argChoices);
  const known = ofOption.get(option.long ?? "");
  if (known !== undefined) return known;
  // `-o` of convert is a file; elsewhere it lists its forms in its description.
  const forms = option.description.split(/, | or /).filter((each) => outputFormats.some((format) => format === each));
  if (option.long === "--output" && forms.length > 0) return words(...forms);
  return freeValues.test(/<.*>|\[.*\]/.exec(option.flags)?.[0] ?? "") ? words() : files;
}
