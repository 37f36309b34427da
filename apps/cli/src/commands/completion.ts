/** `sluice completion SHELL`, and `sluice __complete`, which its script asks on each Tab. */
import type { Command } from "commander";
import { parseOneOf } from "../argument.js";
import { refused, type CommandContext } from "../command-context.js";
import { candidatesFor } from "../completion/candidates.js";
import { scriptFor, shells } from "../completion/scripts.js";
import { splitLine } from "../completion/shell-line.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { listOf, textOf, type Arguments } from "../grammar/act.js";

export async function completionCommand(_flags: object, context: CommandContext, [name]: Arguments): Promise<ExitCode> {
  const shell = parseOneOf(textOf(name), shells, "SHELL");
  if (!shell.ok) return refused(context, shell.faults);
  await context.terminal.write(scriptFor(shell.value));
  return exitCode.ok;
}

export interface CompleteFlags {
  /** The line so far, in place of words. */
  readonly line?: string;
  /** Letters at which the shell parts words besides blanks. */
  readonly breaks?: string;
  /** With a tab and what it is behind each. */
  readonly describe?: boolean;
}

/** One candidate a line; none where files are meant, which the shell knows better. */
export function completeFor(program: Command) {
  return async (flags: CompleteFlags, context: CommandContext, [given]: Arguments): Promise<ExitCode> => {
    const { words, quote } = flags.line === undefined ? { words: listOf(given), quote: undefined } : splitLine(flags.line);
    const { items } = await candidatesFor(program, flags.line === undefined ? words : words.slice(1), context);
    const there = flags.line === undefined ? 0 : keptBefore(words.at(-1) ?? "", quote, flags.breaks ?? "");
    for (const { word, what } of items) {
      const rest = word.slice(there);
      const shown = flags.line === undefined ? word : quote === undefined ? escaped(rest) : rest;
      await context.terminal.write(
        flags.describe === true ? `${shown}\t${what.split("\n", 1)[0]?.replaceAll("\t", " ") ?? ""}\n` : `${shown}\n`,
      );
    }
    return exitCode.ok;
  };
}

/** Letters of the word that the shell does not replace: those up to its last break. Within quotes it has none. */
function keptBefore(word: string, quote: string | undefined, breaks: string): number {
  if (quote !== undefined) return 0;
  const letters = new Set(breaks.replaceAll(/[\s'"]/g, ""));
  for (let i = word.length - 1; i >= 0; i -= 1) if (letters.has(word.charAt(i))) return i + 1;
  return 0;
}

/** For bash, where it stands outside of quotes. */
function escaped(word: string): string {
  return word.replaceAll(/[^A-Za-z0-9_.,:/@%+=~-]/g, (letter) => `\\${letter}`);
}
