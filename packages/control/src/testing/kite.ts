/**
 * A network with a protected plan in force, for tests of what is ready for failures.
 *
 *        b
 *      / | \        every cable two links of 10 Gb/s, 1 ms; a-c and b-c share the duct
 *     a--+--c       demands: a>c 4 Gb/s, three quarters on a-c and one on a-b-c; b>c 3 Gb/s on b-c
 *      \   /        backups: a-d-c, b-a-d-c
 *        d          (no cable b-d: the line through the middle is a-c)
 */
import { assert, isProtecting, parseTopology, protectionDefault, type ProtectionSettings, type Topology } from "@sluice/model";
import { demandsOf, Harness, type PathsByPair, type Protecting } from "./harness.js";

export const kiteNodes = ["a", "b", "c", "d"] as const;
export const kitePaths: PathsByPair = { "a>c": ["a-c"], "b>c": ["b-c"] };
export const kiteProtecting: Protecting = {
  also: { "a>c": ["a-b", "b-c"] },
  backups: [
    [["a-c"], ["a-d", "d-c"]],
    [
      ["a-b", "b-c"],
      ["a-d", "d-c"],
    ],
    [["b-c"], ["b-a", "a-d", "d-c"]],
  ],
};
export const kiteDemands = demandsOf("kite", { "a>c": 4e9, "b>c": 3e9 });

/** What becomes of the groups in each scenario. */
export const kiteSplits = {
  "link:a-c": { "a>c": ["a-b", "b-c"] },
  "link:b-c": { "a>c": ["a-c"], "b>c": ["b-a", "a-d", "d-c"] },
  "link:a-b": { "a>c": ["a-c"] },
  "srlg:duct": { "a>c": ["a-d", "d-c"], "b>c": ["b-a", "a-d", "d-c"] },
  "node:b": { "a>c": ["a-c"], "b>c": undefined },
  "node:c": { "a>c": undefined, "b>c": undefined },
} as const;

export function kite(): Topology {
  const cables = [
    ["a", "b"],
    ["b", "c"],
    ["a", "c"],
    ["a", "d"],
    ["d", "c"],
  ] as const;
  const parsed = parseTopology({
    name: "kite",
    nodes: kiteNodes.map((id) => ({ id })),
    links: cables.flatMap(([x, y]) => {
      const more = { capacityBps: 10e9, latencyMs: 1, metric: 1, srlgIds: y === "c" && x !== "d" ? ["duct"] : [] };
      return [
        { id: `${x}-${y}`, from: x, to: y, ...more },
        { id: `${y}-${x}`, from: y, to: x, ...more },
      ];
    }),
  });
  assert(parsed.ok, "the kite is valid");
  return parsed.value;
}

/** The plan is in force, and splits for its scenarios were asked for. */
export function kiteRunning(
  more: ConstructorParameters<typeof Harness>[0] = {},
  protection: ProtectionSettings = { ...protectionDefault, localRepair: "none" },
): Harness {
  const harness = new Harness(more);
  harness.event({ kind: "change-settings", requestId: "protection", settings: { protection } });
  harness.ingest(kite(), kiteDemands);
  for (const id of kiteNodes) harness.startAgent(id);
  harness.wait(100);
  harness.answer(kitePaths, isProtecting(protection) ? kiteProtecting : undefined);
  harness.wait(1_000);
  assert(harness.view.planInForce?.record.epoch === 1, "the plan is in force");
  return harness;
}

/** And every ingress keeps what concerns it. */
export function kiteReady(more: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const harness = kiteRunning(more);
  harness.answerProtect(kiteSplits);
  harness.wait(200);
  assert(harness.view.protection?.phase === "ready", "the splits were checked");
  return harness;
}

/** A cable is cut: the agents of both ends see their port go down. */
export function cut(harness: Harness, ...cables: readonly string[]): void {
  setCables(harness, cables, false);
}

export function mend(harness: Harness, ...cables: readonly string[]): void {
  setCables(harness, cables, true);
}

function setCables(harness: Harness, cables: readonly string[], up: boolean): void {
  for (const { id, from } of kite().links) {
    if (cables.some((cable) => id === cable || id === cable.split("-").reverse().join("-")))
      harness.agentEvent(from, { kind: "link-changed", linkId: id, up });
  }
}
