/**
 * An early look ahead: each window of the forecasts is planned for as if it were now, in a process of low priority, and those that will not
 * fit are listed with the first link to fill. It reads, and changes nothing.
 */
import type { ControllerView } from "@sluice/control";
import { linkLoads } from "@sluice/engine";
import type { ForecastDemand } from "@sluice/forecast";
import {
  buildDemandMatrix,
  compareText,
  ok,
  planSnapshot,
  trafficClasses,
  type Demand,
  type Fault,
  type Faults,
  type LinkId,
  type Plan,
  type Snapshot,
  type TopologyDocument,
  type TrafficClass,
} from "@sluice/model";
import { quantiles, type ForecastStore, type Quantile } from "@sluice/store";
import type { OptimizeResult } from "../solver/solver-message.js";
import { chainOf, type ChainWindow } from "./chain.js";
import { demandsOfWindow } from "./feed.js";

/** Windows that are looked at, and how far ahead at most, ms. */
export const outlookWindowsMax = 24;
const aheadMs = 7 * 86_400_000;
/** After a change nothing is begun for this long, ms: changes come in groups. */
const settleMs = 1_000;
/** Between the ends of looks and the next, unless asked for: windows come nearer. */
const refreshMs = 15 * 60_000;
/** A class is admitted in full where it lacks no more than this share: what splits in whole weights cost. */
const shareTolerance = 1e-3;

export interface OutlookWindow {
  readonly batchId: string;
  readonly windowStart: string;
  readonly windowSeconds: number;
  readonly quantile: Quantile;
  /** Flow groups that lack the quantile, and are taken at the next higher one, else at the highest there is. */
  readonly otherQuantile: number;
  readonly fits: boolean;
  readonly classes: readonly {
    readonly trafficClass: TrafficClass;
    readonly demandBps: number;
    readonly admittedBps: number;
    /** 1 where nothing is asked for. */
    readonly admittedShare: number;
  }[];
  /** The link that fills first; absent where nothing is carried. */
  readonly link?: { readonly linkId: LinkId; readonly utilization: number };
  readonly rung: Plan["rung"];
}

export interface Outlook {
  readonly state: "none" | "computing" | "ready";
  /** When the newest look ended. */
  readonly computedAt?: string;
  /** What it was made with. */
  readonly basis?: { readonly topologyVersion: number; readonly settingsVersion: number };
  /** By start; of the newest look that ended. */
  readonly windows: readonly OutlookWindow[];
  /** Why the newest look found less than there is. */
  readonly fault?: Fault;
}

export interface OutlookParts {
  readonly store: Pick<ForecastStore, "listForecastWindows" | "getForecastWindow">;
  view(): Pick<ControllerView, "topology" | "topologyVersion" | "settings" | "settingsVersion" | "operation">;
  /** In a process of its own that gives way to others; one at a time. */
  solve(snapshot: Snapshot): Promise<OptimizeResult>;
  /** Told once of each window that will not fit, as long as its plan does not change. */
  warn(window: OutlookWindow): void;
  nowMs(): number;
  onFaults(faults: Faults): void;
}

export interface OutlookWatch {
  outlook(): Outlook;
  /** Something that it is made from has changed. */
  touch(): void;
  /** Resolves when nothing is being computed and nothing is due. */
  settled(): Promise<void>;
  close(): void;
}

