/** The grammar of completions. Last of all: it completes the others. */
import type { Command } from "commander";
import { completeFor, completionCommand, type CompleteFlags } from "../commands/completion.js";
import { shells } from "../completion/scripts.js";
import type { Act } from "./act.js";

export function addCompletion(program: Command, act: Act): void {
  program.commandsGroup("Set up:");
  program
    .command("completion")
    .description("a script that completes commands, options and ids in a shell")
    .argument("<shell>", shells.join(", "))
    .addHelpText(
      "after",
      `
  source <(sluice completion bash)       # in ~/.bashrc
  source <(sluice completion zsh)        # in ~/.zshrc, behind compinit
  sluice completion fish | source        # in ~/.config/fish/config.fish`,
    )
    .action(act<object>(completionCommand));
  program
    .command("__complete", { hidden: true })
    .option("--line <line>")
    .option("--breaks <letters>")
    .option("--describe")
    .argument("[words...]")
    .action(act<CompleteFlags>(completeFor(program)));
}
