/**
 * The audit log as a chain: each entry's hash covers its content and the hash of the entry before it, so that nothing can be changed,
 * taken out or put in between without a trace. Who can rewrite every later entry as well, or cut off the end, is found out by a position
 * (number and hash of an entry) that was noted elsewhere. After Haber and Stornetta, "How to time-stamp a digital document" (1991), section 5.1.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical.js";

/**
 * `request`: written before a change is attempted; `outcome`: what came of it, written before the answer; `both`: a request that was
 * refused, or answered from an earlier one, before anything could be attempted.
 */
export const auditPhases = ["request", "outcome", "both"] as const;
export type AuditPhase = (typeof auditPhases)[number];

/** What is told of a change request. */
export interface AuditDraft {
  /** RFC 3339. */
  readonly at: string;
  readonly phase: AuditPhase;
  readonly requestId: string;
  /** Who asked, and the role by which it was allowed or not. */
  readonly actor: string;
  readonly role: string;
  readonly method: string;
  /** The pattern, e.g. `/v1/plans/:epoch/confirm`, and the path that fitted it. */
  readonly route: string;
  readonly resource: string;
  /** SHA-256 of the body as it came, hex; absent where there was none, or where it was not yet read. */
  readonly bodyHash?: string;
  /** Of an outcome: the number of its request's entry. */
  readonly of?: number;
  /** HTTP status, and the code of a refusal. */
  readonly status?: number;
  readonly code?: string;
}

export interface AuditEntry extends AuditDraft {
  /** From 1, without gaps. */
  readonly sequence: number;
  /** Of the controller that wrote it. */
  readonly term: number;
  /** Of the entry before; 64 zeros for the first. */
  readonly previousHash: string;
  readonly hash: string;
}

/** A place in the chain. */
export interface AuditPosition {
  readonly sequence: number;
  readonly hash: string;
}

/** Before the first entry. */
export const auditStart: AuditPosition = { sequence: 0, hash: "0".repeat(64) };

/** The entry that follows a position. O(size). */
export function chainAudit(after: AuditPosition, draft: AuditDraft, term: number): AuditEntry {
  const content = { ...draft, sequence: after.sequence + 1, term };
  return { ...content, previousHash: after.hash, hash: auditHash(after.hash, content) };
}

/** SHA-256 over the previous hash, a line feed, and the canonical JSON of all fields but the two hashes. */
function auditHash(previousHash: string, content: Omit<AuditEntry, "previousHash" | "hash">): string {
  return createHash("sha256")
    .update(`${previousHash}\n${canonicalJson(content)}`)
    .digest("hex");
}

export type AuditBreakReason =
  /** A number is missing, or comes twice. */
  | "sequence"
  /** It does not name the hash of the entry before it: one was taken out, put in or replaced. */
  | "previous-hash"
  /** Its content is not what its hash says. */
  | "content"
  /** An outcome of no open request. */
  | "outcome"
  /** The position that is known from elsewhere is not in the chain. */
  | "known-position";

export interface AuditBreak {
  readonly sequence: number;
  readonly reason: AuditBreakReason;
  readonly message: string;
}

export interface AuditVerification {
  readonly verdict: "intact" | "broken";
  /** Entries that were looked at. */
  readonly checked: number;
  /** The last one: to be noted elsewhere, and given as `known` later. */
  readonly head: AuditPosition;
  /** Requests without an outcome: under way, or their controller ended before it could say. The first 100 of `openCount`. */
  readonly open: readonly number[];
  readonly openCount: number;
  /** In their order; the first 100. */
  readonly breaks: readonly AuditBreak[];
}

const listedMax = 100;

export interface AuditVerifier {
  /** Takes the entries that follow, in order. O(size). */
  take(entries: readonly AuditEntry[]): void;
  /** What was found so far; `isWhole` says that the log ends here, so a known position must have been passed. */
  result(options: { readonly isWhole: boolean }): AuditVerification;
}

/**
 * Walks a chain in pieces of any size. `from`: the position before the first entry that will come, trusted; without it, the beginning of the log.
 * `known`: a position noted elsewhere that the chain must hold. After a break it goes on from the entry as it stands, so one changed entry is one break.
 */
export function auditVerifier({
  from = auditStart,
  known,
}: { readonly from?: AuditPosition; readonly known?: AuditPosition } = {}): AuditVerifier {
  let head = from;
  let checked = 0;
  const open = new Set<number>();
  const breaks: AuditBreak[] = [];

  function broken(sequence: number, reason: AuditBreakReason, message: string): void {
    if (breaks.length < listedMax) breaks.push({ sequence, reason, message });
  }

  function take(entry: AuditEntry): void {
    const { sequence, previousHash, hash, ...content } = entry;
    const expected = head.sequence + 1;
    if (sequence !== expected) broken(expected, "sequence", `Entry ${expected} should come here, but entry ${sequence} does.`);
    else if (previousHash !== head.hash)
      broken(sequence, "previous-hash", `Entry ${sequence} does not follow entry ${sequence - 1} as that stands.`);
    if (auditHash(previousHash, { ...content, sequence }) !== hash)
      broken(sequence, "content", `Entry ${sequence} is not what was written.`);
    if (known?.sequence === sequence && known.hash !== hash)
      broken(sequence, "known-position", `Entry ${sequence} has another hash than the known one.`);
    if (entry.phase === "request") open.add(sequence);
    if (entry.phase === "outcome") close(sequence, entry.of);
    head = { sequence, hash };
    checked += 1;
  }

  function close(sequence: number, of: number | undefined): void {
    // A request before the place where this walk began cannot be judged.
    if (of !== undefined && of <= from.sequence) return;
    if (of === undefined || !open.delete(of)) broken(sequence, "outcome", `Entry ${sequence} is the outcome of no open request.`);
  }

  return {
    take: (entries) => entries.forEach(take),
    result({ isWhole }) {
      const lost = isWhole && known !== undefined && known.sequence > head.sequence;
      const message = `The log ends with entry ${head.sequence}, before the known entry ${known?.sequence}.`;
      const found = lost ? [...breaks, { sequence: head.sequence + 1, reason: "known-position" as const, message }] : [...breaks];
      return {
        verdict: found.length === 0 ? "intact" : "broken",
        checked,
        head,
        open: [...open].slice(0, listedMax),
        openCount: open.size,
        breaks: found,
      };
    },
  };
}

/** The whole log, or all of it after `from`, at once. */
export function verifyAudit(
  entries: readonly AuditEntry[],
  options: { readonly from?: AuditPosition; readonly known?: AuditPosition } = {},
): AuditVerification {
  const verifier = auditVerifier(options);
  verifier.take(entries);
  return verifier.result({ isWhole: true });
}
