/** A controller's refusal: a problem document (RFC 9457) as faults, each with what to do next. */
import { fault, faultCodes, type Fault, type FaultCode, type Faults } from "@sluice/model";
import { z } from "zod";

/** Longest that a controller's wish to be left alone is heeded, ms. */
const retryAfterMsMax = 60_000;

const problemSchema = z.object({
  // What a problem without a type has (RFC 9457, section 3.1.1).
  type: z.string().default("about:blank"),
  detail: z.string(),
  code: z.string().optional(),
  requestId: z.string().optional(),
  leader: z.string().optional(),
  faults: z
    .array(
      z.object({
        code: z.string(),
        message: z.string(),
        pointer: z.string().optional(),
        data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
      }),
    )
    .default([]),
});

/** Statuses after which the same request may be answered later. */
const passing = new Set([408, 425, 429, 502, 503, 504]);

export interface Refusal {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
  /** What was asked, without its query: `http://127.0.0.1:8080/v1/plans`. */
  readonly target: string;
}

/**
 * Each fault has `data.status`, `data.type` (the problem's) and `data.advice`, a sentence for people; also `requestId` and `retryAfterMs` where
 * the controller gave them. What is no problem document is `unavailable` where the status may pass, else `malformed`.
 */
export function faultsOfRefusal({ status, retryAfter, text, target }: Refusal): Faults {
  const retryAfterMs = retryAfterOf(retryAfter);
  const problem = problemSchema.safeParse(jsonOf(text));
  if (!problem.success) {
    const data = {
      status,
      advice: "check that the address is a controller's REST",
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
    return [
      fault(passing.has(status) ? "unavailable" : "malformed", `${target} answered ${status}, which is none of a controller's answers.`, {
        data,
      }),
    ];
  }
  const { type, detail, code: problemCode, requestId, leader, faults } = problem.data;
  const data = {
    status,
    type,
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  const listed = faults.length === 0 ? [{ code: problemCode ?? "", message: detail, pointer: undefined, data: undefined }] : faults;
  const [first, ...rest] = listed.map((each): Fault => {
    const code = codeOf(each.code, status);
    const advice = leader === undefined ? adviceOf(code, status) : `ask the one that leads: --controller ${leader}`;
    return fault(code, each.message, {
      ...(each.pointer === undefined ? {} : { pointer: each.pointer }),
      data: { ...each.data, ...data, ...(advice === undefined ? {} : { advice }) },
    });
  });
  return first === undefined ? [fault(codeOf("", status), detail, { data })] : [first, ...rest];
}

function codeOf(code: string, status: number): FaultCode {
  const known = faultCodes.find((each) => each === code);
  if (known !== undefined) return known;
  if (status === 401) return "unauthenticated";
  if (status === 403) return "forbidden";
  if (status === 413) return "too-large";
  return passing.has(status) ? "unavailable" : "not-allowed";
}

/** Where the general advice of a code (refusal.ts) is about files and not about a controller. */
function adviceOf(code: FaultCode, status: number): string | undefined {
  if (status === 401)
    return "give a good token: by --token-file FILE, SLUICE_TOKEN, or in the context (sluice context add NAME --controller URL --token-file FILE)";
  if (status === 403) return "the token's role does not allow this (docs/rest.md says which does): ask somebody whose role does";
  if (status === 404) return "check the spelling; sluice get lists what there is";
  if (status === 412) return "somebody or something has changed it meanwhile: look at it anew, then try again";
  if (code === "blast-radius") return "look at what would change; repeat with --force if it is meant";
  if (code === "in-flight") return "the same request is under way: look what came of it, before it is sent again";
  if (status === 503) return "the controller cannot answer this now, for the reason given: wait a little, then try again";
  if (status === 504) return "ask for less at a time, or again when the controller has less to do";
  if (status === 422 || status === 400) return "mend the value named; docs/rest.md says what is taken";
  return undefined;
}

function retryAfterOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Math.min(retryAfterMsMax, Number(text) * 1000) : undefined;
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
