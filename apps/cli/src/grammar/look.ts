/** The grammar of what looks at a running controller. */
import type { Command } from "commander";
import { statusCommand, type StatusFlags } from "../commands/status.js";
import { addControllerOptions, addOutputOption } from "../operator/with-controller.js";
import type { Act } from "./act.js";

export function addLook(program: Command, act: Act): void {
  program.commandsGroup("Look at a controller:");
  addControllerOptions(addOutputOption(program.command("status")))
    .description("the whole at a glance: network, plan in force, what is on its way, switches")
    .action(act<StatusFlags>(statusCommand));
}
