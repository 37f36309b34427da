/** The controller's own account of itself, read over REST as any operator would: `GET /v1/status`. */
import { fault, ok, refuse, type Certificate, type Result, type Rung, type TrafficClass } from "@sluice/model";

/** Time for one reading, ms. */
const readMsMax = 5_000;

export interface PlanStatus {
  readonly epoch: number;
  readonly createdAt: string;
  readonly rung: Rung;
  readonly check: "pass" | "fail";
  readonly walk: "pass" | "fail";
  readonly ruleCount: number;
  readonly unroutable: number;
  readonly utilizationMax: number;
  readonly classes: readonly {
    readonly trafficClass: TrafficClass;
    readonly rung: Rung;
    readonly solver: string;
    readonly demandBps: number;
    readonly admittedBps: number;
    readonly certificate: Omit<Certificate, "linkPrices">;
  }[];
  readonly seconds: Readonly<Record<string, number>>;
}

export interface ControllerStatus {
  readonly term: number;
  /** Why it is not ready. */
  readonly reasons: readonly string[];
  readonly demands?: { readonly name: string; readonly rateBps: number };
  /** Of the newest plan in the store. */
  readonly epochNewest: number;
  /** In force on every switch. */
  readonly plan?: PlanStatus;
  readonly cycle: {
    readonly phase: string;
    readonly failures: number;
    readonly lastFaults?: readonly { readonly code: string; readonly message: string }[];
  };
  readonly agents: { readonly total: number; readonly onTarget: number };
}

/** Faults: `unavailable` where nobody answers, `malformed` where something else does. */
export async function readStatus(rest: string): Promise<Result<ControllerStatus>> {
  const url = `${rest}/v1/status`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(readMsMax) });
    const body: unknown = await response.json();
    if (response.ok && isStatus(body)) return ok(body);
    return refuse(fault("malformed", `${url} answered ${response.status} with something that is no status.`));
  } catch (error) {
    const reason = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
    return refuse(fault("unavailable", `${url} could not be read: ${reason}.`));
  }
}

/**
 * Whether every switch holds a plan for the demand that was measured: one that is newer than `epochBefore`, or one that was made for as
 * much (a controller that starts on a kept database may have the right plan already).
 */
export function isAnswered({ agents, plan, demands }: ControllerStatus, matrixName: string, epochBefore: number): boolean {
  if (plan === undefined || agents.total === 0 || agents.onTarget < agents.total) return false;
  if (plan.epoch > epochBefore) return true;
  const plannedBps = plan.classes.reduce((sum, each) => sum + each.demandBps, 0);
  return demands?.name === matrixName && Math.abs(plannedBps - demands.rateBps) <= 1e-9 * demands.rateBps;
}

/** The fields that are read without a further look; the rest is the controller's promise (its OpenAPI document). */
function isStatus(body: unknown): body is ControllerStatus {
  if (typeof body !== "object" || body === null) return false;
  const { term, reasons, cycle, agents, plan } = body as Readonly<Record<string, unknown>>;
  if (typeof term !== "number" || !Array.isArray(reasons)) return false;
  if (typeof cycle !== "object" || cycle === null || typeof agents !== "object" || agents === null) return false;
  if (plan === undefined) return true;
  return typeof plan === "object" && plan !== null && "classes" in plan && Array.isArray(plan.classes) && "epoch" in plan;
}
