/** The grammar of what asks a controller before something is changed, and of what changes it. */
import { trafficClasses } from "@sluice/model";
import type { Command } from "commander";
import { applyCommand, type ApplyFlags } from "../commands/apply.js";
import { confirmCommand } from "../commands/confirm.js";
import { diffCommand, type DiffFlags } from "../commands/diff.js";
import { drainCommand, undrainCommand, type DrainFlags } from "../commands/drain.js";
import { pathCheckCommand, type PathCheckFlags } from "../commands/path-check.js";
import { planCommand, type PlanFlags } from "../commands/plan.js";
import { resyncCommand, type ResyncFlags } from "../commands/resync.js";
import { rollBackCommand, type RollBackFlags } from "../commands/roll-back.js";
import { validateCommand, type ValidateFlags } from "../commands/validate.js";
import { whatIfCommand, type WhatIfCommandFlags } from "../commands/what-if.js";
import { rowsDefault } from "../operator/answer-table.js";
import { addChangeOptions } from "../operator/change-asked.js";
import { elementKinds } from "../operator/network-elements.js";
import type { OutputFormat } from "../operator/output.js";
import { addControllerOptions, addOutputOption, type ControllerFlags } from "../operator/with-controller.js";
import type { Act } from "./act.js";

const withTables: readonly OutputFormat[] = ["table", "wide", "json", "yaml"];
const plain: readonly OutputFormat[] = ["table", "json", "yaml"];

/** For options that may be given several times. */
export function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

const elementHelp = "a link's id; or link/ID, cable/ID (both ways), node/ID, srlg/ID";

export function addChange(program: Command, act: Act): void {
  program.commandsGroup("Look before leaping:");
  addPlan(program, act);
  addWhatIf(program, act);
  addPathCheck(program, act);
  addDiff(program, act);
  program.commandsGroup("Change a network:");
  addApply(program, act);
  addDrains(program, act);
  addRollBack(program, act);
  program.commandsGroup("Switches:");
  addSwitches(program, act);
}

function addPlan(program: Command, act: Act): void {
  const command = addTop(addControllerOptions(addOutputOption(program.command("plan"), withTables)))
    .description("show what would follow from changes: the plan, and what it would make otherwise; changes nothing")
    .option("-f, --filename <file>", "YAML or JSON with topologyChanges, settings, failures, as POST /v1/previews takes them; - for stdin")
    .option("--out <planfile>", "write a plan file, for sluice apply");
  addSettingsAndDrains(command)
    .option("--failures [kinds]", "with a failure report of both plans: link,node,srlg, or those of the settings")
    .addHelpText(
      "after",
      `
Exit codes: 0 no change; 2 changes; 1 an error; 3 no controller there, or no answer in time.

Examples:
  sluice plan --drain cable/a-b                        what would draining a cable do?
  sluice plan --set objective=min-cost --failures      another objective, and what failures would cost then
  sluice plan --set tunnels.k=8 --out k8.plan && true; sluice apply k8.plan
  sluice plan -f changes.yaml -o json | jq .difference.blastRadius`,
    )
    .action(act<PlanFlags>(planCommand));
}

function addWhatIf(program: Command, act: Act): void {
  const command = addTop(addControllerOptions(addOutputOption(program.command("what-if"), withTables)))
    .description("show what would be if elements failed, or demand or capacity were others; nothing can be applied")
    .option("-f, --filename <file>", "YAML or JSON, as POST /v1/what-ifs takes it; - for stdin")
    .option("--fail <element>", `this is down: ${elementHelp}; several times for several at once`, collected)
    .option("--scale <factor>", "all demand times this; or of one class, as in bulk=1.5", collected)
    .option("--add-demand <demand>", "more demand: 'SRC>DST/CLASS=10Gbps' (quote it)", collected)
    .option("--add-capacity <capacity>", "more capacity: LINK=100Gbps, or cable/LINK=100Gbps both ways", collected);
  addSettingsAndDrains(command)
    .option("--failures [kinds]", "with a failure report of both plans: link,node,srlg, or those of the settings")
    .addHelpText(
      "after",
      `
Examples:
  sluice what-if --fail cable/a-b                      a cable is cut: what does the next plan admit?
  sluice what-if --scale 1.2 --scale bulk=2            a fifth more of everything, and twice that much bulk
  sluice what-if --fail srlg/duct-7 --add-capacity cable/c-d=100Gbps
  sluice what-if --add-demand 'a>b/interactive=20Gbps' -o json | jq .plan.admittedBps`,
    )
    .action(act<WhatIfCommandFlags>(whatIfCommand));
}

function addSettingsAndDrains(command: Command): Command {
  return command
    .option("--set <field=value>", "a setting of planning: objective=min-cost, tunnels.k=8, protection.localRepair=node", collected)
    .option("--drain <element>", `keep traffic off it: ${elementHelp}`, collected)
    .option("--undrain <element>", "end its drain", collected)
    .option("--soft", "drain softly: only what nothing else carries stays on it");
}

