/** The grammar of what works from files, without a controller (some commands can ask one instead). */
import { networkExportFormats } from "@sluice/formats";
import { failureKinds, gapMaxDefault, localRepairs, objectiveNames, solverNames, trafficClasses } from "@sluice/model";
import { layerNames, pairsMaxDefault } from "@sluice/failures";
import { Option, type Command } from "commander";
import { benchEpilogue } from "../bench/bench-help.js";
import { benchObjectives, engineNames } from "../bench/bench-message.js";
import { benchCommand, type BenchCommandFlags } from "../commands/bench.js";
import { convertCommand, demandFormats, topologyFormats, type ConvertCommandFlags } from "../commands/convert.js";
import { explainCommand, type ExplainCommandFlags } from "../commands/explain.js";
import { failuresCommand, type FailuresCommandFlags } from "../commands/failures.js";
import { forecastBacktestCommand, type ForecastBacktestFlags } from "../commands/forecast-backtest.js";
import { forecastCommand, type ForecastCommandFlags } from "../commands/forecast.js";
import { labExportCommand, linkMbpsDefault, type LabExportCommandFlags } from "../commands/lab-export.js";
import { solveCommand, type SolveCommandFlags } from "../commands/solve.js";
import { verifyCommand, type VerifyCommandFlags } from "../commands/verify.js";
import { addForecast } from "../forecast/forecast-options.js";
import { addConnectionOptions } from "../operator/with-controller.js";
import { listOf, type Act } from "./act.js";

export function addOffline(program: Command, act: Act): void {
  program.commandsGroup("From files:");
  addOutput(addSolveOptions(addNetworkOptions(program.command("solve"))))
    .description("plan one demand matrix on one network")
    .option("--plan-out <file>", "write the plan, for verify and explain")
    .action(act<SolveCommandFlags>(solveCommand));

  addNetworkOptions(program.command("convert"))
    .description("write a topology, or its demands, in another format")
    .requiredOption("--to <format>", `topology: ${topologyFormats.join(", ")}; demands: ${demandFormats.join(", ")}`)
    .addOption(new Option("--what <what>", "topology or demands; demands where --demands is given or the format is csv or ndjson"))
    .option("-o, --output <file>", "file to write, or - for stdout", "-")
    .action(act<ConvertCommandFlags>(convertCommand));

  addOutput(addNetworkOptions(program.command("verify")))
    .description("judge a plan: independent checker, rules, packet walk; exits with 1 where it does not hold")
    .requiredOption("--plan <file>", "the plan, as solve --plan-out writes it")
    .option("--tunnels <file>", "the path set that the plan was made with, where that was a file")
    .option("--failures", "walk the rules through every single failure, too: cables, nodes, SRLGs")
    .action(act<VerifyCommandFlags>(verifyCommand));

  addConnectionOptions(addOutput(addSolveOptions(addNetworkOptions(program.command("explain"), "optional"))))
    .description(
      "say what binds a demand, or what more capacity on a link would admit: in a controller's plan, or with --topology in one of files",
    )
    .option("--demand <A>B/class>", "the flow group (quote it)")
    .option("--link <link>", "the link's id")
    .option("--epoch <n>", "without --topology: in this plan of the controller's store (default: the one in force)")
    .option("--extra <rate>", "capacity to add to the link in the explanation, e.g. 10Gbps (default a tenth of the link's)")
    .option("--exact", "with --link: solve again with the extra capacity, and tell what it does give")
    .option("--change", "with --demand: find the smallest change that would admit all of it, by planning again")
    .option("--plan <file>", "explain this plan instead of solving anew")
    .addHelpText(
      "after",
      `
Examples:
  sluice explain --link a-b                            of the plan that a controller has in force
  sluice explain --demand 'a>b/bulk' --epoch 12
  sluice explain --topology net.json --demands day.json --interval 40 --demand 'a>b' --change`,
    )
    .action(act<ExplainCommandFlags>(explainCommand));

  addConnectionOptions(addOutput(addSolveOptions(addNetworkOptions(program.command("failures"), "optional"))), {
    controller: "report on the plan that this controller has in force, e.g. http://127.0.0.1:8080 (its REST address)",
    excluded: offlineOnly,
  })
    .description("say what each failure would cost: before repair, after local repair, after the scenario split, with a new plan")
    .option("--plan <file>", "report on this plan instead of solving anew")
    .option("--epoch <n>", "with --controller: report on this plan of its store")
    .option(
      "--pairs [n]",
      `two cables at once, too: all pairs, or n of them drawn by --seed where there are more (default ${pairsMaxDefault})`,
    )
    .option("--seed <n>", "draws other pairs", "1")
    .option("--layers <names>", `which to look at: ${layerNames.join(",")} (default: all)`)
    .option("--top <n>", "rows of the table, worst first; the JSON has all", "20")
    .action(act<FailuresCommandFlags>(failuresCommand));

  addBench(program).action(act<BenchCommandFlags>((flags, context, [which]) => benchCommand({ ...flags, which: listOf(which) }, context)));

  const { forecast, backtest } = addForecast(program);
  forecast.action(act<ForecastCommandFlags>(forecastCommand));
  backtest.action(act<ForecastBacktestFlags>(forecastBacktestCommand));

  addLabExport(program.command("lab").description("networks of real switches (npm run lab brings one up)").command("export")).action(
    act<LabExportCommandFlags>(labExportCommand),
  );
}

/** Options of `failures` that mean nothing to a running controller, as commander names them. */
const offlineOnly =
  `topology demands interval capacityUnit capacityDefault rateUnit nodeOrder class priority singleClass plan objective tunnels latencyMax
  solver gap deadline splitWeightSum guarantee localRepair failureProbability`.split(/\s+/);

