/** Demand: how much each flow group wants to send, and how the network's fairness should weigh it. */
import { z } from "zod";
import { fault, ok, type Fault, type Result } from "./fault.js";
import { admit, faultsListedMax, nodeIdSchema, pointerOf, rateBpsSchema } from "./gate.js";
import { compareText, type FlowGroupId, type NodeId } from "./id.js";
import { trafficClasses, trafficClassSchema, type TrafficClass } from "./traffic-class.js";
import type { Topology } from "./topology.js";

/** Most demands in one matrix: the square of the largest research network, three classes. */
export const demandsMax = 10_000_000;
export const bandwidthFunctionPointsMax = 64;

/** The unit that is planned, programmed and accounted: all packets from one node to another in one class. */
export interface FlowGroup {
  readonly src: NodeId;
  readonly dst: NodeId;
  readonly trafficClass: TrafficClass;
}

/**
 * Piecewise linear: the rate that a flow group is due at each fair share (B4 2013, section 5.1). Points have strictly rising
 * fair share and non-falling rate, start at rate 0, and the rate stays flat after the last point.
 */
export interface BandwidthFunction {
  readonly points: readonly { readonly fairShare: number; readonly rateBps: number }[];
}

export interface Demand extends FlowGroup {
  readonly rateBps: number;
  readonly bandwidthFunction?: BandwidthFunction | undefined;
}

export interface DemandMatrix {
  readonly kind: "demand-matrix";
  readonly name: string;
  /** At most one per flow group, sorted by flow group (source, destination, class priority). */
  readonly demands: readonly Demand[];
  /** Of a matrix that a plan was to be blended for: what it is from. */
  readonly basis?: DemandBasis | undefined;
}

/** What was planned for where demands are blended with a forecast. */
export type DemandBasis =
  | {
      readonly kind: "blended";
      /** The window of a forecast that held at that time. */
      readonly batchId: string;
      /** ISO 8601, UTC. */
      readonly windowStart: string;
      readonly windowSeconds: number;
      readonly quantile: string;
      /** Of the measurement, 0 to 1. */
      readonly measuredWeight: number;
      /** Flow groups by what their rate is from. */
      readonly flowGroups: { readonly both: number; readonly measured: number; readonly forecast: number };
      /** Flow groups that lacked the quantile, and were taken at another one. */
      readonly otherQuantile: number;
    }
  | {
      readonly kind: "measured";
      /** Why no forecast: there is none for that time, the last one has ended, it is quarantined, or none was loaded yet. */
      readonly why: "none" | "stale" | "quarantined" | "not-loaded";
    };

/** Matrices at equal intervals; compact, because a day of a network is long. */
export interface DemandSeries {
  readonly kind: "demand-series";
  readonly name: string;
  readonly intervalSeconds: number;
  readonly flowGroups: readonly FlowGroup[];
  /** One row per interval, one rate per flow group, bps. */
  readonly ratesBps: readonly (readonly number[])[];
}

export const flowGroupSchema = z.strictObject({ src: nodeIdSchema, dst: nodeIdSchema, trafficClass: trafficClassSchema });

export const bandwidthFunctionSchema = z.strictObject({
  points: z
    .array(z.strictObject({ fairShare: z.number().min(0).max(1e15), rateBps: rateBpsSchema }))
    .min(2)
    .max(bandwidthFunctionPointsMax),
});

export const demandSchema = flowGroupSchema.extend({
  rateBps: rateBpsSchema,
  bandwidthFunction: bandwidthFunctionSchema.optional(),
});

export const demandMatrixSchema = z.strictObject({
  kind: z.literal("demand-matrix").default("demand-matrix"),
  name: z.string().min(1).max(256),
  demands: z.array(demandSchema).max(demandsMax),
});

export const demandSeriesSchema = z.strictObject({
  kind: z.literal("demand-series").default("demand-series"),
  name: z.string().min(1).max(256),
  intervalSeconds: z.number().positive().max(86_400),
  flowGroups: z.array(flowGroupSchema).max(demandsMax),
  ratesBps: z.array(z.array(rateBpsSchema).max(demandsMax)).min(1).max(100_000),
});

export function flowGroupId(group: FlowGroup): FlowGroupId {
  return `${group.src}>${group.dst}/${group.trafficClass}` as FlowGroupId;
}

export function compareFlowGroups(a: FlowGroup, b: FlowGroup): number {
  return (
    compareText(a.src, b.src) ||
    compareText(a.dst, b.dst) ||
    trafficClasses.indexOf(a.trafficClass) - trafficClasses.indexOf(b.trafficClass)
  );
}

