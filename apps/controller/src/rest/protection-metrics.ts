/** Metrics of what is prepared for failures, and of failures as they come. */
import type { ControllerView, PublishedEvent } from "@sluice/control";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

const msPerSecond = 1_000;

export interface ProtectionMetrics {
  /** Takes in what is only told as it happens. */
  event(event: PublishedEvent): void;
  /** Reads the state anew. */
  set(view: Pick<ControllerView, "planInForce" | "protection" | "linksDamped" | "frozen">): void;
}

export function createProtectionMetrics(registry: Registry): ProtectionMetrics {
  const registers = [registry];
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name: `sluice_${name}`, help, labelNames, registers });
  const bypasses = gauge("protection_bypasses", "Ways around links that the plan in force has.");
  const backups = gauge("protection_backups", "Tunnels of the plan in force that another stands in for.");
  const scenarios = gauge("protection_scenarios", "Failures that splits were asked for, by what came of it.", ["state"]);
  const agents = gauge("protection_agents", "Ingresses that some scenario changes, by whether they keep all that concerns them.", [
    "state",
  ]);
  const active = gauge("protection_scenario_active", "1 while a failure is answered by its split.");
  const damped = gauge("links_damped", "Links that were down lately, and those among them that count as down though their agents say up.", [
    "state",
  ]);
  const frozen = gauge("control_network_frozen", "1 while the loss of many agents at once is taken for a fault of the control network.");
  const activations = new Counter({
    name: "sluice_scenario_activations_total",
    help: "Scenarios that ingresses were told to change over to.",
    registers,
  });
  const seconds = new Histogram({
    name: "sluice_scenario_activation_seconds",
    help: "From the first news of a failure until every ingress concerned had changed over.",
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
    registers,
  });

  return {
    event({ kind, data }) {
      if (kind === "scenario-activated") activations.inc();
      const ms = data["msFromEvent"];
      if (kind === "scenario-programmed" && typeof ms === "number") seconds.observe(ms / msPerSecond);
    },
    set({ planInForce, protection, linksDamped, frozen: isFrozen }) {
      bypasses.set(planInForce?.record.plan.protection?.bypasses.length ?? 0);
      backups.set(planInForce?.record.plan.protection?.backups.length ?? 0);
      const prepared = protection?.splits.length ?? 0;
      const refused = protection?.refused.length ?? 0;
      scenarios.set({ state: "prepared" }, prepared);
      scenarios.set({ state: "refused" }, refused);
      scenarios.set({ state: "missing" }, Math.max(0, (protection?.scenarios ?? 0) - prepared - refused));
      const concerned = protection?.agents ?? [];
      const holding = concerned.filter((agent) => agent.held === agent.concerned).length;
      agents.set({ state: "holding" }, holding);
      agents.set({ state: "lacking" }, concerned.length - holding);
      active.set(protection?.active === undefined ? 0 : 1);
      damped.set({ state: "penalized" }, linksDamped.length);
      damped.set({ state: "suppressed" }, linksDamped.filter(({ suppressed }) => suppressed).length);
      damped.set({ state: "held-down" }, linksDamped.filter(({ heldDown }) => heldDown).length);
      frozen.set(isFrozen === undefined ? 0 : 1);
    },
  };
}
