/** What goes wrong, how often, and when it stops. */
import type { NetworkFaults } from "./network.js";
import type { World } from "./world.js";

export interface Faults {
  readonly network: NetworkFaults;
  readonly solverFailureChance: number;
  readonly solverGarbageChance: number;
  /** The solver never answers. */
  readonly solverSilenceChance: number;
  readonly storeFailureChance: number;
  readonly datapathRefusalChance: number;
  /** Sets all that happens by itself going. */
  schedule(world: World): void;
}

/** Faults that come by chance wherever there is work to do, by the names under which a script does without them. */
export const chanceFaults = ["network-loss", "network-hang", "network-slow", "network-duplicate", "solver", "store", "datapath"] as const;

/** Everything at once, scaled by the seed's intensity. */
export function stormFaults(intensity: number, without: ReadonlySet<string>): Faults {
  const chance = (name: (typeof chanceFaults)[number], probability: number) => (without.has(name) ? 0 : probability);
  return {
    network: {
      lossChance: chance("network-loss", 0.003 * intensity),
      hangChance: chance("network-hang", 0.0005 * intensity),
      duplicateChance: chance("network-duplicate", 0.1),
      delayMsMax: 20,
      slowMs: 400,
      slowChance: chance("network-slow", 0.005 * intensity),
    },
    solverFailureChance: chance("solver", 0.1 * intensity),
    solverGarbageChance: chance("solver", 0.1 * intensity),
    solverSilenceChance: chance("solver", 0.02 * intensity),
    storeFailureChance: chance("store", 0.02 * intensity),
    datapathRefusalChance: chance("datapath", 0.005 * intensity),
    schedule: (world) => scheduleStorm(world, intensity),
  };
}

function scheduleStorm(world: World, intensity: number): void {
  const { random } = world;
  const every = (meanMs: number, what: string, run: () => void) => {
    let times = 0;
    const again = () => {
      if (!world.storming) return;
      times += 1;
      if (world.happens(`${what} ${times}`)) run();
      world.clock.after(random.between(0.2, 1.8) * meanMs, again);
    };
    world.clock.after(random.between(0.2, 1.8) * meanMs, again);
  };
  every(1_500, "demands", () => world.request("demands", undefined));
  every(4_000 / intensity, "agent-crash", () => crashAgent(world));
  if (world.contest === undefined) every(5_000 / intensity, "controller", () => replaceController(world));
  every(4_000 / intensity, "cut", () => cutCable(world));
  every(15_000 / intensity, "flap", () => flapCable(world));
  every(10_000 / intensity, "duct", () => cutDuct(world));
  every(12_000 / intensity, "dead-node", () => killNode(world));
  every(6_000 / intensity, "drain", () => drainLink(world));
  every(9_000 / intensity, "edit", () => editTopology(world));
  every(8_000 / intensity, "settings", () => world.request("settings", { splitWeightSumMax: random.integer(4, 16) }));
  every(3_000 / intensity, "break", () => random.pick([...world.agents.values()]).stream?.wire.break());
  world.operators?.schedule();
  every(700, "probe", () => {
    for (const nodeId of world.agents.keys()) world.probe(nodeId);
  });
}

/** Half of the crashes take the switch's tables with them. */
function crashAgent(world: World): void {
  const { random } = world;
  const host = random.pick([...world.agents.values()]);
  if (host.state === undefined) return;
  const wipe = random.chance(0.5);
  world.record(`agent ${host.nodeId} crashes${wipe ? ", tables lost" : ""}`);
  host.crash(wipe);
  world.clock.after(random.between(200, 5_000), () => {
    if (host.state === undefined) host.start();
  });
}

/** The leader dies, or is only thought dead: then two lead for a while. */
function replaceController(world: World): void {
  const { random, leader } = world;
  if (leader === undefined) return;
  if (random.chance(0.4)) {
    leader.isolated = true;
    world.record(`term ${leader.term} loses the store and does not notice`);
    world.clock.after(random.between(500, 4_000), () => leader.crash());
    world.startController();
    // Agents find the new one when their streams break, and may fall back to the old one when they break again.
    for (const delayMs of [0, 600, 1_200]) {
      world.clock.after(delayMs, () => {
        for (const agent of world.agents.values()) if (random.chance(0.5)) agent.stream?.wire.break();
      });
    }
    return;
  }
  world.record(`controller of term ${leader.term} dies`);
  leader.crash();
  world.clock.after(random.between(100, 5_000), () => {
    if (world.leader === undefined) world.startController();
  });
}

function cutCable(world: World): void {
  const { random } = world;
  const { id } = random.pick(world.scenario.universe.links);
  world.setCable(id, false);
  world.clock.after(random.between(100, 6_000), () => {
    if (world.storming) world.setCable(id, true);
  });
}

