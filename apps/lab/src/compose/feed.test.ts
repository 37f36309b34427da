import { fault, ok, parseDemandMatrix, parseTopology, refuse, type DemandMatrix, type Fault, type Result } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { feed, type FedController } from "./feed.js";

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}
const topology = valueOf(parseTopology({ name: "pair", nodes: [{ id: "a" }, { id: "b" }], links: [] }));
const matrix = valueOf(
  parseDemandMatrix({ name: "now", demands: [{ src: "a", dst: "b", trafficClass: "bulk", rateBps: 5 }] }),
) satisfies DemandMatrix;

/** A controller in memory that notes what it is told; `answers` are given to measurements first. */
function controllerOf({ version, answers = [] }: { readonly version: number; readonly answers?: Result<number>[] }) {
  const told: string[] = [];
  let current = version;
  const controller: FedController = {
    topologyVersion: async () => Promise.resolve(ok(current)),
    async replaceTopology({ name }) {
      told.push(`topology ${name}`);
      current += 1;
      return Promise.resolve(ok(current));
    },
    async measure({ demands }) {
      told.push(`measured ${demands.length}`);
      return Promise.resolve(answers.shift() ?? ok(demands.length));
    },
    reconnect: () => void told.push("reconnect"),
  };
  return { controller, told };
}

/** Feeds until so many measurements were taken in. */
async function feedUntil(controller: FedController, count: number): Promise<readonly Fault[]> {
  const stop = new AbortController();
  const faults: Fault[] = [];
  let taken = 0;
  await feed({
    controller,
    topology,
    matrices: matrix,
    intervalSeconds: 0.01,
    nowMs: () => Date.now(),
    signal: stop.signal,
    retryMs: 1,
    onMeasured() {
      taken += 1;
      if (taken === count) stop.abort();
    },
    onFaults: (each) => void faults.push(...each),
  });
  return faults;
}

describe("the feeder", () => {
  it("sends the topology where there is none, then the demand again and again", async () => {
    const { controller, told } = controllerOf({ version: 0 });
    expect(await feedUntil(controller, 3)).toEqual([]);
    expect(told).toEqual(["topology pair", "measured 1", "measured 1", "measured 1"]);
  });

  it("leaves a topology that is there, whatever operators made of it", async () => {
    const { controller, told } = controllerOf({ version: 7 });
    await feedUntil(controller, 1);
    expect(told).toEqual(["measured 1"]);
  });

  it("tells of a controller that does not answer, and goes on by a new connection", async () => {
    const away = refuse(fault("unavailable", "The controller is away."));
    const { controller, told } = controllerOf({ version: 1, answers: [away] });
    expect(await feedUntil(controller, 1)).toMatchObject([{ code: "unavailable" }]);
    expect(told).toEqual(["measured 1", "reconnect", "measured 1"]);
  });
});
