/** What passes between `sluice bench` and the process that runs one instance (Node's IPC, structured clone). */
import type { PeerInstance } from "@sluice/mcf/peer-bench";
import type { Result } from "@sluice/model";

export const benchObjectives = ["max-throughput", "max-concurrent"] as const;
export type BenchObjective = (typeof benchObjectives)[number];
export const engineNames = ["auto", "first-order", "interior-point"] as const;
export type EngineName = (typeof engineNames)[number];
export const tunnelSources = ["given", "own"] as const;
export type TunnelSource = (typeof tunnelSources)[number];
export const highsMethods = ["first-order", "interior-point", "simplex"] as const;
export type HighsMethod = (typeof highsMethods)[number];

/** Who is to solve: an engine of ours, or HiGHS by one of its methods to an accuracy. */
export type BenchSolver =
  | { readonly kind: "engine"; readonly engine: EngineName; readonly threads?: number | undefined }
  | { readonly kind: "highs"; readonly method: HighsMethod; readonly accuracy: number };

export interface BenchTask {
  /** Of the benchmark's files. */
  readonly folder: string;
  readonly instance: PeerInstance;
  readonly objective: BenchObjective;
  readonly tunnels: TunnelSource;
  readonly solver: BenchSolver;
  /** Relative, between value and bound. */
  readonly gap: number;
  /** Of one solve. */
  readonly timeLimitSeconds: number;
  /** How often to solve; the run with the median total counts. */
  readonly repeat: number;
  /** How long to solve a small network, and then the instance itself, before runs count. */
  readonly warmUpSeconds: number;
}

export interface Seconds {
  readonly read: number;
  readonly tunnels: number;
  readonly solve: number;
  readonly check: number;
  /** From the parsed input to the checked answer: tunnels, solve and check. */
  readonly total: number;
}

export interface InstanceSize {
  readonly nodes: number;
  readonly links: number;
  readonly demands: number;
  readonly paths: number;
  /** Demands without a path. */
  readonly unroutable: number;
}

/** One instance solved and judged. Rates are in the unit of the instance. */
export interface BenchAnswer {
  readonly size: InstanceSize;
  /** Who solved, in words. */
  readonly solver: string;
  readonly status: string;
  readonly iterations: number;
  /** As the judge found them, from the flow and the prices alone. With own tunnels the bound holds for all paths there are. */
  readonly value: number;
  readonly bound: number;
  readonly gap: number;
  readonly verdict: "pass" | "fail";
  /** One sentence a kind. */
  readonly violations: readonly string[];
  readonly seconds: Seconds;
  /** Of every run, in order. */
  readonly totalSeconds: readonly number[];
  /** Of all threads together, over the same span as `seconds.total`: says more than that where the machine has other work. */
  readonly cpuSeconds: number;
  /** Largest resident set of the process, reading and everything else included. */
  readonly memoryBytes: number;
}

export const benchStages = ["read", "warm up", "tunnels", "solve", "check"] as const;
export type BenchStage = (typeof benchStages)[number];

export type BenchReply =
  | { readonly kind: "ready" }
  | { readonly kind: "stage"; readonly stage: BenchStage }
  | { readonly kind: "result"; readonly result: Result<BenchAnswer> };
