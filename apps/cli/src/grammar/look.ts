/** The grammar of what looks at a running controller. */
import { Option, type Command } from "commander";
import { getCommand, type GetFlags } from "../commands/get.js";
import { statusCommand, type StatusFlags } from "../commands/status.js";
import { filterNames } from "../operator/resource.js";
import { resources } from "../operator/resources.js";
import { addControllerOptions, addOutputOption } from "../operator/with-controller.js";
import type { Act } from "./act.js";

export function addLook(program: Command, act: Act): void {
  program.commandsGroup("Look at a controller:");
  addControllerOptions(addOutputOption(program.command("status"), ["table", "json", "yaml"]))
    .description("the whole at a glance: network, plan in force, what is on its way, switches")
    .addHelpText("after", statusEpilogue)
    .action(act<StatusFlags>(statusCommand));
  addGet(program).action(act<GetFlags>(getCommand));
}

const statusEpilogue = `
  sluice status
  sluice status -o json | jq .plan.epoch

Exit codes: 0 ready; 1 the controller is not ready, or the plan in force does not hold; 2 refused; 3 not reached.`;

function addGet(program: Command): Command {
  const command = program
    .command("get")
    .description("nodes, links, demands, tunnels, plans and all else that a controller has")
    .argument("<resource>", "see below")
    .argument("[id...]", "these only");
  addControllerOptions(addOutputOption(command)).option("--limit <n>", "at most so many; all without it");
  for (const name of filterNames) {
    const takers = resources.filter(({ filters }) => filters.includes(name)).map((each) => each.name);
    if (takers.length > 0) command.addOption(new Option(`--${name} <${name}>`, `choose among ${takers.join(", ")}`));
  }
  return command.addHelpText("after", getEpilogue());
}

function getEpilogue(): string {
  const width = Math.max(...resources.map(({ name }) => name.length));
  return `
Resources, in the plural or the singular:

${resources.map(({ name, what }) => `  ${name.padEnd(width)}  ${what}`).join("\n")}

Examples:

  sluice get links -o wide
  sluice get node NODE -o yaml
  sluice get demands --class interactive --src NODE
  sluice get plans --limit 5 -o json | jq '.items[].epoch'
  sluice get nodes -o name | xargs -n 1 sluice describe node`;
}
