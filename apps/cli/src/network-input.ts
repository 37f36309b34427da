/** Topology, demands and what was said about them on the command line, read and validated. */
import {
  buildDemandMatrix,
  checkDemandEnds,
  matrixAt,
  ok,
  refuse,
  type Demand,
  type DemandMatrix,
  type DemandSeries,
  type Result,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import { readDemands, readTopology, readTopologyFiles, type ReadNote, type ReadOptions, type ReadTopology } from "@sluice/formats";
import { parseClass, parseOneOf, parseWhole } from "./argument.js";
import { nameOfFile, readInput, readOneFile, type ReadLimits } from "./input-file.js";
import { parseRateUnit } from "./rate-unit.js";
import { argumentFault, inFile } from "./refusal.js";

/** The options that say what network is meant; the same for every command. */
export interface NetworkFlags {
  readonly topology: string;
  readonly demands?: string;
  readonly interval?: string;
  readonly capacityUnit?: string;
  readonly capacityDefault?: string;
  readonly rateUnit?: string;
  readonly nodeOrder?: string;
  readonly class?: string;
  readonly singleClass?: boolean | string;
}

/** A note of a reader, and the file it is about. */
export interface FileNote extends ReadNote {
  readonly file: string;
}

export interface NetworkInput {
  readonly topology: Topology;
  readonly topologyFormat: string;
  readonly notes: readonly FileNote[];
  /** bps of one unit of the rates in the file. */
  readonly fileUnitBps: number;
}

export interface DemandInput extends NetworkInput {
  readonly matrix: DemandMatrix;
  readonly demandFormat: string;
  /** Present when the matrix is one line of a series. */
  readonly interval?: { readonly index: number; readonly count: number; readonly seconds: number };
}

type Reading = ReadTopology & { readonly options: ReadOptions };

/** Reads the topology alone. */
export async function readNetwork(flags: NetworkFlags, limits?: ReadLimits): Promise<Result<NetworkInput>> {
  const reading = await readTopologyInput(flags, limits);
  return reading.ok ? ok(networkOf(flags, reading.value)) : reading;
}

/** Reads topology and demands; without `--demands`, those inside the topology's file. */
export async function readNetworkAndDemands(flags: NetworkFlags, limits?: ReadLimits): Promise<Result<DemandInput>> {
  const read = await readSeriesOrMatrix(flags, limits);
  if (!read.ok) return read;
  const { network, matrices, format } = read.value;
  const selected = selectInterval(matrices, flags);
  if (!selected.ok) return selected;
  const { matrix, interval, notes: intervalNotes } = selected.value;
  const checked = inFile(demandFile(flags), checkDemandEnds(network.topology, matrix));
  if (!checked.ok) return checked;
  const merged = mergeClasses(checked.value, flags);
  if (!merged.ok) return merged;
  return ok({
    ...network,
    matrix: merged.value.matrix,
    demandFormat: format,
    notes: [...network.notes, ...intervalNotes, ...merged.value.notes],
    ...(interval === undefined ? {} : { interval }),
  });
}

export interface MatricesInput {
  readonly network: NetworkInput;
  readonly matrices: DemandMatrix | DemandSeries;
  readonly format: string;
}

/** Topology and demands as the files have them: a whole series stays one. */
export async function readSeriesOrMatrix(flags: NetworkFlags, limits?: ReadLimits): Promise<Result<MatricesInput>> {
  const reading = await readTopologyInput(flags, limits);
  if (!reading.ok) return reading;
  const network = networkOf(flags, reading.value);
  if (flags.demands === undefined) {
    const { demands, format } = reading.value;
    if (demands !== undefined) return ok({ network, matrices: demands, format });
    return refuse(argumentFault("missing-field", "--demands", `--demands is needed: ${flags.topology} (${format}) has no demands inside.`));
  }
  const bytes = await readOneFile(flags.demands, "--demands", limits);
  if (!bytes.ok) return bytes;
  const order = parseOneOf(flags.nodeOrder ?? "id", ["id", "file"], "--node-order");
  if (!order.ok) return order;
  const options = {
    ...reading.value.options,
    name: nameOfFile(flags.demands),
    ...(order.value === "file" ? { nodeOrder: reading.value.nodeOrder } : {}),
  };
  const demands = inFile(flags.demands, readDemands(bytes.value, network.topology, options));
  if (!demands.ok) return demands;
  const file = flags.demands;
  return ok({
    network: {
      ...network,
      fileUnitBps: demands.value.rateUnitBps,
      notes: [...network.notes, ...demands.value.notes.map((note) => ({ ...note, file }))],
    },
    matrices: demands.value.matrices,
    format: demands.value.format,
  });
}

function demandFile(flags: NetworkFlags): string {
  return flags.demands ?? flags.topology;
}

function networkOf(flags: NetworkFlags, { topology, format, notes, rateUnitBps }: Reading): NetworkInput {
  return {
    topology,
    topologyFormat: format,
    notes: notes.map((note) => ({ ...note, file: flags.topology })),
    fileUnitBps: rateUnitBps,
  };
}

async function readTopologyInput(flags: NetworkFlags, limits: ReadLimits | undefined): Promise<Result<Reading>> {
  const options = readOptions(flags);
  if (!options.ok) return options;
  const input = await readInput(flags.topology, "--topology", limits);
  if (!input.ok) return input;
  const read = inFile(
    flags.topology,
    input.value.kind === "file" ? readTopology(input.value.bytes, options.value) : readTopologyFiles(input.value.files, options.value),
  );
  return read.ok ? ok({ ...read.value, options: options.value }) : read;
}

function readOptions(flags: NetworkFlags): Result<ReadOptions> {
  let options: ReadOptions = { name: nameOfFile(flags.topology) };
  const units = [
    ["capacityUnitBps", "--capacity-unit", flags.capacityUnit],
    ["capacityBpsDefault", "--capacity-default", flags.capacityDefault],
    ["rateUnitBps", "--rate-unit", flags.rateUnit],
  ] as const;
  for (const [field, option, text] of units) {
    if (text === undefined) continue;
    const unit = parseRateUnit(text, option);
    if (!unit.ok) return unit;
    options = { ...options, [field]: unit.value };
  }
  if (flags.class === undefined) return ok(options);
  const trafficClass = parseClass(flags.class, "--class");
  return trafficClass.ok ? ok({ ...options, trafficClass: trafficClass.value }) : trafficClass;
}

interface Selected {
  readonly matrix: DemandMatrix;
  readonly interval?: DemandInput["interval"];
  readonly notes: readonly FileNote[];
}

function selectInterval(matrices: DemandMatrix | DemandSeries, flags: NetworkFlags): Result<Selected> {
  const count = matrices.kind === "demand-series" ? matrices.ratesBps.length : 1;
  const index = flags.interval === undefined ? ok(0) : parseWhole(flags.interval, "--interval", { least: 0, most: count - 1 });
  if (!index.ok) return index;
  if (matrices.kind === "demand-matrix") return ok({ matrix: matrices, notes: [] });
  const file = demandFile(flags);
  const note: FileNote = { kind: "defaulted", what: `interval 0 of ${count}: --interval takes another`, count: 1, file };
  return ok({
    matrix: matrixAt(matrices, index.value),
    interval: { index: index.value, count, seconds: matrices.intervalSeconds },
    notes: flags.interval === undefined && count > 1 ? [note] : [],
  });
}

/** `--single-class`: all demands of a pair become one, in the class named (elastic where none is). */
function mergeClasses(
  matrix: DemandMatrix,
  flags: NetworkFlags,
): Result<{ readonly matrix: DemandMatrix; readonly notes: readonly FileNote[] }> {
  if (flags.singleClass === undefined || flags.singleClass === false) return ok({ matrix, notes: [] });
  const trafficClass: Result<TrafficClass> = flags.singleClass === true ? ok("elastic") : parseClass(flags.singleClass, "--single-class");
  if (!trafficClass.ok) return trafficClass;
  const file = demandFile(flags);
  const pairs = new Map<string, Demand>();
  let dropped = 0;
  for (const { bandwidthFunction, ...demand } of matrix.demands) {
    if (bandwidthFunction !== undefined) dropped++;
    const key = JSON.stringify([demand.src, demand.dst]);
    pairs.set(key, { ...demand, trafficClass: trafficClass.value, rateBps: demand.rateBps + (pairs.get(key)?.rateBps ?? 0) });
  }
  const built = buildDemandMatrix(matrix.name, [...pairs.values()]);
  if (!built.ok) return inFile(file, built);
  const notes: FileNote[] = [];
  if (pairs.size < matrix.demands.length)
    notes.push({
      kind: "inferred",
      what: `demands of several classes joined to one ${trafficClass.value} demand per pair`,
      count: matrix.demands.length - pairs.size,
      file,
    });
  if (dropped > 0) notes.push({ kind: "ignored", what: "bandwidth functions, which one joined class cannot keep", count: dropped, file });
  return ok({ matrix: built.value, notes });
}