function addPathCheck(program: Command, act: Act): void {
  addControllerOptions(addOutputOption(program.command("path-check"), plain))
    .description("say whether a demand could be met beside what is admitted now, over which tunnels, and what binds")
    .argument("<src>", "node where it begins")
    .argument("<dst>", "node where it ends")
    .requiredOption("--rate <rate>", "how much, e.g. 10Gbps")
    .option("--class <class>", trafficClasses.join(", "), "elastic")
    .option("--latency-max <ms>", "over tunnels that take no longer")
    .addHelpText(
      "after",
      `
Example:
  sluice path-check a b --rate 20Gbps --class interactive --latency-max 40`,
    )
    .action(act<PathCheckFlags>(pathCheckCommand));
}

function addDiff(program: Command, act: Act): void {
  addTop(addControllerOptions(addOutputOption(program.command("diff"), withTables)))
    .description("show what is otherwise from one stored plan to another: traffic, tunnels, links, rules")
    .argument("<epoch>", "the plan's number (sluice get plans)")
    .argument("[other]", "the other plan's, or in-force", "in-force")
    .addHelpText(
      "after",
      `
Exit codes: 0 no difference; 2 a difference; 1 an error; 3 no controller there, or no answer in time.

Examples:
  sluice diff 12              from plan 12 to the one in force
  sluice diff 12 13 -o wide   with every tunnel and switch`,
    )
    .action(act<DiffFlags>(diffCommand));
}

function addApply(program: Command, act: Act): void {
  addTop(addChangeOptions(addControllerOptions(addOutputOption(program.command("apply"), withTables))))
    .description("apply a plan file: its changes and its plan together, if all is still as it was when it was made")
    .argument("<planfile>", "as sluice plan --out wrote it")
    .option("--tolerate-demands", "newer demand than when the plan was made does not make it stale")
    .addHelpText(
      "after",
      `
Examples:
  sluice apply drain.plan                              shows it again, and asks
  sluice apply drain.plan --yes --confirm-within 5min  taken back unless sluice confirm is run in time`,
    )
    .action(act<ApplyFlags>(applyCommand));
  addControllerOptions(addOutputOption(program.command("confirm"), plain))
    .description("keep the plan that would be taken back unless it is confirmed")
    .argument("[epoch]", "the plan's number; without it, the one that waits")
    .action(act<ControllerFlags>(confirmCommand));
}

function addDrains(program: Command, act: Act): void {
  const kinds = elementKinds.join("|");
  addTop(addChangeOptions(addControllerOptions(addOutputOption(program.command("drain"), withTables))))
    .description("keep traffic off elements that still work, before somebody lays hands on them")
    .argument(`<${kinds}>`, "what they are; a link is one way, a cable both")
    .argument("<id...>", "their ids")
    .option("--soft", "only what nothing else carries stays on them")
    .addHelpText(
      "after",
      `
Examples:
  sluice drain cable a-b                  shows what would change, asks, applies
  sluice drain node a b --soft --yes
  sluice drain srlg duct-7 --confirm-within 10min`,
    )
    .action(act<DrainFlags>(drainCommand));
  addTop(addChangeOptions(addControllerOptions(addOutputOption(program.command("undrain"), withTables))))
    .description("end a drain")
    .argument(`<${kinds}>`, "what they are")
    .argument("<id...>", "their ids")
    .addHelpText("after", "\nExample:\n  sluice undrain cable a-b --yes")
    .action(act<DrainFlags>(undrainCommand));
}

function addRollBack(program: Command, act: Act): void {
  addTop(addChangeOptions(addControllerOptions(addOutputOption(program.command("rollback"), withTables))))
    .description("install an earlier plan again, rule for rule; the mode becomes held")
    .argument("<epoch>", "the plan's number (sluice get plans)")
    .addHelpText(
      "after",
      `
Examples:
  sluice rollback 12                     shows what would change, asks
  sluice rollback 12 --yes && sluice mode automatic`,
    )
    .action(act<RollBackFlags>(rollBackCommand));
}

function addSwitches(program: Command, act: Act): void {
  addTop(addControllerOptions(addOutputOption(program.command("validate"), withTables)))
    .description("compare what switches hold with what they should")
    .argument("[node...]", "these switches; all without any")
    .addHelpText(
      "after",
      `
Exit codes: 0 all is as intended; 2 something differs, or is not known now; 1 an error; 3 no controller there, or no answer in time.

Examples:
  sluice validate && echo fine
  sluice validate a -o json | jq '.switches[0].items'`,
    )
    .action(act<ValidateFlags>(validateCommand));
  addControllerOptions(addOutputOption(program.command("resync"), plain))
    .description("have the rules of a switch read anew, and what it lacks sent")
    .argument("<node>", "the switch")
    .option("--wait <span>", "how long to wait until it holds what it should", "1min")
    .option("--no-wait", "do not wait")
    .action(act<ResyncFlags>(resyncCommand));
}

function addTop(command: Command): Command {
  return command.option("--top <n>", `rows of each part of the table (default ${rowsDefault}; all with -o wide)`);
}
