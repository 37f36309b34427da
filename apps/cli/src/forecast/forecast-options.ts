/** The grammar of `sluice forecast`. */
import { quantileNames } from "@sluice/forecast";
import { trafficClasses } from "@sluice/model";
import type { Command } from "commander";
import { addConnectionOptions } from "../operator/with-controller.js";
import { backtestOutputs, horizonsDefault } from "../commands/forecast-backtest.js";
import { modelNames } from "./forecast-model.js";
import { rowFormats } from "./forecast-rows.js";

const epilogue = `
Without --upload the rows go to stdout, or to --out. From cron, every hour, a day ahead:

  0 * * * *  sluice forecast --controller http://controller:8080 --token-file /etc/sluice/job.token --upload

Exit codes: 0 done; 1 the controller quarantined windows; 2 an argument, a file or rows were refused; 3 the controller could not be reached;
130, 143 interrupted. A run that broke off goes on where it was when it is run again with the same history.`;

/** Gives the two commands: their actions are the caller's. */
export function addForecast(program: Command): { readonly forecast: Command; readonly backtest: Command } {
  // Options behind `backtest` are its own; for that the program has to stop at its commands, too.
  const forecast = addConnectionOptions(addFiles(program.enablePositionalOptions().command("forecast")), {
    controller: "read what was measured from this controller, e.g. http://127.0.0.1:8080 (its REST address)",
  })
    .enablePositionalOptions()
    .description("forecast demand from what was measured, and upload it to a controller")
    .option("--upload", "send the forecast to the controller")
    .option(
      "--retry-pause <span>",
      "first pause before a controller that is not there is asked again; each later one is twice as long",
      "500ms",
    )
    .option("--history <span>", "how far back to read from the controller", "14d")
    .option("--now <time>", "take this for the time of now, e.g. 2026-03-01T00:00:00Z")
    .option("--start <time>", "with --topology: start of the series' first interval (default 1970-01-01T00:00:00Z)")
    .option("--horizon <span>", "how far ahead to forecast", "24h")
    .option("--window <span>", "length of the forecast's windows: a whole number of measured ones", "15min")
    .option("--model <name>", modelNames.join(", "), "combined")
    .option("--quantiles <names>", `some of ${quantileNames.join(",")}`, quantileNames.join(","))
    .option("--format <format>", `of the rows: ${rowFormats.join(", ")}`, "csv")
    .option("--out <file>", "write the rows to this file, or - for stdout")
    .option("-o, --output <kind>", "of the summary: table or json", "table")
    .addHelpText("after", epilogue);
  const backtest = addFiles(forecast.command("backtest"))
    .description("how far off forecasts of a measured series would have been, by horizon (default: the week of Abilene in the shared data)")
    .option("--data <dir>", "folder of shared data, with abilene in it (default: SLUICE_DATA, else ../shared/data)")
    .option("--window <span>", "forecast in windows of this length (default: those of the series)")
    .option("--train <span>", "train on this much from the start, test on the rest", "5d")
    .option("--horizons <spans>", `how far ahead (default: those of ${horizonsDefault} that are whole windows)`)
    .option("--every <span>", "from one origin to the next", "15min")
    .option("--models <names>", `some of ${modelNames.join(",")}`, "last-value,seasonal-naive,holt-winters,combined")
    .option("--quantiles <names>", `some of ${quantileNames.join(",")}`, "p50,p90")
    .option(
      "--blend <span>",
      "test rules of blending instead: forecasts made this far ahead, measurements of the ages that --horizons lists",
    )
    .option("-o, --output <kind>", backtestOutputs.join(", "), "table");
  return { forecast, backtest };
}

function addFiles(command: Command): Command {
  return command
    .option("--topology <file>", "the network, for a series in a file: any format known")
    .option("--demands <file>", "the series: any format known; without it, that inside the topology file")
    .option("--step <span>", "interval of the series, where its file does not say")
    .option("--rate-unit <unit>", "unit of the series' rates, e.g. 1000bps; overrides what the file says")
    .option("--node-order <order>", "rows of a bare matrix: id or file")
    .option("--class <class>", `class of demands in files without classes: ${trafficClasses.join(", ")} (default elastic)`)
    .option("--progress", "show progress on stderr even where it is no terminal")
    .option("--no-progress", "show no progress");
}
