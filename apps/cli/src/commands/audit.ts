/** `sluice audit`: who changed what, and whether the log is what was written. */
import { auditVerifier, ok, refuse, type AuditEntry, type Result } from "@sluice/model";
import { z } from "zod";
import { parseWhole } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { fieldsText, instantText, stateText, tableOf, type Column } from "../operator/columns-of.js";
import type { OutputFormat } from "../operator/output.js";
import { withController, type ControllerFlags, type Session } from "../operator/with-controller.js";
import { argumentFault } from "../refusal.js";
import type { Colors } from "../terminal.js";

export interface AuditFlags extends ControllerFlags {
  readonly actor?: string;
  readonly request?: string;
  readonly limit: string;
}

const entrySchema = z.looseObject({
  sequence: z.number(),
  at: z.string(),
  phase: z.string(),
  requestId: z.string(),
  actor: z.string(),
  role: z.string(),
  method: z.string(),
  resource: z.string(),
  status: z.number().optional(),
  code: z.string().optional(),
  of: z.number().optional(),
  bodyHash: z.string().optional(),
  hash: z.string(),
});
type Entry = z.output<typeof entrySchema>;

const columns: readonly Column<Entry>[] = [
  { head: "number", align: "right", cell: ({ sequence }) => String(sequence) },
  { head: "at", cell: ({ at }) => instantText(at) },
  { head: "actor", cell: ({ actor }) => actor },
  { head: "role", cell: ({ role }) => role },
  { head: "what", cell: ({ method, resource }) => `${method} ${resource}` },
  { head: "phase", cell: ({ phase, of }) => (of === undefined ? phase : `${phase} of ${of}`) },
  {
    head: "status",
    align: "right",
    cell: ({ status }, colors) => (status === undefined ? "" : status < 400 ? String(status) : colors.red(String(status))),
  },
  { head: "code", cell: ({ code }) => code ?? "" },
  { head: "request", cell: ({ requestId }) => requestId },
  { head: "body's hash", isWide: true, cell: ({ bodyHash }) => bodyHash?.slice(0, 16) ?? "-" },
  { head: "hash", isWide: true, cell: ({ hash }) => hash.slice(0, 16) },
];

export function auditCommand(flags: AuditFlags, context: CommandContext): Promise<ExitCode> {
  return withController(flags, context, async ({ client, show }) => {
    const most = parseWhole(flags.limit, "--limit", { least: 1, most: 1_000_000 });
    if (!most.ok) return most;
    const listed = await client.list("/v1/audit", entrySchema, { actor: flags.actor, request: flags.request }, { most: most.value });
    if (!listed.ok) return listed;
    const { head, items } = listed.value;
    await show({
      value: { ...head, items },
      names: items.map(({ sequence }) => String(sequence)),
      table: (colors, isWide) => tableOf(items, columns, { colors, isWide, none: "There are no such entries." }),
    });
    return ok(exitCode.ok);
  });
}

export interface AuditVerifyFlags extends ControllerFlags {
  /** `NUMBER:HASH`, noted earlier. */
  readonly known?: string;
  /** Download the log and verify it here. */
  readonly here?: boolean;
}

const verificationSchema = z.looseObject({
  verdict: z.enum(["intact", "broken"]),
  checked: z.number(),
  head: z.looseObject({ sequence: z.number(), hash: z.string() }),
  open: z.array(z.number()),
  openCount: z.number(),
  breaks: z.array(z.looseObject({ sequence: z.number(), reason: z.string(), message: z.string() })),
  nextAfter: z.number().optional(),
});
type Verification = z.output<typeof verificationSchema>;

interface Known {
  readonly sequence: number;
  readonly hash: string;
}

/** Exit code 1 where the log is broken. */
export function auditVerifyCommand(flags: AuditVerifyFlags, context: CommandContext): Promise<ExitCode> {
  const formats: readonly OutputFormat[] = ["table", "json", "yaml"];
  return withController(
    flags,
    context,
    async (session) => {
      const known = knownOf(flags.known);
      if (!known.ok) return known;
      const verified = await (flags.here === true ? verifiedHere : verifiedThere)(known.value, session);
      if (!verified.ok) return verified;
      const found = verified.value;
      await session.show({ value: found, table: (colors) => verificationText(found, colors) });
      return ok(found.verdict === "intact" ? exitCode.ok : exitCode.verdictFailed);
    },
    formats,
  );
}

function knownOf(text: string | undefined): Result<Known | undefined> {
  if (text === undefined) return ok(undefined);
  const [, sequence, hash] = /^([1-9][0-9]{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (sequence !== undefined && hash !== undefined) return ok({ sequence: Number(sequence), hash });
  return refuse(argumentFault("malformed", "--known", "--known takes NUMBER:HASH, as an earlier verification gave its head."));
}

/** By the controller, in as many requests as it takes. */
async function verifiedThere(known: Known | undefined, { client, terminal }: Session): Promise<Result<Verification>> {
  let sum: Verification | undefined;
  let after = 0;
  for (;;) {
    const asked = known !== undefined && known.sequence > after ? { knownSequence: known.sequence, knownHash: known.hash } : {};
    const part = await client.get("/v1/audit/verification", verificationSchema, { ...(after === 0 ? {} : { after }), ...asked });
    if (!part.ok) return part;
    const { nextAfter, ...found } = part.value.value;
    sum = sum === undefined ? found : joined(sum, found);
    terminal.progress(`verify the audit log: ${sum.checked}`);
    if (nextAfter === undefined || nextAfter <= after) return ok(sum);
    after = nextAfter;
  }
}

function joined(before: Verification, found: Verification): Verification {
  return {
    verdict: before.verdict === "intact" ? found.verdict : "broken",
    checked: before.checked + found.checked,
    head: found.head,
    open: [...before.open, ...found.open],
    openCount: before.openCount + found.openCount,
    breaks: [...before.breaks, ...found.breaks],
  };
}

/** From a download, so that the controller's word need not be taken for it. */
async function verifiedHere(known: Known | undefined, { client, terminal }: Session): Promise<Result<Verification>> {
  const onPage = (count: number): void => terminal.progress(`read the audit log: ${count}`);
  const listed = await client.list("/v1/audit", entrySchema, {}, { onPage });
  if (!listed.ok) return listed;
  const verifier = auditVerifier(known === undefined ? {} : { known });
  // Whatever is in an entry is hashed with it, so entries go in as they came.
  verifier.take([...listed.value.items].reverse() as unknown as readonly AuditEntry[]);
  const { head, open, breaks, ...found } = verifier.result({ isWhole: true });
  return ok({ ...found, head: { sequence: head.sequence, hash: head.hash }, open: [...open], breaks: breaks.map((each) => ({ ...each })) });
}

function verificationText({ verdict, checked, head, openCount, open, breaks }: Verification, colors: Colors): string {
  const listed = open.length === 0 ? "" : `: ${open.join(", ")}${openCount > open.length ? ", ..." : ""}`;
  const fields = fieldsText(
    [
      ["verdict", stateText(verdict, colors)],
      ["checked", `${checked} entries`],
      ["head", `${head.sequence}:${head.hash}`],
      ["without an outcome", openCount === 0 ? "none" : `${openCount}${listed}`],
    ],
    colors,
  );
  return `${fields}${breaks.map(({ sequence, message, reason }) => `${colors.red(`entry ${sequence}`)}: ${message} [${reason}]\n`).join("")}`;
}
