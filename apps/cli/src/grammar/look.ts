/** The grammar of what looks at a running controller. */
import { Option, type Command } from "commander";
import { auditCommand, auditVerifyCommand, type AuditFlags, type AuditVerifyFlags } from "../commands/audit.js";
import { describable, describeCommand } from "../commands/describe.js";
import { eventFormats, eventsCommand, type EventsFlags } from "../commands/events.js";
import { getCommand, type GetFlags } from "../commands/get.js";
import { historyCommand, type HistoryFlags } from "../commands/history.js";
import { statusCommand, type StatusFlags } from "../commands/status.js";
import { filterNames } from "../operator/resource.js";
import { resources } from "../operator/resources.js";
import { addControllerOptions, addOutputOption, type ControllerFlags } from "../operator/with-controller.js";
import type { Act } from "./act.js";

export function addLook(program: Command, act: Act): void {
  program.commandsGroup("Look at a controller:");
  addControllerOptions(addOutputOption(program.command("status"), ["table", "json", "yaml"]))
    .description("the whole at a glance: network, plan in force, what is on its way, switches")
    .addHelpText("after", statusEpilogue)
    .action(act<StatusFlags>(statusCommand));
  addGet(program).action(act<GetFlags>(getCommand));
  addDescribe(program).action(act<ControllerFlags>(describeCommand));
  addEvents(program).action(act<EventsFlags>(eventsCommand));
  addHistory(program).action(act<HistoryFlags>(historyCommand));
  const { audit, verify } = addAudit(program);
  audit.action(act<AuditFlags>(auditCommand));
  verify.action(act<AuditVerifyFlags>(auditVerifyCommand));
}

function addDescribe(program: Command): Command {
  return addControllerOptions(addOutputOption(program.command("describe"), ["table", "json", "yaml"]))
    .description("one thing and what belongs to it")
    .argument("<what>", describable.join(", "))
    .argument("<id>", "as sluice get -o name lists them; of plans also in-force and newest")
    .addHelpText(
      "after",
      `
  sluice describe node NODE              its links, its switch, its demand
  sluice describe link LINK              its load, the tunnels over it, the ways around it
  sluice describe plan in-force          verdicts, classes, notes
  sluice describe agent NODE             its session, and rules that are not as intended
  sluice describe demand 'A>B/class'     what is admitted, over which tunnels`,
    );
}

function addEvents(program: Command): Command {
  return addControllerOptions(addOutputOption(program.command("events"), eventFormats))
    .description("the journal, oldest first; with -f, what comes")
    .option("-f, --follow", "go on with what comes, without gaps, until Ctrl-C or --limit")
    .option("--last <n>", "begin with the last n events of the journal (default 50; with -f, what comes next)")
    .option("--after <n>", "begin behind this event")
    .option("--kind <kinds>", "events of these kinds only, e.g. link-down,link-up")
    .option("--request <id>", "events that name this request")
    .option("--limit <n>", "at most so many")
    .addHelpText(
      "after",
      `
  sluice events --kind plan-applied,plan-failed --last 1000
  sluice events -f --last 10
  sluice events -f --kind plan-applied --limit 1         # waits for the next plan
  sluice events -f -o json | jq -c '[.sequence, .kind]'  # one JSON object a line

A connection that breaks is made again, and goes on behind the last event.`,
    );
}

function addHistory(program: Command): Command {
  return addControllerOptions(addOutputOption(program.command("history"), eventFormats))
    .description("what followed from a request; without one, plans, who asked for them and what became of them")
    .argument("[request]", "id of a request, as changes, errors and the audit log give it")
    .option("--limit <n>", "plans shown, newest first", "20")
    .addHelpText("after", "\n  sluice history --limit 5\n  sluice history REQUEST");
}

function addAudit(program: Command): { readonly audit: Command; readonly verify: Command } {
  // Options behind `verify` are its own.
  const audit = addControllerOptions(addOutputOption(program.enablePositionalOptions().command("audit")))
    .enablePositionalOptions()
    .description("requests to change something and what came of them, newest first (for admins)")
    .option("--actor <name>", "of this actor only")
    .option("--request <id>", "of this request only")
    .option("--limit <n>", "entries shown", "100");
  const verify = addControllerOptions(addOutputOption(audit.command("verify"), ["table", "json", "yaml"]))
    .description("whether the log is what was written; exit code 1 where it is not")
    .option("--known <number:hash>", "an entry that was noted earlier, and must be in the log")
    .option("--here", "download the log and verify it here, in place of asking the controller")
    .addHelpText(
      "after",
      "\nNote the head in another place now and then: who can write to the database can write the whole chain anew.\n\n  sluice audit verify -o json | jq -r '.head | \"\\(.sequence):\\(.hash)\"' > head\n  sluice audit verify --known $(cat head)",
    );
  return { audit, verify };
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
