/** The failure report of a running controller, page by page over REST (docs/rest.md). */
import { layerNames, type FailureReport, type LayerName, type ScenarioChoice, type ScenarioReport } from "@sluice/failures";
import { fault, faultCodes, ok, refuse, type FailureKind, type Fault, type Result } from "@sluice/model";
import { z } from "zod";
import { argumentFault } from "../refusal.js";

/** Longest wait for one page, ms: the controller gives a report up sooner. */
const pageMsMax = 280_000;
/** Items asked for at a time. */
const pageItems = 1_000;
/** Longest answer that is read, bytes. */
const bodyBytesMax = 1 << 28;

export interface ControllerReport extends FailureReport {
  /** Of the plan that the report is about, and whether that is in force. */
  readonly epoch: number;
  readonly inForce: boolean;
}

export interface ControllerQuery {
  readonly kinds: readonly FailureKind[] | undefined;
  readonly pairs: ScenarioChoice["pairs"];
  readonly layers: readonly LayerName[];
  readonly epoch: number | undefined;
}

export interface Asking {
  readonly signal: AbortSignal;
  readonly onProgress: (stage: string, fraction: number) => void;
}

const rates = z.object({ interactive: z.number(), elastic: z.number(), bulk: z.number() });
const outcome = z.object({
  lostBps: rates,
  utilizationMax: z.number(),
  fullestLinkId: z.string().optional(),
  overfullLinks: z.number(),
});
/** What the table reads; the rest is the controller's promise (its OpenAPI document). */
const pageSchema = z.looseObject({
  kind: z.literal("failure-report"),
  formatVersion: z.literal(1),
  epoch: z.number(),
  inForce: z.boolean(),
  admittedBps: rates,
  layers: z.array(z.enum(layerNames)),
  total: z.number(),
  items: z.array(
    z.looseObject({
      id: z.string(),
      linkIds: z.array(z.string()),
      endsLostBps: rates,
      layers: z.partialRecord(z.enum(layerNames), outcome),
    }),
  ),
  nextCursor: z.string().optional(),
});
type Page = z.output<typeof pageSchema>;

const problemSchema = z.object({
  detail: z.string(),
  faults: z.array(z.object({ code: z.enum(faultCodes), message: z.string(), pointer: z.string().optional() })),
});

/** Faults: the controller's own; `unavailable` where nobody answers, `malformed` where something else does, `cancelled`. */
export async function controllerReport(rest: string, query: ControllerQuery, asking: Asking): Promise<Result<ControllerReport>> {
  let base: URL;
  try {
    base = new URL("/v1/failures", rest);
  } catch {
    return refuse(
      argumentFault("malformed", "--controller", `--controller takes a URL such as http://127.0.0.1:8080, not ${JSON.stringify(rest)}.`),
    );
  }
  const scenarios: Page["items"] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await readPage(addressOf(base, query, cursor), asking);
    if (!page.ok) return page;
    const { items, nextCursor, total, ...head } = page.value;
    scenarios.push(...items);
    asking.onProgress("read the report", total === 0 ? 1 : scenarios.length / total);
    if (nextCursor === undefined)
      return ok({ ...head, scenarios: scenarios as unknown as readonly ScenarioReport[] } as unknown as ControllerReport);
    if (items.length === 0) return refuse(fault("malformed", `${base.href} gave an empty page and a cursor.`));
    cursor = nextCursor;
  }
}

function addressOf(base: URL, { kinds, pairs, layers, epoch }: ControllerQuery, cursor: string | undefined): string {
  const url = new URL(base);
  const { searchParams } = url;
  if (epoch !== undefined) searchParams.set("epoch", String(epoch));
  if (kinds !== undefined) searchParams.set("kinds", kinds.length === 0 ? "none" : kinds.join(","));
  if (pairs !== undefined) {
    searchParams.set("pairs", String(pairs.countMax));
    searchParams.set("seed", String(pairs.seed));
  }
  searchParams.set("layers", layers.join(","));
  searchParams.set("limit", String(pageItems));
  if (cursor !== undefined) searchParams.set("cursor", cursor);
  return url.href;
}

async function readPage(url: string, { signal }: Asking): Promise<Result<Page>> {
  const limit = AbortSignal.timeout(pageMsMax);
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, limit]),
      headers: { accept: "application/json, application/problem+json" },
    });
    const body = await bodyOf(response);
    const page = response.ok ? pageSchema.safeParse(body) : undefined;
    if (page?.success === true) return ok(page.data);
    const problem = problemSchema.safeParse(body);
    if (!response.ok && problem.success) return { ok: false, faults: faultsOf(problem.data) };
    return refuse(
      fault("malformed", `${url} answered ${response.status} with something that is no failure report.`, { pointer: "--controller" }),
    );
  } catch (error) {
    if (signal.aborted) return refuse(fault("cancelled", "The failure report was cancelled."));
    if (limit.aborted) return refuse(fault("deadline-exceeded", `The controller gave no answer within ${pageMsMax / 1000} s.`));
    const reason = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
    return refuse(fault("unavailable", `${url} could not be read: ${reason}.`, { pointer: "--controller" }));
  }
}

/** Undefined where it is no JSON. */
async function bodyOf(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    const part = chunk as Uint8Array;
    bytes += part.length;
    if (bytes > bodyBytesMax) throw new Error(`the answer is longer than ${bodyBytesMax} bytes`);
    chunks.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

const optionOf: ReadonlyMap<string, string> = new Map([
  ["/query/pairs", "--pairs"],
  ["/query/seed", "--seed"],
  ["/query/epoch", "--epoch"],
]);

/** Its pointers are into the query; a code that has no fault of its own says what it means in words. */
function faultsOf({ detail, faults }: z.output<typeof problemSchema>): readonly [Fault, ...Fault[]] {
  const [first, ...rest] = faults.map(({ code, message, pointer }): Fault => {
    const option = optionOf.get(pointer ?? "");
    return fault(code, message, option === undefined ? {} : { pointer: option });
  });
  return first === undefined ? [fault("unavailable", detail)] : [first, ...rest];
}
