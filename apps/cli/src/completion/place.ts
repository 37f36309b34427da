/** Where in the grammar the word is that is being completed. */
import type { Argument, Command, Option } from "commander";

export type Place =
  /** A name of one of these commands. */
  | { readonly kind: "command"; readonly commands: readonly Command[] }
  /** One of these options. */
  | { readonly kind: "option"; readonly options: readonly Option[] }
  /** The value of an option. */
  | { readonly kind: "value"; readonly path: string; readonly option: Option }
  /** An argument of the command, behind those. */
  | {
      readonly kind: "argument";
      readonly path: string;
      readonly argument: Argument;
      readonly index: number;
      readonly before: readonly string[];
    }
  | { readonly kind: "nothing" };

export interface Placed {
  readonly place: Place;
  /** What is there of the word; of `--option=val` only the value. */
  readonly partial: string;
  /** Of the word, but no part of what is completed: `--option=`. */
  readonly prefix: string;
  /** Values of options that were given before, by long name. */
  readonly given: ReadonlyMap<string, string>;
}

/** `words` are those behind the program's name, the last one the word that is completed. */
export function placeOf(program: Command, words: readonly string[]): Placed {
  let command = program;
  const path: string[] = [];
  const before: string[] = [];
  const given = new Map<string, string>();
  let awaited: Option | undefined;
  let isPlain = false;
  for (const word of words.slice(0, -1)) {
    if (awaited !== undefined) {
      given.set(awaited.long ?? "", word);
      awaited = undefined;
    } else if (!isPlain && word === "--") {
      isPlain = true;
    } else if (!isPlain && word.startsWith("-") && word !== "-") {
      const [name = "", value] = word.split(/=(.*)/s, 2);
      const option = optionsOf(command).find(({ short, long }) => short === name || long === name);
      if (option !== undefined && value !== undefined) given.set(option.long ?? "", value);
      else if (option?.required === true) awaited = option;
    } else {
      const child =
        before.length === 0 ? visible(command).find((each) => each.name() === word || each.aliases().includes(word)) : undefined;
      if (child === undefined) {
        before.push(word);
      } else {
        command = child;
        path.push(child.name());
      }
    }
  }
  const last = words.at(-1) ?? "";
  const here = path.join(" ");
  if (awaited !== undefined) return { place: { kind: "value", path: here, option: awaited }, partial: last, prefix: "", given };
  const [name = "", value] = last.split(/=(.*)/s, 2);
  if (!isPlain && last.startsWith("--") && value !== undefined) {
    const option = optionsOf(command).find(({ long }) => long === name);
    const place: Place = option === undefined ? { kind: "nothing" } : { kind: "value", path: here, option };
    return { place, partial: value, prefix: `${name}=`, given };
  }
  if (!isPlain && last.startsWith("-")) return { place: { kind: "option", options: optionsOf(command) }, partial: last, prefix: "", given };
  return { place: argumentPlace(command, here, before), partial: last, prefix: "", given };
}

function argumentPlace(command: Command, path: string, before: readonly string[]): Place {
  const commands = visible(command);
  const { registeredArguments } = command;
  if (before.length === 0 && commands.length > 0 && registeredArguments.length === 0) return { kind: "command", commands };
  const index = Math.min(before.length, registeredArguments.length - 1);
  const argument = registeredArguments[index];
  if (argument === undefined || (before.length > index && !argument.variadic)) return { kind: "nothing" };
  return { kind: "argument", path, argument, index, before };
}

/** Without those that are for the shells' scripts alone. */
function visible(command: Command): readonly Command[] {
  return command.commands.filter((each) => !each.name().startsWith("__"));
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}
