/** `sluice failures`: what every failure would cost, layer by layer, worst first. */
import { layerNames, pairsMaxDefault, type FailureReport, type LayerName, type ScenarioChoice } from "@sluice/failures";
import {
  canonicalHash,
  ok,
  protectionDefault,
  protectionOf,
  refuse,
  topologyDocument,
  type Plan,
  type Result,
  type Snapshot,
} from "@sluice/model";
import { parseOneOf, parseWhole } from "../argument.js";
import { jsonText, outputKinds, refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { controllerReport, type ControllerReport } from "../failures/controller-report.js";
import { reportInProcess } from "../failures/failures-process.js";
import { failuresTable } from "../failures/failures-table.js";
import { openClient, refusedByController, type ControllerFlags } from "../operator/with-controller.js";
import { readOneFile } from "../input-file.js";
import { readNetworkAndDemands, type FileNote, type NetworkFlags } from "../network-input.js";
import { readPlanFile } from "../plan-file.js";
import { parseFailureKinds } from "../protection-argument.js";
import { argumentFault, inFile } from "../refusal.js";
import { runSolve } from "../solve-run.js";
import type { SolveFlags } from "../solve-setting.js";
import { noteLines } from "../solve-table.js";

export interface FailuresCommandFlags extends Omit<NetworkFlags, "topology">, SolveFlags, Omit<ControllerFlags, "output"> {
  readonly topology?: string;
  readonly plan?: string;
  readonly epoch?: string;
  readonly pairs?: string | boolean;
  readonly seed: string;
  readonly layers?: string;
  readonly top: string;
  readonly output: string;
}

interface Planned {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly notes: readonly FileNote[];
}

export async function failuresCommand(flags: FailuresCommandFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const output = parseOneOf(flags.output, outputKinds, "--output");
  if (!output.ok) return refused(context, output.faults);
  const top = parseWhole(flags.top, "--top", { least: 1, most: 1_000_000 });
  if (!top.ok) return refused(context, top.faults);
  const layers = parseLayers(flags.layers);
  if (!layers.ok) return refused(context, layers.faults);
  const { controller, context: named, topology } = flags;
  const isAsked = controller !== undefined || named !== undefined;
  const reported = isAsked
    ? await askedReport(flags, layers.value, context)
    : topology === undefined
      ? refuse(
          argumentFault(
            "missing-field",
            "--topology",
            "failures needs the network as --topology FILE, or a running controller as --controller URL or --context NAME.",
          ),
        )
      : await ownReport({ ...flags, topology }, layers.value, context);
  if (!reported.ok) return (isAsked ? refusedByController : refused)(context, reported.faults);
  const { report, notes } = reported.value;
  terminal.settle();
  if (output.value === "json") {
    await terminal.write(jsonText({ ...report, notes }));
  } else {
    for (const line of noteLines(notes, terminal.errorColors)) terminal.tell(line);
    await terminal.write(failuresTable(report, top.value, terminal.colors));
  }
  return exitCode.ok;
}

interface Reported {
  readonly report: FailureReport | ControllerReport;
  readonly notes: readonly FileNote[];
}

type OwnFlags = FailuresCommandFlags & NetworkFlags;

/** Of a plan that is made or read here. */
async function ownReport(flags: OwnFlags, layers: readonly LayerName[], context: CommandContext): Promise<Result<Reported>> {
  const { terminal } = context;
  if (flags.epoch !== undefined)
    return refuse(argumentFault("not-allowed", "--epoch", "--epoch names a plan of a controller: give its --controller URL as well."));
  const pairs = parsePairs(flags);
  if (!pairs.ok) return pairs;
  const planned = flags.plan === undefined ? await solvePlan(flags, context) : await readPlan(flags, flags.plan, context);
  if (!planned.ok) return planned;
  const { snapshot, plan, notes } = planned.value;
  const choice = choiceOf(flags, snapshot, pairs.value);
  if (!choice.ok) return choice;
  terminal.progress("look at failures");
  const report = await reportInProcess(
    { snapshot, plan, choice: choice.value, layers },
    { entry: context.failures, onStage: (stage, fraction) => terminal.progress(stage, fraction), signal: context.signal },
  );
  return report.ok ? ok({ report: report.value, notes }) : report;
}

/** How often it is said that a report is still being waited for, ms. */
const toldEveryMs = 1_000;

/** Of the plan that a controller has in force, or had. */
async function askedReport(flags: FailuresCommandFlags, layers: readonly LayerName[], context: CommandContext): Promise<Result<Reported>> {
  const kinds = flags.scenarios === undefined ? ok(undefined) : parseFailureKinds(flags.scenarios);
  if (!kinds.ok) return kinds;
  const pairs = parsePairs(flags);
  if (!pairs.ok) return pairs;
  const epoch = flags.epoch === undefined ? ok(undefined) : parseWhole(flags.epoch, "--epoch", { least: 1, most: 999_999_999 });
  if (!epoch.ok) return epoch;
  const client = await openClient(flags, context);
  if (!client.ok) return client;
  const { terminal, nowMs } = context;
  const since = nowMs();
  let isComputing = true;
  const tell = (): void => {
    if (isComputing) terminal.progress(`the controller looks at failures, ${Math.round((nowMs() - since) / 1_000)} s`);
  };
  tell();
  // It answers with the whole report, and says nothing before.
  const timer = setInterval(tell, toldEveryMs);
  try {
    const query = { kinds: kinds.value, pairs: pairs.value, layers, epoch: epoch.value };
    const report = await controllerReport(client.value, query, (stage, fraction) => {
      isComputing = false;
      terminal.progress(stage, fraction);
    });
    return report.ok ? ok({ report: report.value, notes: [] }) : report;
  } finally {
    clearInterval(timer);
  }
}

/** Without a word about protection, a report is about what Sluice does when it is left to itself: every class protected. */
async function solvePlan(flags: OwnFlags, context: CommandContext): Promise<Result<Planned>> {
  const solved = await runSolve({ guarantee: "protected", ...flags }, context);
  if (!solved.ok) return solved;
  const { snapshot, plan, notes, source } = solved.value;
  return source.kind === "policy" ? ok({ snapshot, plan, notes }) : refuse(policyNeeded());
}

async function readPlan(flags: OwnFlags, path: string, context: CommandContext): Promise<Result<Planned>> {
  const bytes = await readOneFile(path, "--plan", context);
  if (!bytes.ok) return bytes;
  const file = inFile(path, readPlanFile(bytes.value));
  if (!file.ok) return file;
  const input = await readNetworkAndDemands(flags, context);
  if (!input.ok) return input;
  const { topology, matrix, notes } = input.value;
  const { plan, settings, tunnels } = file.value;
  if (tunnels !== "policy") return refuse(policyNeeded());
  const snapshot: Snapshot = { topology: topologyDocument(topology), demands: matrix, settings };
  if (canonicalHash(snapshot) === plan.inputHash) return ok({ snapshot, plan, notes });
  return refuse(argumentFault("input-mismatch", "--plan", `${path} was made for another network or other demands than these.`));
}

function policyNeeded() {
  return argumentFault(
    "not-allowed",
    "--tunnels",
    "failures needs tunnels by a policy, such as k-shortest:4, because it plans again for each failure.",
  );
}

function choiceOf(flags: FailuresCommandFlags, { settings }: Snapshot, pairs: ScenarioChoice["pairs"]): Result<ScenarioChoice> {
  const protection = protectionOf(settings);
  const kinds =
    flags.scenarios === undefined ? ok(settings.protection?.scenarios ?? protectionDefault.scenarios) : parseFailureKinds(flags.scenarios);
  if (!kinds.ok) return kinds;
  return ok({ kinds: kinds.value, drains: protection.drains, ...(pairs === undefined ? {} : { pairs }) });
}

function parsePairs(flags: FailuresCommandFlags): Result<ScenarioChoice["pairs"]> {
  if (flags.pairs === undefined || flags.pairs === false) return ok(undefined);
  const countMax = flags.pairs === true ? ok(pairsMaxDefault) : parseWhole(flags.pairs, "--pairs", { least: 1, most: 1_000_000 });
  if (!countMax.ok) return countMax;
  const seed = parseWhole(flags.seed, "--seed", { least: 0, most: 2 ** 31 - 1 });
  return seed.ok ? ok({ countMax: countMax.value, seed: seed.value }) : seed;
}

function parseLayers(text: string | undefined): Result<readonly LayerName[]> {
  if (text === undefined) return ok(layerNames);
  const asked = new Set<LayerName>();
  for (const part of text.split(",")) {
    const layer = parseOneOf(part.trim(), layerNames, "--layers");
    if (!layer.ok) return layer;
    asked.add(layer.value);
  }
  return ok(layerNames.filter((name) => asked.has(name)));
}
