/** The controller's own account of itself, read over REST as any operator would: `GET /v1/status`. */
import { fault, ok, protectionDefault, refuse, type Certificate, type Result, type Rung, type TrafficClass } from "@sluice/model";
import { z } from "zod";

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
  readonly network?: { readonly linksDown: number };
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

/** Of `GET /v1/protection`, what the panel shows. */
const protectionSchema = z.object({
  bypasses: z.object({ total: z.number() }),
  scenarios: z.object({
    phase: z.string(),
    asked: z.number(),
    prepared: z.number(),
    agents: z.object({ concerned: z.number(), holdingAll: z.number() }),
  }),
  active: z.object({ scenarioId: z.string() }).optional(),
});
export type ProtectionStatus = z.output<typeof protectionSchema>;

/** Faults: `unavailable` where nobody answers, `malformed` where something else does. */
export function readStatus(rest: string): Promise<Result<ControllerStatus>> {
  return readJson(`${rest}/v1/status`, (body) => (isStatus(body) ? body : undefined));
}

/** Faults as for `readStatus`. */
export function readProtection(rest: string): Promise<Result<ProtectionStatus>> {
  return readJson(`${rest}/v1/protection`, (body) => protectionSchema.safeParse(body).data);
}

/**
 * Protection is on in a lab unless somebody has said otherwise: settings that nobody has changed yet (version 0) are changed so.
 * Faults as for `readStatus`, and those of the controller.
 */
export async function protectUnlessSet(rest: string): Promise<Result<void>> {
  const url = `${rest}/v1/settings`;
  const version = await readJson(url, (body) => z.object({ version: z.number() }).safeParse(body).data?.version);
  if (!version.ok) return version;
  if (version.value > 0) return ok(undefined);
  const init = {
    method: "PATCH",
    headers: { "content-type": "application/json", "if-match": '"v0"' },
    body: JSON.stringify({ protection: protectionDefault }),
  };
  const changed = await readJson(url, (body) => (body === null ? undefined : body), init);
  return changed.ok ? ok(undefined) : changed;
}

async function readJson<T>(url: string, read: (body: unknown) => T | undefined, init: RequestInit = {}): Promise<Result<T>> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(readMsMax) });
    const value = read(await response.json());
    if (response.ok && value !== undefined) return ok(value);
    return refuse(fault("malformed", `${url} answered ${response.status} with something else than was asked for.`));
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
