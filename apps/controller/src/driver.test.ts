import { controllerConfigDefault, createController } from "@sluice/control";
import { assert, parseDemandMatrix } from "@sluice/model";
import { memoryStore } from "@sluice/store";
import { afterEach, describe, expect, it, vi } from "vitest";
import { startDriver } from "./driver.js";
import { solversHere } from "./rest/testing/live-controller.js";
import { ringDemands, ringDocument } from "./rest/testing/live-machine.js";
import { value } from "./rest/testing/plan-in-force.js";

/** Turns of the event loop that a plan of a ring may take. */
const turnsMax = 100_000;

afterEach(() => vi.useRealTimers());

describe("work in slices", () => {
  it("goes on as soon as others were heard, without waiting for a timer", async () => {
    const store = memoryStore();
    const term = value(await store.acquireTerm("a test"));
    // No timer fires: neither the regular tick nor any other.
    vi.useFakeTimers({ toFake: ["setTimeout", "setInterval"] });
    const config = { ...controllerConfigDefault, controllerId: "test", workPerEventMax: 1 };
    const driver = startDriver({
      state: createController(config, { term, inventory: { epoch: 0 } }),
      term,
      store,
      solvers: solversHere,
      onStepDown: (reason) => assert(false, reason),
      onBroken: (error) => {
        throw error;
      },
    });
    value(await driver.submit({ kind: "replace-topology", topology: ringDocument }));
    value(await driver.submit({ kind: "measure-demands", matrix: value(parseDemandMatrix(ringDemands)) }));
    for (let turns = 0; turns < turnsMax && driver.view().epoch === 0; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(value(await store.listPlans({ limit: 10 })).map(({ epoch }) => epoch)).toEqual([1]);
    await driver.stop();
  });
});
