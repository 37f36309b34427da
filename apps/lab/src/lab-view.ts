/** What the lab shows: the controller's own account of its plan beside what the switches' rules did with the traffic. */
import type { Certificate, CheckReport, LinkId, NodeId, Rung, TrafficClass } from "@sluice/model";

import type { ProtectionStatus } from "./controller-status.js";

export interface ClassView {
  readonly trafficClass: TrafficClass;
  readonly solver: string;
  readonly rung: Rung;
  readonly demandBps: number;
  /** What the meters of the plan admit. */
  readonly admittedBps: number;
  readonly certificate: Omit<Certificate, "linkPrices">;
  /** Traffic through the rules that are installed, as of the last tick. */
  readonly measured: { readonly offeredBps: number; readonly admittedBps: number; readonly deliveredBps: number };
}

export interface LinkView {
  readonly linkId: LinkId;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly capacityBps: number;
  /** Carried by the rules. */
  readonly carriedBps: number;
  readonly droppedBps: number;
  readonly up: boolean;
}

export interface LabView {
  readonly network: { readonly name: string; readonly nodes: number; readonly links: number };
  readonly interval: { readonly index: number; readonly count: number; readonly seconds: number };
  readonly term: number;
  /** Of the plan in force; 0 before the first. */
  readonly epoch: number;
  readonly switchesProgrammed: number;
  readonly switches: number;
  readonly rules: number;
  readonly rung: Rung;
  readonly classes: readonly ClassView[];
  /** All links, fullest first. */
  readonly links: readonly LinkView[];
  /** As planned. */
  readonly utilizationMax: number;
  readonly check: CheckReport["verdict"];
  readonly walk: "pass" | "fail";
  /** Of the plan in force: making it, by stage, and pushing it. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly unroutable: number;
  /** What is ready for failures; absent where that could not be read. */
  readonly protection?: ProtectionStatus | undefined;
  /** What became of the last cut, a line for each layer that has answered it; absent before the first. */
  readonly failure?: readonly string[] | undefined;
  readonly restarts: number;
  readonly rest: string;
  readonly grpc: string;
}

/** Busy share of a link's capacity as measured; a link without capacity is full as soon as it carries anything. */
export function utilizationOf({ carriedBps, capacityBps }: LinkView): number {
  return capacityBps > 0 ? carriedBps / capacityBps : carriedBps > 0 ? 1 : 0;
}

export function totalOf(view: LabView, of: (each: ClassView) => number): number {
  return view.classes.reduce((sum, each) => sum + of(each), 0);
}
