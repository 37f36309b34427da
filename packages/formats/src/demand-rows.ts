/**
 * Demands that come row by row (CSV, NDJSON, REPETITA, SNDlib) to a matrix, or to a series where rows say when. Each row is gated as it
 * comes, so that a fault names its line.
 */
import {
  buildDemandMatrix,
  compareFlowGroups,
  demandsMax,
  flowGroupId,
  type BandwidthFunction,
  type Demand,
  type DemandMatrix,
  type DemandSeries,
  type FlowGroup,
  type FlowGroupId,
  type NodeId,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import type { Reading } from "./reading.js";
import { intervalSecondsDefault } from "./square-matrix.js";

export interface DemandRow {
  readonly src: string;
  readonly dst: string;
  readonly rateBps: number;
  /** Pointer to the row. */
  readonly at: string;
  readonly trafficClass?: TrafficClass | undefined;
  readonly bandwidthFunction?: BandwidthFunction | undefined;
  /** Start of the row's interval from the start of the series. */
  readonly startSeconds?: number | undefined;
}

export class DemandRows {
  readonly #topology: Topology;
  readonly #reading: Reading;
  readonly #repeated: "refuse" | "add";
  /** By start, then by flow group. Rows without a start are at `undefined`. */
  readonly #intervals = new Map<number | undefined, Map<FlowGroupId, Demand>>();
  #count = 0;

  constructor(topology: Topology, reading: Reading, options: { readonly repeated: "refuse" | "add" }) {
    this.#topology = topology;
    this.#reading = reading;
    this.#repeated = options.repeated;
  }

  add(row: DemandRow): void {
    const { at } = row;
    for (const [end, id] of [
      ["src", row.src],
      ["dst", row.dst],
    ] as const) {
      if (!this.#topology.nodeById.has(id as NodeId)) {
        this.#reading.refuse("dangling-reference", `${at}: the topology has no node ${JSON.stringify(id.slice(0, 40))}.`, `${at}/${end}`);
        return;
      }
    }
    if (row.src === row.dst) {
      this.#reading.refuse("self-loop", `${at}: the demand starts and ends at ${row.src}.`, `${at}/dst`);
      return;
    }
    this.#count += 1;
    if (this.#count > demandsMax) {
      this.#reading.refuse("too-many", `The file has more than ${demandsMax} demands.`, at);
      return;
    }
    this.#put(row);
  }

  #put(row: DemandRow): void {
    const trafficClass = row.trafficClass ?? this.#classDefault();
    const demand: Demand = {
      src: row.src as NodeId, // In the topology, hence an id.
      dst: row.dst as NodeId,
      trafficClass,
      rateBps: row.rateBps,
      ...(row.bandwidthFunction === undefined ? {} : { bandwidthFunction: row.bandwidthFunction }),
    };
    let interval = this.#intervals.get(row.startSeconds);
    if (interval === undefined) {
      interval = new Map();
      this.#intervals.set(row.startSeconds, interval);
    }
    const id = flowGroupId(demand);
    const known = interval.get(id);
    if (known === undefined) {
      interval.set(id, demand);
    } else if (this.#repeated === "add") {
      this.#reading.note("inferred", "several demands of a flow group added up", id);
      interval.set(id, { ...known, rateBps: known.rateBps + demand.rateBps });
    } else {
      this.#reading.refuse("duplicate-id", `${row.at}: there is more than one demand for ${id}.`, row.at);
    }
  }

  #classDefault(): TrafficClass {
    const given = this.#reading.options.trafficClass;
    if (given === undefined) this.#reading.note("defaulted", "traffic class not stated: elastic");
    return given ?? "elastic";
  }

  /** The matrix, or the series where every row had a start. Undefined where a row was refused. */
  finish(): DemandMatrix | DemandSeries | undefined {
    if (this.#reading.refused) return undefined;
    const { name } = this.#reading.options;
    const starts = [...this.#intervals.keys()];
    if (starts.every((start) => start === undefined)) {
      return this.#reading.admit(buildDemandMatrix(name, [...(this.#intervals.get(undefined)?.values() ?? [])]));
    }
    if (starts.includes(undefined))
      return this.#reading.refuse("missing-field", "Some rows say when their interval starts and some do not.");
    return this.#series(starts.filter((start) => start !== undefined).sort((a, b) => a - b));
  }

  /** Intervals follow each other at equal distances; a flow group that an interval does not name has rate 0 there. */
  #series(starts: readonly number[]): DemandSeries | undefined {
    const [first = 0, second] = starts;
    const intervalSeconds = second === undefined ? this.#lonelyInterval() : second - first;
    if (starts.some((start, i) => start !== first + i * intervalSeconds)) {
      return this.#reading.refuse("out-of-range", `Intervals must start every ${intervalSeconds} s, as the first two do.`);
    }
    const groups = new Map<FlowGroupId, FlowGroup>();
    for (const interval of this.#intervals.values()) {
      for (const [id, { src, dst, trafficClass, bandwidthFunction }] of interval) {
        if (bandwidthFunction !== undefined) this.#reading.note("ignored", "bandwidth function in a series", id);
        if (!groups.has(id)) groups.set(id, { src, dst, trafficClass });
      }
    }
    const sorted = [...groups].sort(([, a], [, b]) => compareFlowGroups(a, b));
    const ratesBps = starts.map((start) => sorted.map(([id]) => this.#intervals.get(start)?.get(id)?.rateBps ?? 0));
    return {
      kind: "demand-series",
      name: this.#reading.options.name,
      intervalSeconds,
      flowGroups: sorted.map(([, group]) => group),
      ratesBps,
    };
  }

  #lonelyInterval(): number {
    const given = this.#reading.options.intervalSeconds;
    if (given === undefined) this.#reading.note("defaulted", `interval not stated: ${intervalSecondsDefault} s`);
    return given ?? intervalSecondsDefault;
  }
}