export function parseDemandMatrix(value: unknown): Result<DemandMatrix> {
  const admitted = admit(demandMatrixSchema, value);
  return admitted.ok ? buildDemandMatrix(admitted.value.name, admitted.value.demands) : admitted;
}

/** Sorts and validates demands: one per flow group, source differs from destination, bandwidth functions well-formed. */
export function buildDemandMatrix(name: string, demands: readonly Demand[]): Result<DemandMatrix> {
  const faults: Fault[] = [];
  const seen = new Set<FlowGroupId>();
  demands.forEach((demand, i) => {
    if (faults.length >= faultsListedMax) return;
    const id = flowGroupId(demand);
    if (seen.has(id))
      faults.push(fault("duplicate-id", `There is more than one demand for ${id}.`, { pointer: pointerOf(["demands", i]) }));
    seen.add(id);
    if (demand.src === demand.dst) {
      faults.push(fault("self-loop", `The demand ${id} starts and ends at ${demand.src}.`, { pointer: pointerOf(["demands", i, "dst"]) }));
    }
    if (demand.bandwidthFunction !== undefined) faults.push(...faultsOfBandwidthFunction(demand.bandwidthFunction, i));
  });
  const [first, ...rest] = faults;
  if (first !== undefined) return { ok: false, faults: [first, ...rest] };
  return ok({ kind: "demand-matrix", name, demands: [...demands].sort(compareFlowGroups) });
}

function faultsOfBandwidthFunction({ points }: BandwidthFunction, demandIndex: number): readonly Fault[] {
  const at = ["demands", demandIndex, "bandwidthFunction", "points"];
  const faults: Fault[] = [];
  points.forEach((point, i) => {
    const previous = points[i - 1];
    if (previous === undefined) {
      if (point.rateBps !== 0)
        faults.push(fault("out-of-range", "A bandwidth function starts at rate 0.", { pointer: pointerOf([...at, i, "rateBps"]) }));
    } else if (point.fairShare <= previous.fairShare) {
      faults.push(fault("out-of-range", "Fair shares must rise strictly.", { pointer: pointerOf([...at, i, "fairShare"]) }));
    } else if (point.rateBps < previous.rateBps) {
      faults.push(fault("out-of-range", "Rates must not fall as the fair share rises.", { pointer: pointerOf([...at, i, "rateBps"]) }));
    }
  });
  return faults;
}

/** Refuses demands whose ends the topology does not have. */
export function checkDemandEnds(topology: Topology, matrix: DemandMatrix): Result<DemandMatrix> {
  const faults: Fault[] = [];
  matrix.demands.forEach((demand, i) => {
    for (const end of ["src", "dst"] as const) {
      if (faults.length < faultsListedMax && !topology.nodeById.has(demand[end])) {
        faults.push(
          fault("dangling-reference", `The demand ${flowGroupId(demand)} names node ${demand[end]}, which the topology does not have.`, {
            pointer: pointerOf(["demands", i, end]),
          }),
        );
      }
    }
  });
  const [first, ...rest] = faults;
  return first === undefined ? ok(matrix) : { ok: false, faults: [first, ...rest] };
}

export function parseDemandSeries(value: unknown): Result<DemandSeries> {
  const admitted = admit(demandSeriesSchema, value);
  if (!admitted.ok) return admitted;
  const series = admitted.value;
  const width = series.flowGroups.length;
  const row = series.ratesBps.findIndex((rates) => rates.length !== width);
  if (row >= 0) {
    return {
      ok: false,
      faults: [
        fault("out-of-range", `Interval ${row} has ${series.ratesBps[row]?.length} rates for ${width} flow groups.`, {
          pointer: pointerOf(["ratesBps", row]),
        }),
      ],
    };
  }
  const probe = buildDemandMatrix(
    series.name,
    series.flowGroups.map((group) => ({ ...group, rateBps: 0 })),
  );
  return probe.ok ? ok(series) : probe;
}

/** The matrix of one interval; intervals wrap around, so a day repeats. Demands of rate 0 are kept out. */
export function matrixAt(series: DemandSeries, interval: number): DemandMatrix {
  const count = series.ratesBps.length;
  const index = ((interval % count) + count) % count;
  const rates = series.ratesBps[index] ?? [];
  const demands = series.flowGroups
    .map((group, i): Demand => ({ ...group, rateBps: rates[i] ?? 0 }))
    .filter((demand) => demand.rateBps > 0)
    .sort(compareFlowGroups);
  return { kind: "demand-matrix", name: `${series.name} #${index}`, demands };
}
