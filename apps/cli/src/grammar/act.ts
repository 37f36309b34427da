/** How a command of the grammar comes to the function that means it. */
import type { CommandContext } from "../command-context.js";
import type { ExitCode } from "../exit-code.js";

/** Arguments in their order: a list where the argument is variadic, undefined where it was left out. */
export type Arguments = readonly (string | readonly string[] | undefined)[];

export type CommandFunction<F> = (flags: F, context: CommandContext, args: Arguments) => Promise<ExitCode>;

/** Makes commander's action of a command. */
export type Act = <F extends object>(command: CommandFunction<F>) => (...parameters: unknown[]) => Promise<void>;

export function listOf(argument: Arguments[number]): readonly string[] {
  return argument === undefined ? [] : typeof argument === "string" ? [argument] : argument;
}

/** Of an argument that the grammar demands, or that has a default. */
export function textOf(argument: Arguments[number]): string {
  return listOf(argument).join(" ");
}