/** A cable goes and comes a few times a second for some seconds, and then stays. */
function flapCable(world: World): void {
  const { random, clock } = world;
  const { id } = random.pick(world.scenario.universe.links);
  const endMs = clock.nowMs + random.between(1_000, 4_000);
  const turn = (up: boolean) => {
    if (!world.storming) return;
    world.setCable(id, up);
    if (!up || clock.nowMs < endMs) clock.after(random.between(90, 200), () => turn(!up));
  };
  turn(false);
}

/** Everything in one duct is cut at once, and mended cable by cable in another order. */
function cutDuct(world: World): void {
  const { random, scenario, clock } = world;
  const ducts = [...new Set(scenario.universe.links.flatMap(({ srlgIds }) => srlgIds))].filter((id) => id.startsWith("duct"));
  if (ducts.length === 0) return;
  const duct = random.pick(ducts);
  const links = scenario.universe.links.filter(({ srlgIds }) => srlgIds.includes(duct));
  world.record(`${duct} is cut`);
  for (const { id } of links) world.setCable(id, false);
  for (const { id } of links) {
    clock.after(random.between(500, 6_000), () => {
      if (world.storming) world.setCable(id, true);
    });
  }
}

/** A switch loses its power: its cables are dead, its tables and its agent are gone. It comes back with nothing. */
function killNode(world: World): void {
  const { random, scenario, clock } = world;
  const host = random.pick([...world.agents.values()]);
  const links = scenario.universe.links.filter(({ from, to }) => from === host.nodeId || to === host.nodeId).map(({ id }) => id);
  world.record(`node ${host.nodeId} dies`);
  world.setLinks(links, false);
  host.crash(true);
  clock.after(random.between(500, 5_000), () => {
    if (!world.storming) return;
    world.setLinks(links, true);
    if (host.state === undefined) host.start();
  });
}

/** An operator drains a link, or puts one back that is drained. */
function drainLink(world: World): void {
  const { id: linkId } = world.random.pick(world.scenario.universe.links);
  const drained = world.store.topologies.at(-1)?.links.find(({ id }) => id === linkId)?.drain === "drained";
  world.request("changes", [{ kind: "set-link-state", linkId, drain: drained ? "active" : "drained" }]);
}

/** An operator takes a cable, or a whole node, out of the document, or puts back what is missing. */
function editTopology(world: World): void {
  const { random, store, scenario } = world;
  const stored = store.topologies.at(-1);
  if (stored === undefined) return;
  const missingNodes = scenario.universe.nodes.filter(({ id }) => !stored.nodes.some((node) => node.id === id));
  const missingLinks = scenario.universe.links.filter(({ id }) => !stored.links.some((link) => link.id === id));
  if (missingLinks.length > 0) {
    world.request("changes", [
      ...missingNodes.map((node) => ({ kind: "put-node", node })),
      ...missingLinks.map((link) => ({ kind: "put-link", link })),
    ]);
    return;
  }
  const { from, to } = random.pick(scenario.universe.links);
  const node = random.chance(0.3) ? from : undefined;
  const gone = stored.links.filter((link) =>
    node === undefined
      ? (link.from === from && link.to === to) || (link.from === to && link.to === from)
      : link.from === node || link.to === node,
  );
  world.record(`the operator removes ${node ?? `${from}-${to}`}`);
  world.request("changes", [
    ...gone.map(({ id }) => ({ kind: "remove-link", linkId: id })),
    ...(node === undefined ? [] : [{ kind: "remove-node", nodeId: node }]),
  ]);
}

/** From now on everything works; what is broken is mended, but for one cable in some seeds, and a last measurement comes in. */
export function calmFaults(world: World): Faults {
  world.storming = false;
  const { random } = world;
  for (const { id } of world.scenario.universe.links) world.setCable(id, true);
  if (random.chance(0.3)) world.setCable(random.pick(world.scenario.universe.links).id, false);
  for (const host of world.agents.values()) if (host.state === undefined) host.start();
  world.contest?.calm();
  if (world.contest === undefined) for (const host of world.controllers.slice(0, -1)) host.crash();
  if (world.leader === undefined) world.startController();
  Object.assign(world.faults.network, { lossChance: 0, hangChance: 0, slowChance: 0 });
  world.clock.after(1_000, () => world.request("demands", undefined));
  world.operators?.settle();
  return {
    network: world.faults.network,
    solverFailureChance: 0,
    solverGarbageChance: 0,
    solverSilenceChance: 0,
    storeFailureChance: 0,
    datapathRefusalChance: 0,
    schedule: () => {},
  };
}
