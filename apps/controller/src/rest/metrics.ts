/**
 * /metrics in the text format of Prometheus. Base units (seconds, bytes, ratios): a rate here is bytes per second, an eighth of
 * the bps that the rest of Sluice speaks. The state of the controller is read when it is asked for; labels are bounded.
 */
import type { AgentView, ControllerView, PublishedEvent } from "@sluice/control";
import type { LinkId } from "@sluice/model";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { derivedOf } from "./plan-derived.js";
import { createOperationMetrics, type MetricSources } from "./operation-metrics.js";
import { createProtectionMetrics } from "./protection-metrics.js";

/** Series by link or node are left out of larger networks, and their number is shown instead. */
const labelledMax = 5_000;

const bitsPerByte = 8;

export interface Metrics {
  readonly contentType: string;
  /** Counts a request that was answered. */
  observe(request: { readonly method: string; readonly route: string; readonly status: number; readonly seconds: number }): void;
  /** Takes in an event that the controller published. */
  event(event: PublishedEvent): void;
  /** Where figures come from that the view does not show. */
  readFrom(sources: MetricSources): void;
  render(view: ControllerView): Promise<string>;
}

export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name: `sluice_${name}`, help, labelNames, registers: [registry] });

  gauge("build_info", "Always 1; the label says which version runs.", ["version"]).set({ version }, 1);
  const requests = new Histogram({
    name: "sluice_http_request_duration_seconds",
    help: "Time to answer a REST request.",
    labelNames: ["method", "route", "status"] as const,
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
    registers: [registry],
  });
  const term = gauge("term", "Leadership number of this controller.");
  const ready = gauge("ready", "1 when the controller can do its work.");
  const epoch = gauge("plan_epoch", "Number of the newest stored plan, and of the one in force.", ["plan"]);
  const counter = (name: string, help: string) => new Counter({ name: `sluice_${name}`, help, registers: [registry] });
  const solves = counter("solves_total", "Solves since the controller started.");
  const failures = counter("solve_failures_total", "Solves that gave no plan.");
  const stageSeconds = gauge("plan_stage_seconds", "Seconds that each stage of making the plan in force took.", ["stage"]);
  const utilizationMax = gauge("plan_utilization_max_ratio", "Largest utilization of a link by the plan in force.");
  const rules = gauge("plan_rules", "Rules of the plan in force.");
  const demand = gauge("class_demand_bytes_per_second", "Demand that the plan in force was made for.", ["class"]);
  const admitted = gauge("class_admitted_bytes_per_second", "What the plan in force admits.", ["class"]);
  const gap = gauge("class_gap_ratio", "Proven distance of the plan in force from the optimum.", ["class"]);
  const agents = gauge("agents", "Agents by the state of their session.", ["state"]);
  const agentsOnTarget = gauge("agents_on_target", "Agents that hold the rules that they should.");
  const agentRules = gauge("agent_rules", "Rules that a switch holds.", ["node"]);
  const pushMessages = gauge("push_messages", "Messages of the push under way, by how far they are.", ["state"]);
  const capacity = gauge("link_capacity_bytes_per_second", "Capacity of a link.", ["link"]);
  const up = gauge("link_up", "1 when a link is up.", ["link"]);
  const planned = gauge("link_planned_bytes_per_second", "Load of a link by the plan in force.", ["link"]);
  const transmitted = gauge("link_transmitted_bytes_per_second", "Measured load of a link, mean over the last interval.", ["link"]);
  const dropped = gauge("link_dropped_bytes_per_second", "Measured loss at a link, mean over the last interval.", ["link"]);
  const omitted = gauge("labels_omitted", "Links and nodes whose series are left out because there are too many.", ["label"]);
  const protection = createProtectionMetrics(registry);
  const operation = createOperationMetrics(registry);
  let sources: MetricSources = {};
  const readAnew = [
    epoch,
    stageSeconds,
    demand,
    admitted,
    gap,
    agents,
    agentRules,
    pushMessages,
    capacity,
    up,
    planned,
    transmitted,
    dropped,
  ];

  function setPlan({ planInForce, epoch: newest }: ControllerView): ReadonlyMap<LinkId, number> {
    epoch.set({ plan: "newest" }, newest);
    epoch.set({ plan: "in-force" }, planInForce?.record.epoch ?? 0);
    rules.set(planInForce?.record.ruleCount ?? 0);
    utilizationMax.set(planInForce?.record.plan.check.utilizationMax ?? 0);
    if (planInForce === undefined) return new Map();
    const { plan, timings } = planInForce.record;
    for (const [stage, seconds] of Object.entries(timings)) stageSeconds.set({ stage }, seconds);
    for (const { trafficClass, demandBps, admittedBps, certificate } of plan.classes) {
      demand.set({ class: trafficClass }, demandBps / bitsPerByte);
      admitted.set({ class: trafficClass }, admittedBps / bitsPerByte);
      if (certificate.gap !== undefined) gap.set({ class: trafficClass }, certificate.gap);
    }
    return new Map([...derivedOf(plan, planInForce.input.topology).loads].map(([id, { loadBps }]) => [id, loadBps]));
  }

  function setLinks({ topology, linkMeasurements }: ControllerView, loads: ReadonlyMap<LinkId, number>): void {
    const links = topology?.links ?? [];
    omitted.set({ label: "link" }, links.length > labelledMax ? links.length : 0);
    if (links.length > labelledMax) return;
    for (const { id, capacityBps, operational } of links) {
      capacity.set({ link: id }, capacityBps / bitsPerByte);
      up.set({ link: id }, operational === "up" ? 1 : 0);
      const load = loads.get(id);
      if (load !== undefined) planned.set({ link: id }, load / bitsPerByte);
      const measurement = linkMeasurements.get(id);
      if (measurement === undefined) continue;
      transmitted.set({ link: id }, measurement.transmittedBps / bitsPerByte);
      dropped.set({ link: id }, measurement.droppedBps / bitsPerByte);
    }
  }

  function setAgents({ agents: list, push }: ControllerView): void {
    const states: readonly AgentView["state"][] = ["absent", "reading", "synced", "programming"];
    for (const state of states) agents.set({ state }, list.filter((agent) => agent.state === state).length);
    agentsOnTarget.set(list.filter(({ onTarget }) => onTarget).length);
    omitted.set({ label: "node" }, list.length > labelledMax ? list.length : 0);
    if (list.length <= labelledMax) for (const { nodeId, ruleCount } of list) agentRules.set({ node: nodeId }, ruleCount);
    pushMessages.set({ state: "planned" }, push?.messages ?? 0);
    pushMessages.set({ state: "sent" }, push?.sent ?? 0);
    pushMessages.set({ state: "programmed" }, push?.programmed ?? 0);
  }

  return {
    contentType: registry.contentType,
    observe: ({ method, route, status, seconds }) => requests.observe({ method, route, status }, seconds),
    event(event) {
      protection.event(event);
      operation.event(event);
    },
    readFrom(more) {
      sources = { ...sources, ...more };
    },
    render: (view) => {
      // What has gone (a link, a class) must not stay with its last value.
      for (const each of readAnew) each.reset();
      term.set(view.term);
      ready.set(view.readiness.ready ? 1 : 0);
      // The view has totals: a counter that is read anew starts from 0 each time.
      solves.reset();
      solves.inc(view.cycle.solves);
      failures.reset();
      failures.inc(view.cycle.failures);
      setLinks(view, setPlan(view));
      setAgents(view);
      protection.set(view);
      operation.set(sources);
      return registry.metrics();
    },
  };
}
