/** Deliberate bugs of leadership, which the simulation must find where several processes contend for it. */
import { digestOf } from "@sluice/rules";
import type { Mutation } from "./mutation.js";

/** The store takes what a deposed leader writes. */
export const storeUnfenced: Mutation = { storeUnfenced: true, brokenClocks: true };

/** A holder leads until it is told that it does not, whatever its clock says of the lease. */
export const noEarlyStepDown: Mutation = {
  leadership: (state) => (state.phase.kind === "leading" ? { ...state, phase: { ...state.phase, untilMs: Infinity } } : state),
};

/** A controller that starts takes every switch for one that holds what the last plan says, without having heard it. */
export const notReadyButPushing: Mutation = {
  controllerEvents: (host, event) => {
    const { target } = host.state.push;
    if (host.state.adopting && target !== undefined) {
      host.state.adopting = false;
      for (const one of host.state.switches.values()) {
        const rules = target.rules.get(one.nodeId) ?? new Map();
        if (one.belief.kind === "unknown") one.belief = { kind: "known", rules, digest: digestOf(rules) };
      }
    }
    return [event];
  },
};
