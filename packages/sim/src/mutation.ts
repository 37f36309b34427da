/** Deliberate bugs, put around the machines and not into them: what the invariants must catch (mutation.test.ts). */
import type { AgentEvent, ControllerEffect, ControllerEvent, LeadershipState, StartInventory } from "@sluice/control";
import type { AgentHost } from "./agent-host.js";
import type { ControllerHost } from "./controller-host.js";
import type { Scenario } from "./scenario.js";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

export interface Mutation {
  /** What the agent's machine is told instead of the event. */
  readonly agentEvents?: (host: AgentHost, event: AgentEvent) => readonly AgentEvent[];
  readonly controllerEvents?: (host: ControllerHost, event: ControllerEvent) => readonly ControllerEvent[];
  /** What the controller's machine is told on top, right after it has sent something. */
  readonly afterSend?: (host: ControllerHost, effect: Extract<ControllerEffect, { kind: "send" }>) => readonly Untimed<ControllerEvent>[];
  /** What a controller that starts finds in the store. */
  readonly inventory?: (inventory: StartInventory) => StartInventory;
  /** Writes are answered before they are done. */
  readonly answersPersistEarly?: boolean;
  /** The store takes writes under any term. */
  readonly storeUnfenced?: boolean;
  /** Two of three processes' clocks are far slower than the leadership's machine reckons with: two often lead at once. */
  readonly brokenClocks?: boolean;
  /** What the leadership's machine takes for its state. */
  readonly leadership?: (state: LeadershipState) => LeadershipState;
  readonly scenario?: (scenario: Scenario) => Scenario;
}
