/** `sluice upload FILE`: forecasts, resumed where they broke off; or demands in the place of those measured. */
import { readDemands } from "@sluice/formats";
import { checkDemandEnds, matrixAt, ok, parseTopology, refuse, type DemandMatrix, type Result } from "@sluice/model";
import { z } from "zod";
import { parseClass, parseOneOf, parseWhole } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { behindLine, openRowsFile } from "../forecast/rows-file.js";
import { parseSpan } from "../forecast/span.js";
import { uploadBatch, type Batch, type Upload } from "../forecast/upload-batch.js";
import { textOf, type Arguments } from "../grammar/act.js";
import { nameOfFile, readOneFile } from "../input-file.js";
import { fieldsText, stateText } from "../operator/columns-of.js";
import { withController, type ControllerFlags, type Session } from "../operator/with-controller.js";
import { parseRateUnit, rateText } from "../rate-unit.js";
import { argumentFault, inFile } from "../refusal.js";
import { noteLines } from "../solve-table.js";
import { settingsFormats } from "./settings.js";

export const uploadKinds = ["forecasts", "demands"] as const;

export interface UploadFlags extends ControllerFlags {
  readonly as?: string;
  readonly batch?: string;
  readonly name?: string;
  readonly retryPause: string;
  readonly interval?: string;
  readonly rateUnit?: string;
  readonly nodeOrder?: string;
  readonly class?: string;
}

export function uploadCommand(flags: UploadFlags, context: CommandContext, [file]: Arguments): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async (session) => {
      const path = textOf(file);
      const kind = flags.as === undefined ? await kindOf(path, context) : parseOneOf(flags.as, uploadKinds, "--as");
      if (!kind.ok) return kind;
      return kind.value === "forecasts" ? uploadRows(path, flags, session) : uploadDemands(path, flags, session);
    },
    settingsFormats,
  );
}

/** Rows of forecasts name their window: in the header of CSV, in the first line of NDJSON. */
async function kindOf(path: string, { signal, terminal }: CommandContext): Promise<Result<(typeof uploadKinds)[number]>> {
  const file = await openRowsFile(path, { signal, onRead: () => terminal.progress("read the file") });
  // One line of JSON may be a whole document of demands: its length says nothing.
  if (!file.ok) return file.faults[0].code === "too-large" ? ok("demands") : file;
  const { firstLine } = file.value;
  return ok(/windowStart/.test(firstLine.slice(0, 4_096)) ? "forecasts" : "demands");
}

async function uploadRows(
  path: string,
  flags: UploadFlags,
  { client, context, terminal, progress, show }: Session,
): Promise<Result<ExitCode>> {
  for (const name of ["interval", "rateUnit", "nodeOrder", "class"] as const) {
    if (flags[name] !== undefined)
      return refuse(
        argumentFault(
          "not-allowed",
          `--${name.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}`,
          "This says how demands are read, and the file has forecasts.",
        ),
      );
  }
  const pause = parseSpan(flags.retryPause, "--retry-pause");
  if (!pause.ok) return pause;
  const { signal } = context;
  const file = await openRowsFile(path, { signal, onRead: (fraction) => progress({ stage: "read the file", fraction }) });
  if (!file.ok) return file;
  const { hash, mediaType } = file.value;
  const batch: Batch = {
    batchId: flags.batch ?? `upload-${hash.slice(0, 32)}`,
    name: flags.name ?? nameOfFile(path),
    mediaType,
    behind: ({ line }) => behindLine(file.value, line, { signal, onRead: (fraction) => progress({ stage: "upload", fraction }) }),
  };
  const uploaded = await uploadBatch(client, batch, {
    signal,
    pauseMs: pause.value,
    onRetry: (message) => terminal.tell(`sluice: ${message}`),
  });
  terminal.settle();
  if (!uploaded.ok) return inFile(path, uploaded);
  await show({ value: { kind: "forecast-upload", ...uploaded.value }, table: (colors) => batchText(uploaded.value, colors) });
  if (uploaded.value.batch.state !== "quarantined") return ok(exitCode.ok);
  terminal.tell("sluice: quarantined windows are unlike anything that was measured, and are not planned for: docs/forecasts.md.");
  return ok(exitCode.verdictFailed);
}