export function startOutlook(parts: OutlookParts, { afterMs = settleMs }: { readonly afterMs?: number } = {}): OutlookWatch {
  let outlook: Outlook = { state: "none", windows: [] };
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let isDue = false;
  const warned = new Set<string>();

  async function run(): Promise<void> {
    outlook = { ...outlook, state: "computing" };
    do {
      again = false;
      const looked = await lookAhead(parts, () => closed || again);
      if (closed) return;
      if (again) continue;
      const computedAt = new Date(parts.nowMs()).toISOString();
      outlook = { state: "ready", computedAt, ...looked };
      if (looked.fault !== undefined) parts.onFaults([looked.fault]);
      tellOf(looked.windows);
    } while (again);
  }

  /** A window that did not fit before is not told of again, unless it was heard of no more in between. */
  function tellOf(windows: readonly OutlookWindow[]): void {
    const now = new Set<string>();
    for (const window of windows) {
      if (window.fits) continue;
      const { batchId, windowStart, windowSeconds, quantile, link } = window;
      const key = JSON.stringify([batchId, windowStart, windowSeconds, quantile, link?.linkId]);
      now.add(key);
      if (!warned.has(key)) parts.warn(window);
    }
    warned.clear();
    for (const key of now) warned.add(key);
  }

  function touch(): void {
    if (closed) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    clearTimeout(timer);
    isDue = true;
    timer = setTimeout(begin, afterMs);
  }

  function begin(): void {
    timer = undefined;
    isDue = false;
    running = run().finally(() => {
      running = undefined;
      if (!closed && timer === undefined) timer = setTimeout(begin, refreshMs).unref();
    });
  }

  touch();
  return {
    outlook: () => outlook,
    touch,
    async settled() {
      // A look that is due begins by a timer.
      while (isDue || running !== undefined) await (running ?? new Promise((resolve) => setTimeout(resolve, 1)));
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** Given up where `isStale` says so. What could not be planned for is left out, and the fault says why. */
export async function lookAhead(
  { store, view, solve, nowMs }: Pick<OutlookParts, "store" | "view" | "solve" | "nowMs">,
  isStale: () => boolean,
): Promise<Pick<Outlook, "basis" | "windows" | "fault">> {
  const { topology, topologyVersion = 0, settings, settingsVersion, operation } = view();
  const basis = { topologyVersion, settingsVersion };
  if (topology === undefined) return { basis, windows: [] };
  const chain = await chainOf(store, { nowMs: nowMs(), aheadMs, count: outlookWindowsMax });
  if (!chain.ok) return { basis, windows: [], fault: chain.faults[0] };
  const windows: OutlookWindow[] = [];
  let trouble: Fault | undefined;
  for (const window of chain.value.windows) {
    if (isStale()) break;
    const demands = await demandsOfWindow(store, window);
    const { quantile } = operation.demandSource;
    const at = demands.ok ? demandsAt(demands.value, quantile, window) : demands;
    if (!at.ok) {
      trouble ??= at.faults[0];
      continue;
    }
    const snapshot = planSnapshot(
      { topology, demands: at.value.matrix, settings },
      operation.mode === "held" ? "automatic" : operation.mode,
    );
    const solved = await solve(snapshot);
    if (solved.ok)
      windows.push(windowOf(window, { quantile, otherQuantile: at.value.otherQuantile }, snapshot.topology, solved.value.plan));
    else trouble ??= solved.faults[0];
  }
  return { basis, windows, ...(trouble === undefined ? {} : { fault: trouble }) };
}

function demandsAt(forecast: readonly ForecastDemand[], quantile: Quantile, { batchId, windowStart }: ChainWindow) {
  const at = quantiles.indexOf(quantile);
  const order = [...quantiles.slice(at), ...quantiles.slice(0, at).toReversed()];
  let otherQuantile = 0;
  const demands = forecast.flatMap(({ src, dst, trafficClass, ratesBps }): Demand[] => {
    const found = order.find((name) => ratesBps[name] !== undefined);
    const rateBps = found === undefined ? 0 : (ratesBps[found] ?? 0);
    if (found !== quantile) otherQuantile += 1;
    return rateBps > 0 ? [{ src, dst, trafficClass, rateBps }] : [];
  });
  const matrix = buildDemandMatrix(`${batchId} ${windowStart} ${quantile}`, demands);
  return matrix.ok ? ok({ matrix: matrix.value, otherQuantile }) : matrix;
}

function windowOf(
  { batchId, windowStart, windowSeconds }: ChainWindow,
  { quantile, otherQuantile }: Pick<OutlookWindow, "quantile" | "otherQuantile">,
  topology: TopologyDocument,
  plan: Plan,
): OutlookWindow {
  const classes = trafficClasses.map((trafficClass) => {
    const { demandBps = 0, admittedBps = 0 } = plan.classes.find((each) => each.trafficClass === trafficClass) ?? {};
    return { trafficClass, demandBps, admittedBps, admittedShare: demandBps === 0 ? 1 : Math.min(1, admittedBps / demandBps) };
  });
  const link = firstToFill(plan, topology, classes);
  return {
    batchId,
    windowStart,
    windowSeconds,
    quantile,
    otherQuantile,
    fits: classes.every(isAdmitted),
    classes,
    ...(link === undefined ? {} : { link }),
    rung: plan.rung,
  };
}

function isAdmitted({ admittedShare }: OutlookWindow["classes"][number]): boolean {
  return admittedShare >= 1 - shareTolerance;
}

/**
 * The fullest link where everything fits: it is the first to fill as demand grows. Where a class does not fit, of its links with a
 * price the one whose capacity is worth the most to the most important such class: what holds it back. Ties break by id.
 */
function firstToFill(plan: Plan, topology: TopologyDocument, classes: OutlookWindow["classes"]): OutlookWindow["link"] {
  const utilization = new Map<LinkId, number>();
  const capacityBps = new Map(topology.links.map((link) => [link.id, link.capacityBps]));
  for (const { linkId, loadBps } of linkLoads(topology, plan)) {
    const capacity = capacityBps.get(linkId) ?? 0;
    if (capacity > 0) utilization.set(linkId, loadBps / capacity);
  }
  const short = classes.find((each) => !isAdmitted(each));
  const prices = plan.classes.find(({ trafficClass }) => trafficClass === short?.trafficClass)?.certificate.linkPrices ?? [];
  const dearest = largest(prices.map(({ linkId, price }) => [linkId, price]));
  const linkId = dearest ?? largest([...utilization]);
  return linkId === undefined ? undefined : { linkId, utilization: utilization.get(linkId) ?? 0 };
}

function largest(values: readonly (readonly [LinkId, number])[]): LinkId | undefined {
  return values.reduce<readonly [LinkId, number] | undefined>(
    (best, each) => (best === undefined || each[1] > best[1] || (each[1] === best[1] && compareText(each[0], best[0]) < 0) ? each : best),
    undefined,
  )?.[0];
}
