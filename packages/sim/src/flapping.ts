/** A hundred links that come and go ten times a second, for a minute: what that may cost, and that it is over when it is over. */
import { agentConfigDefault, controllerConfigDefault } from "@sluice/control";
import { assert, parseTopology, planSettingsDefault, protectionDefault, type LinkId, type Topology } from "@sluice/model";
import { calmFaults } from "./faults.js";
import { seededRandom } from "./random.js";
import type { Scenario } from "./scenario.js";
import { introduce, restChecker, startMs, World } from "./world.js";

const nodeCount = 20;
/** Each is two links. */
const flappingCables = 50;
const periodMs = 100;
/** Time for a first plan. */
const calmMs = 10_000;
const flapMs = 60_000;
/** The highest penalty is below the threshold of reuse after four half-lives, one minute. */
const quietMs = 90_000;
/** How often tables are judged while links flap, ms: thousands of cables change in between. */
const lookEveryMs = 1_000;

export interface FlappingOutcome {
  readonly linkChanges: number;
  /** While links flapped: plans that were asked for, events that were published, by kind. */
  readonly solves: number;
  readonly published: Readonly<Record<string, number>>;
  /** The most at any look: entries of the controller's queues and maps that news of links fills. */
  readonly heldMax: number;
  /** The most that the world had yet to do: messages on their way, timers. */
  readonly pendingMax: number;
  readonly healedAfterMs: number;
  readonly unrest: string | undefined;
}

export async function playFlapping(seed: number): Promise<FlappingOutcome> {
  const world = new World(scenarioOfFlapping(seed), {});
  world.faults = { ...calmFaults(world), network: { ...world.faults.network, duplicateChance: 0 } };
  world.startController();
  for (const agent of world.agents.values()) world.clock.after(world.random.between(0, 500), () => agent.start());
  world.clock.after(100, () => introduce(world));
  await world.play(startMs + calmMs, undefined, lookEveryMs);

  const before = { solves: world.leader?.state.cycle.solves ?? 0, published: { ...world.published } };
  const endMs = world.clock.nowMs + flapMs;
  let linkChanges = 0;
  for (const linkId of chords(world.scenario.universe)) {
    const turn = (up: boolean) => {
      world.setCable(linkId, up);
      linkChanges += 2;
      if (!up || world.clock.nowMs < endMs) world.clock.after(periodMs / 2, () => turn(!up));
    };
    world.clock.after(world.random.between(0, periodMs), () => turn(false));
  }
  let heldMax = 0;
  let pendingMax = 0;
  const look = () => {
    heldMax = Math.max(heldMax, held(world));
    pendingMax = Math.max(pendingMax, world.clock.pending);
    return false;
  };
  await world.play(endMs, look, lookEveryMs);
  const published = Object.fromEntries(
    Object.entries(world.published).map(([kind, count]) => [kind, count - (before.published[kind] ?? 0)]),
  );
  const solves = (world.leader?.state.cycle.solves ?? 0) - before.solves;
  await world.play(endMs + quietMs, restChecker(world, endMs), lookEveryMs);
  const unrest = world.checks.unrest();
  return { linkChanges, solves, published, heldMax, pendingMax, healedAfterMs: world.clock.nowMs - endMs, unrest };
}

function held(world: World): number {
  const { leader } = world;
  if (leader === undefined) return 0;
  const { inventory, journal, streams, control } = leader.state;
  return (
    inventory.damping.size +
    inventory.reportedDown.size +
    inventory.queue.length +
    journal.pending.length +
    streams.size +
    control.lostAtMs.size
  );
}

/** The cables that flap: the ring stays whole, and with it a way between all nodes. */
function chords({ links }: Topology): readonly LinkId[] {
  const ids = links.filter(({ srlgIds }) => srlgIds.includes("chord" as (typeof srlgIds)[number])).map(({ id }) => id);
  return ids.filter((_, i) => i % 2 === 0);
}

function scenarioOfFlapping(seed: number): Scenario {
  const random = seededRandom(seed);
  const ids = Array.from({ length: nodeCount }, (_, i) => `n${i}`);
  const cables = new Map<string, { readonly a: string; readonly b: string; readonly srlgIds: readonly string[] }>();
  for (const [i, a] of ids.entries()) cables.set(`${i} ${(i + 1) % nodeCount}`, { a, b: ids[(i + 1) % nodeCount] ?? a, srlgIds: [] });
  while (cables.size < nodeCount + flappingCables) {
    const [i = 0, j = 0] = [random.integer(0, nodeCount - 1), random.integer(0, nodeCount - 1)].sort((x, y) => x - y);
    if (j - i < 2 || (i === 0 && j === nodeCount - 1)) continue;
    cables.set(`${i} ${j}`, { a: ids[i] ?? "", b: ids[j] ?? "", srlgIds: ["chord"] });
  }
  const built = parseTopology({
    name: "flapping",
    nodes: ids.map((id) => ({ id })),
    links: [...cables.values()].flatMap(({ a, b, srlgIds }) => {
      const cable = {
        srlgIds,
        capacityBps: random.pick([100, 200]) * 1e9,
        latencyMs: random.integer(1, 10),
        metric: random.integer(1, 10),
      };
      return [
        { id: `${a}-${b}`, from: a, to: b, ...cable },
        { id: `${b}-${a}`, from: b, to: a, ...cable },
      ];
    }),
  });
  assert(built.ok, "the network that flaps is valid");
  return {
    seed,
    universe: built.value,
    settings: {
      ...planSettingsDefault,
      tunnels: { kind: "k-shortest", k: 2 },
      // The chords share one risk: splits are for single cables.
      protection: { ...protectionDefault, scenarios: ["link"] },
    },
    solver: "greedy",
    controllerConfig: controllerConfigDefault,
    ruleCountMax: 100_000,
    preparedOperationsMax: agentConfigDefault.preparedOperationsMax,
    faultsMs: calmMs + flapMs,
    intensity: 0,
    operators: false,
    contest: false,
    without: new Set(),
  };
}