function addNetworkOptions(command: Command, topology: "required" | "optional" = "required"): Command {
  return command
    .addOption(
      new Option("--topology <file>", "topology: a file of any format known, or a directory such as arrow/B4").makeOptionMandatory(
        topology === "required",
      ),
    )
    .option("--demands <file>", "demand matrix or series; without it, the demands inside the topology file")
    .option("--interval <n>", "which matrix of a series, from 0")
    .option("--capacity-unit <unit>", "unit of the topology file's capacities, e.g. Mbps; overrides what the file says")
    .option("--capacity-default <rate>", "capacity of links without one, e.g. 100Gbps")
    .option("--rate-unit <unit>", "unit of the demand file's rates, e.g. 1000bps; overrides what the file says")
    .option("--node-order <order>", "rows of a bare matrix: id (default, numbers by value) or file (as the topology file lists its nodes)")
    .option("--class <class>", `class of demands in files without classes: ${trafficClasses.join(", ")} (default elastic)`)
    .addOption(new Option("--priority", "plan class by class, each on what the higher ones leave (the default)").conflicts("singleClass"))
    .option("--single-class [class]", "join all demands of a pair into one class (elastic unless named)")
    .option("--progress", "show progress on stderr even where it is no terminal")
    .option("--no-progress", "show no progress");
}

function addSolveOptions(command: Command): Command {
  return command
    .option("--objective <name>", `${objectiveNames.join(", ")} (default max-throughput)`)
    .option(
      "--tunnels <source>",
      "k-shortest:K, edge-disjoint:K, srlg-disjoint:K, priced:K (at most K a demand, sought among all paths for what each class asks; slower, and its bounds hold over all paths), any (no candidate tunnels: edge-based LP), or a file with a path set (default k-shortest:4)",
    )
    .option("--latency-max <ms>", "tunnels slower than this are no candidates")
    .option(
      "--solver <name>",
      `${solverNames.join(", ")} (default auto: simplex, which is exact and uses few tunnels, while it is quick enough, else first-order, or interior-point for gaps below 5e-7; the last two are general LP solvers)`,
    )
    .option(
      "--gap <gap>",
      `be content with an answer that is proven to be this near the optimum, relative: 0.01 is 1 % (default ${gapMaxDefault})`,
    )
    .option("--deadline <seconds>", "time to find an answer; then the next rung: feasible, greedy (default 10)")
    .option("--split-weight-sum <n>", "table budget: whole weights of a flow group sum to at most this (default 64)")
    .option(
      "--guarantee <promise>",
      "what failures leave of traffic: none, protected (ways around, as far as there is room), guaranteed:K (all that is admitted survives any K cable failures), availability:SHARE; for all classes, or by class: interactive=guaranteed:1,elastic=protected",
    )
    .option(
      "--local-repair <kind>",
      `${localRepairs.join(", ")}: where the switch next to a failure sends packets (default link, with --guarantee)`,
    )
    .option("--scenarios <kinds>", `single failures to prepare for: ${failureKinds.join(",")} (the default, with --guarantee), or none`)
    .option("--failure-probability <p>", "probability that a cable is down, for availability (default 0.001)");
}

function addBench(program: Command): Command {
  return addOutput(program.command("bench"))
    .description("solve the benchmark on which NCFlow and POP published results, judge every answer, and compare")
    .argument("[which...]", "instances, topologies, or beginnings of an instance's id; all without any")
    .option("--data <dir>", "folder of shared data, with peer-bench in it (default: SLUICE_DATA, else ../shared/data)")
    .option("--objective <name>", benchObjectives.join(", "), "max-throughput")
    .addOption(new Option("--gap <gap>", "stop at this proven relative gap (default 1e-3)").conflicts("exact"))
    .option("--exact", "the same as --gap 1e-6")
    .option("--engine <name>", engineNames.join(", "), "auto")
    .option("--tunnels <source>", "given: the benchmark's path set; own: four a demand, found by column generation", "given")
    .option("--highs", "solve each instance by HiGHS too, by its fastest method, to the same gap")
    .option("--threads <n>", "with --engine first-order: its threads (default: as many as the machine has, at most 2)")
    .option("--repeat <n>", "solve so often and report the run with the median total", "1")
    .option(
      "--warm-up <seconds>",
      "how long each process solves a small network before the clock runs, and then the instance itself, once at least each",
      "1",
    )
    .option("--time-limit <seconds>", "of one solve, ours and HiGHS's alike", "300")
    .option("--json <file>", "write the report as JSON, too")
    .option("--markdown <file>", "write the report into this Markdown file: its section of the same settings is replaced, all else stays")
    .option("--progress", "show progress on stderr even where it is no terminal")
    .option("--no-progress", "show no progress")
    .addHelpText("after", benchEpilogue);
}

function addLabExport(command: Command): Command {
  return command
    .description("write a Mininet script that runs without Sluice's code, or a containerlab topology")
    .requiredOption("--topology <file>", "a file of any format known, or a directory such as arrow/B4")
    .addOption(new Option("--format <format>", "what to write").choices(networkExportFormats).default(networkExportFormats[0]))
    .option("--link-mbps <rate>", "capacities are divided so that the widest link has this, Mbit/s", linkMbpsDefault)
    .option("--capacity-unit <unit>", "unit of the topology file's capacities, e.g. Mbps; overrides what the file says")
    .option("--capacity-default <rate>", "capacity of links without one, e.g. 100Gbps")
    .option("-o, --output <file>", "file to write, or - for stdout", "-")
    .option("--progress", "show progress on stderr even where it is no terminal")
    .option("--no-progress", "show no progress");
}

function addOutput(command: Command): Command {
  return command.option("-o, --output <kind>", "table or json", "table");
}