function batchText({ batch, repeated }: Upload, colors: Session["terminal"]["colors"]): string {
  return fieldsText(
    [
      ["batch", `${batch.batchId}${repeated ? " (the controller had it already)" : ""}`],
      ["state", stateText(batch.state, colors)],
      ["rows", String(batch.rows)],
      ["windows", `${batch.windows}, ${batch.windowsQuarantined} of them quarantined`],
    ],
    colors,
  );
}

const replacedSchema = z.looseObject({ version: z.number(), demands: z.number(), superseded: z.boolean() });

async function uploadDemands(path: string, flags: UploadFlags, session: Session): Promise<Result<ExitCode>> {
  if (flags.batch !== undefined)
    return refuse(argumentFault("not-allowed", "--batch", "Batches are of forecasts, and the file has demands."));
  const matrix = await readMatrix(path, flags, session);
  if (!matrix.ok) return matrix;
  const { demands } = matrix.value;
  const name = flags.name ?? matrix.value.name;
  const { client, terminal, show } = session;
  terminal.progress("upload");
  const replaced = await client.change("PUT", "/v1/demands", { name, demands }, { schema: replacedSchema, ifMatch: "*" });
  if (!replaced.ok) return replaced;
  const { value } = replaced.value;
  const rateBps = demands.reduce((sum, demand) => sum + demand.rateBps, 0);
  if (value.superseded) terminal.tell("sluice: newer ones were measured meanwhile, and count.");
  await show({
    value: { kind: "demands-upload", name, rateBps, ...value },
    table: (colors) =>
      fieldsText(
        [
          ["demands", name],
          ["flow groups", String(value.demands)],
          ["rate", rateText(rateBps)],
          ["version", String(value.version)],
        ],
        colors,
      ),
  });
  return ok(exitCode.ok);
}

/** Of the controller's own network: its nodes are those that demands may name. */
async function readMatrix(path: string, flags: UploadFlags, { client, context, terminal }: Session): Promise<Result<DemandMatrix>> {
  const bytes = await readOneFile(path, "FILE", context);
  if (!bytes.ok) return bytes;
  const document = await client.get("/v1/topology", z.looseObject({ nodes: z.array(z.looseObject({ id: z.string() })) }), {
    states: "stored",
  });
  if (!document.ok) return document;
  const { version: _, linksReportedDown: __, ...stored } = document.value.value;
  const topology = parseTopology(stored);
  if (!topology.ok) return topology;
  const order = parseOneOf(flags.nodeOrder ?? "id", ["id", "file"], "--node-order");
  if (!order.ok) return order;
  const unit = flags.rateUnit === undefined ? ok(undefined) : parseRateUnit(flags.rateUnit, "--rate-unit");
  if (!unit.ok) return unit;
  const trafficClass = flags.class === undefined ? ok(undefined) : parseClass(flags.class, "--class");
  if (!trafficClass.ok) return trafficClass;
  const read = inFile(
    path,
    readDemands(bytes.value, topology.value, {
      name: nameOfFile(path),
      ...(unit.value === undefined ? {} : { rateUnitBps: unit.value }),
      ...(trafficClass.value === undefined ? {} : { trafficClass: trafficClass.value }),
      ...(order.value === "file" ? { nodeOrder: topology.value.nodes.map(({ id }) => id) } : {}),
    }),
  );
  if (!read.ok) return read;
  for (const line of noteLines(
    read.value.notes.map((note) => ({ ...note, file: path })),
    terminal.errorColors,
  ))
    terminal.tell(line);
  const { matrices } = read.value;
  const count = matrices.kind === "demand-series" ? matrices.ratesBps.length : 1;
  const index = flags.interval === undefined ? ok(0) : parseWhole(flags.interval, "--interval", { least: 0, most: count - 1 });
  if (!index.ok) return index;
  if (matrices.kind === "demand-matrix") return inFile(path, checkDemandEnds(topology.value, matrices));
  if (flags.interval === undefined && count > 1)
    return refuse(argumentFault("missing-field", "--interval", `${path} has ${count} intervals: say which one counts, from 0.`));
  return inFile(path, checkDemandEnds(topology.value, matrixAt(matrices, index.value)));
}
