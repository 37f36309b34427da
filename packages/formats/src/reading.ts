/** What every reader is given and gives back, and the two lists it keeps while it reads: notes and faults. */
import {
  fault,
  faultsListedMax,
  type DemandMatrix,
  type DemandSeries,
  type Fault,
  type FaultCode,
  type NodeId,
  type Path,
  type Result,
  type Topology,
  type TrafficClass,
} from "@sluice/model";

/**
 * Something that the reader decided and the file did not say. `defaulted`: a constant took the place of a missing value;
 * `inferred`: a value was derived from others in the file; `ignored`: the file said something that is not used.
 */
export interface ReadNote {
  readonly kind: "defaulted" | "inferred" | "ignored";
  /** One phrase, the same for all its occurrences. */
  readonly what: string;
  readonly count: number;
  /** The first occurrence. */
  readonly example?: string;
}

export interface ReadOptions {
  /** Of the file, without path or ending: the name of what is read, where the file gives none. */
  readonly name: string;
  /** How many bps one unit of capacity is: 1e6 for Mb/s. Overrides what the file says. */
  readonly capacityUnitBps?: number;
  /** Takes the place of missing capacities; 100 Gb/s where it is not given. */
  readonly capacityBpsDefault?: number;
  /** Takes the place of latencies that nothing in the file yields; 1 ms where it is not given. */
  readonly latencyMsDefault?: number;
  /** How many bps one unit of demand is. Overrides what the file says. */
  readonly rateUnitBps?: number;
  /** Time between the matrices of a series that does not say; 300 s where it is not given. */
  readonly intervalSeconds?: number;
  /** For files without classes; `elastic` where it is not given. */
  readonly trafficClass?: TrafficClass;
  /** Which number a binary matrix holds; told by the length where it is not given. */
  readonly dtype?: "f32" | "f64";
  /** Which node each row and column of a matrix is; `matrixNodeOrder` where it is not given. */
  readonly nodeOrder?: readonly NodeId[];
}

export interface ReadTopology {
  readonly format: string;
  readonly topology: Topology;
  /** Where the file holds demands too (TopoHub, SNDlib). */
  readonly demands?: DemandMatrix | DemandSeries;
  /** Nodes as the file lists them: what `ReadOptions.nodeOrder` wants where a matrix follows that order. */
  readonly nodeOrder: readonly NodeId[];
  /** How many bps one unit of the demands inside is; 1 where there are none, or the file counts in bps. */
  readonly rateUnitBps: number;
  readonly notes: readonly ReadNote[];
}

export interface ReadDemands {
  readonly format: string;
  readonly matrices: DemandMatrix | DemandSeries;
  /** How many bps one unit of demand is in the file: what figures published in its unit are compared with. */
  readonly rateUnitBps: number;
  readonly notes: readonly ReadNote[];
}

export interface ReadTunnels {
  readonly format: string;
  /** Keyed `source>destination`. Paths are made when they are asked for, so that large sets stay compact. */
  readonly paths: ReadonlyMap<string, readonly Path[]>;
  /** Empty for a pair that the file does not name. */
  tunnelsOf(src: NodeId, dst: NodeId): readonly Path[];
  readonly notes: readonly ReadNote[];
}

/** The notes and faults of one file. Readers go on after a fault, so that one refusal lists many; they never return a partial value. */
export class Reading {
  readonly options: ReadOptions;
  /** As it was used: the readers of demands set it. */
  rateUnitBps = 1;
  readonly #notes = new Map<string, { kind: ReadNote["kind"]; what: string; count: number; example: string | undefined }>();
  readonly #faults: Fault[] = [];

  constructor(options: ReadOptions) {
    this.options = options;
  }

  note(kind: ReadNote["kind"], what: string, example?: string, count = 1): void {
    const key = `${kind} ${what}`;
    const known = this.#notes.get(key);
    if (known === undefined) this.#notes.set(key, { kind, what, count, example });
    else known.count += count;
  }

  /** Records a fault; returns undefined, so that a gate can end with it. */
  refuse(code: FaultCode, message: string, pointer?: string): undefined {
    if (this.#faults.length < faultsListedMax) this.#faults.push(fault(code, message, pointer === undefined ? {} : { pointer }));
    return undefined;
  }

  /** Takes over what another gate said; undefined where it refused. */
  admit<T>(result: Result<T>): T | undefined {
    if (result.ok) return result.value;
    for (const { code, message, pointer } of result.faults) this.refuse(code, message, pointer);
    return undefined;
  }

  get refused(): boolean {
    return this.#faults.length > 0;
  }

  /** Whether further faults would go unlisted: loops over long files stop here. */
  get exhausted(): boolean {
    return this.#faults.length >= faultsListedMax;
  }

  notes(): readonly ReadNote[] {
    return [...this.#notes.values()].map(({ kind, what, count, example }) => ({
      kind,
      what,
      count,
      ...(example === undefined ? {} : { example }),
    }));
  }

  /** The value where nothing was refused, else the faults. */
  result<T>(value: T | undefined): Result<T> {
    const [first, ...rest] = this.#faults;
    if (first !== undefined) return { ok: false, faults: [first, ...rest] };
    if (value === undefined) return { ok: false, faults: [fault("malformed", "The file could not be read.")] };
    return { ok: true, value };
  }
}
