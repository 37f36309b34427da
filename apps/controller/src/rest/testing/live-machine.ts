/** For the tests of REST: the real machine with a store in memory, which judges and writes what it is asked; its solver never has a plan. */
import { controllerConfigDefault, createController } from "@sluice/control";
import { assert, fault, refuse, type Term } from "@sluice/model";
import { memoryStore, type Store } from "@sluice/store";
import { startDriver, type Driver } from "../../driver.js";
import type { RestDeps } from "../deps.js";
import { value } from "./plan-in-force.js";

export interface LiveMachine {
  readonly driver: Driver;
  readonly store: Store;
  readonly deps: RestDeps;
  stop(): Promise<void>;
}

/** `more` is what REST needs besides the machine. */
export async function liveMachine(
  more: Omit<RestDeps, "view" | "watch" | "store" | "submit" | "rulesOf">,
  moreOf: (parts: { readonly driver: Driver; readonly store: Store; readonly term: Term }) => Partial<RestDeps> = () => ({}),
): Promise<LiveMachine> {
  const store = memoryStore();
  const term = value(await store.acquireTerm("a test"));
  const noSolver = () => Promise.resolve(refuse(fault("solver-failed", "There is no solver.")));
  const nothing = () => undefined;
  const driver = startDriver({
    state: createController({ ...controllerConfigDefault, controllerId: "test" }, { term, inventory: { epoch: 0 } }),
    term,
    store,
    solvers: { optimize: noSolver, cancel: nothing, protect: noSolver, cancelProtect: nothing },
    onStepDown: (reason) => assert(false, reason),
    onBroken: (error) => {
      throw error;
    },
  });
  return {
    driver,
    store,
    deps: {
      ...more,
      view: driver.view,
      watch: driver.watch,
      store,
      submit: driver.submit,
      rulesOf: driver.rulesOf,
      ...moreOf({ driver, store, term }),
    },
    stop: () => driver.stop(),
  };
}

/** a - b - c in a ring, one cable in two shared-risk link groups. */
export const ringDocument = {
  name: "ring",
  nodes: ["a", "b", "c"].map((id) => ({ id })),
  links: [
    ["a", "b"],
    ["b", "c"],
    ["c", "a"],
  ].flatMap(([from = "", to = ""], i) =>
    [
      { id: `${from}-${to}`, from, to },
      { id: `${to}-${from}`, from: to, to: from },
    ].map((ends) => ({ ...ends, capacityBps: 1e10, latencyMs: 5, metric: 1, srlgIds: i === 0 ? ["duct", "bridge"] : ["duct"] })),
  ),
};

export const ringDemands = {
  name: "busy hour",
  demands: [
    { src: "a", dst: "b", trafficClass: "interactive", rateBps: 3e9 },
    { src: "a", dst: "c", trafficClass: "bulk", rateBps: 4e9 },
  ],
};
