/** Small networks that a controller stands on, for tests: a ring with chords, some demand, its plan. */
import { optimize, type OptimizeOptions } from "@sluice/engine";
import { highsBackend } from "@sluice/lp";
import {
  parseDemandMatrix,
  parseTopology,
  planSettingsDefault,
  topologyDocument,
  trafficClasses,
  type PlanSettings,
  type Result,
  type Snapshot,
} from "@sluice/model";
import { assignmentsDocument, emptyAssignments } from "@sluice/rules";
import fc from "fast-check";
import type { Standing } from "../preview.js";

export const gbps = 1e9;

const highs = await highsBackend();
/** The clock stands still: nothing may depend on time. */
export const options: Pick<OptimizeOptions, "lp" | "nowMs"> = { lp: { highs, javascriptLpSolver: highs }, nowMs: () => 0 };

export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

export interface Shape {
  /** Of the ring's cables, Gb/s: cable i joins node i and the next. */
  readonly capacities: readonly number[];
  readonly chords: readonly (readonly [number, number])[];
  readonly demands: readonly { readonly src: number; readonly dst: number; readonly class: number; readonly rate: number }[];
}

export const shapes: fc.Arbitrary<Shape> = fc.integer({ min: 3, max: 6 }).chain((count) => {
  const node = fc.integer({ min: 0, max: count - 1 });
  return fc.record({
    capacities: fc.array(fc.integer({ min: 2, max: 12 }), { minLength: count, maxLength: count }),
    // A ring of three has none.
    chords: fc.subarray(chordsOf(count), { maxLength: Math.min(2, chordsOf(count).length) }),
    demands: fc.uniqueArray(
      fc
        .record({ src: node, dst: node, class: fc.integer({ min: 0, max: 2 }), rate: fc.integer({ min: 1, max: 9 }) })
        .filter((each) => each.src !== each.dst),
      { minLength: 1, maxLength: 10, selector: (each) => `${each.src} ${each.dst} ${each.class}` },
    ),
  });
});

function chordsOf(count: number): (readonly [number, number])[] {
  const nodes = Array.from({ length: count }, (_, i) => i);
  return nodes.flatMap((a) => nodes.filter((b) => b - a > 1 && b - a < count - 1).map((b) => [a, b] as const));
}

export function snapshotOf({ capacities, chords, demands }: Shape, settings: Partial<PlanSettings> = {}): Snapshot {
  const cable = (a: number, b: number, rate: number, srlgIds: readonly string[]) =>
    [
      [a, b],
      [b, a],
    ].map(([from, to]) => ({
      id: `n${from}-n${to}`,
      from: `n${from}`,
      to: `n${to}`,
      capacityBps: rate * gbps,
      latencyMs: 1,
      metric: 1,
      srlgIds,
    }));
  const links = [
    ...capacities.flatMap((rate, i) => cable(i, (i + 1) % capacities.length, rate, i === 0 ? ["duct"] : [])),
    ...chords.flatMap(([a, b]) => cable(a, b, 6, [])),
  ];
  const topology = valueOf(parseTopology({ name: "ring", nodes: capacities.map((_, i) => ({ id: `n${i}` })), links }));
  const matrix = demands.map(({ src, dst, class: i, rate }) => ({
    src: `n${src}`,
    dst: `n${dst}`,
    trafficClass: trafficClasses[i],
    rateBps: rate * gbps,
  }));
  return {
    topology: topologyDocument(topology),
    demands: valueOf(parseDemandMatrix({ name: "some", demands: matrix })),
    settings: { ...planSettingsDefault, tunnels: { kind: "k-shortest", k: 3 }, ...settings },
  };
}

/** A controller that stands on the plan of this snapshot, its first. */
export async function standingOn(snapshot: Snapshot): Promise<Standing> {
  const { plan } = valueOf(await optimize(snapshot, options));
  return {
    ground: { ...snapshot, linksDown: [] },
    versions: { topologyVersion: 3, demandsVersion: 5, settingsVersion: 1 },
    plan: { epoch: 7, snapshot, plan, assignmentsBefore: { ...assignmentsDocument(emptyAssignments) } },
  };
}
