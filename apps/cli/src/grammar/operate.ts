/** The grammar of what operators set, and of uploads. */
import { cycleModes, trafficClasses } from "@sluice/model";
import { Option, type Command } from "commander";
import {
  modeCommand,
  settingsFormats,
  settingsGetCommand,
  settingsSetCommand,
  type ModeFlags,
  type SettingsSetFlags,
} from "../commands/settings.js";
import { uploadCommand, uploadKinds, type UploadFlags } from "../commands/upload.js";
import { addControllerOptions, addOutputOption, type ControllerFlags } from "../operator/with-controller.js";
import type { Act } from "./act.js";

export function addOperate(program: Command, act: Act): void {
  program.commandsGroup("Operate a controller:");
  addControllerOptions(addOutputOption(program.command("mode"), settingsFormats))
    .description(`whether plans are made: ${cycleModes.join(", ")}; without one, tells which is set`)
    .argument("[mode]", cycleModes.join(", "))
    .option("-y, --yes", "do not ask whether it is meant")
    .addHelpText(
      "after",
      `
  sluice mode held                  nothing is planned until further notice
  sluice mode shortest-path --yes   the red button: every class on shortest paths, nothing guaranteed
  sluice mode automatic`,
    )
    .action(act<ModeFlags>(modeCommand));
  const settings = program.command("settings").description("what is set about planning and operating");
  addControllerOptions(addOutputOption(settings.command("get"), settingsFormats))
    .description("all of it, or the fields that are named")
    .argument("[field...]", "e.g. objective tunnels.k blastRadius")
    .action(act<ControllerFlags>(settingsGetCommand));
  addControllerOptions(addOutputOption(settings.command("set"), settingsFormats))
    .description("change fields; shows what would be otherwise, and asks")
    .argument("<field=value...>", "values as YAML: numbers, words, [link, node]")
    .option("-y, --yes", "do not ask whether it is meant")
    .addHelpText(
      "after",
      `
  sluice settings get objective
  sluice settings set objective=max-min-fair tunnels.k=6
  sluice settings set blastRadius.rulesChangedShareMax=0.3 --yes

Somebody else's change in between is not overwritten: it is refused then. What other settings would make of the plan: sluice plan --set.`,
    )
    .action(act<SettingsSetFlags>(settingsSetCommand));
  addUpload(program).action(act<UploadFlags>(uploadCommand));
}

function addUpload(program: Command): Command {
  return addControllerOptions(addOutputOption(program.command("upload"), settingsFormats))
    .description("send forecasts, or demands in the place of those measured")
    .argument("<file>", "forecasts: CSV or NDJSON (docs/forecasts.md); demands: any format known (docs/formats.md); gzipped or not")
    .addOption(new Option("--as <kind>", "what the file is, where it should not be told by its first line").choices([...uploadKinds]))
    .option("--batch <id>", "forecasts: the batch's id (default: made from the content, so that the same file is the same batch)")
    .option("--name <name>", "what it is called (default: the file's name)")
    .option("--retry-pause <span>", "first pause before an upload that broke off goes on; each later one is twice as long", "500ms")
    .option("--interval <n>", "demands: which matrix of a series, from 0")
    .option("--rate-unit <unit>", "demands: unit of the rates, e.g. 1000bps; overrides what the file says")
    .option("--node-order <order>", "demands: rows of a bare matrix: id or file (as the controller lists its nodes)")
    .option("--class <class>", `demands: class in files without classes: ${trafficClasses.join(", ")} (default elastic)`)
    .addHelpText(
      "after",
      `
  sluice upload rows.csv.gz
  sluice upload rows.ndjson --batch evening-1
  sluice upload examples/b4-day.json --interval 40

An upload of forecasts that breaks off goes on behind the last row that the controller has; so does the same command later.
Exit codes: 0 done; 1 the controller quarantined windows; 2 the file or its rows were refused, and nothing of it counts; 3 not reached.`,
    );
}
