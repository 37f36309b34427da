/** What all commands that change something have in common: the question whether it is meant, forcing, confirming, and waiting. */
import { confirmWithinSecondsMax, fault, ok, refuse, type Fault, type Faults, type Result } from "@sluice/model";
import { Option, type Command } from "commander";
import { z } from "zod";
import type { CommandContext } from "../command-context.js";
import { parseSpan } from "../forecast/span.js";
import { argumentFault } from "../refusal.js";
import type { Colors } from "../terminal.js";
import type { Session } from "./with-controller.js";
import { waitInForce } from "./plan-install.js";

export interface ChangeFlags {
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly confirmWithin?: string;
  /** Span, or `false` by --no-wait. */
  readonly wait?: string | boolean;
}

export function addChangeOptions(command: Command): Command {
  return command
    .option("-y, --yes", "do not ask whether it is meant")
    .option("--force", "apply whatever the blast radius is")
    .option("--confirm-within <span>", "take it back after so long, e.g. 5min, unless sluice confirm is run")
    .addOption(new Option("--wait <span>", "how long to wait until every switch holds the plan").default("1min"))
    .option("--no-wait", "do not wait until every switch holds the plan");
}

export interface ChangeSetting {
  readonly force: boolean;
  readonly confirmWithinSeconds: number | undefined;
  /** 0: do not wait. */
  readonly waitMs: number;
}

export function parseChangeFlags({ force = false, confirmWithin, wait }: ChangeFlags): Result<ChangeSetting> {
  const confirm = confirmWithin === undefined ? ok(undefined) : parseSpan(confirmWithin, "--confirm-within");
  if (!confirm.ok) return confirm;
  const confirmWithinSeconds = confirm.value === undefined ? undefined : Math.ceil(confirm.value / 1_000);
  if (confirmWithinSeconds !== undefined && confirmWithinSeconds > confirmWithinSecondsMax)
    return refuse(argumentFault("out-of-range", "--confirm-within", "--confirm-within is a day at most."));
  const waitMs = typeof wait === "string" ? parseSpan(wait, "--wait") : ok(0);
  return waitMs.ok ? ok({ force, confirmWithinSeconds, waitMs: waitMs.value }) : waitMs;
}

/** Shows what would change to who reads it: on stdout where that is a table, on stderr where a person is to be asked about it and stdout is a program's. */
export async function shownBefore(
  lines: (colors: Colors, isWide: boolean) => readonly string[],
  { yes }: ChangeFlags,
  { output, terminal }: Session,
): Promise<void> {
  terminal.settle();
  if (output === "table" || output === "wide") await terminal.write(`${lines(terminal.colors, output === "wide").join("\n")}\n`);
  else if (yes !== true) for (const line of lines(terminal.errorColors, false)) terminal.tell(line);
}

/** Whether to go on: by --yes, or by the word `yes` of the person at the terminal. Fault: `precondition-required` where nobody can be asked. */
export async function isMeant(question: string, { yes }: ChangeFlags, { ask, signal, terminal }: CommandContext): Promise<Result<boolean>> {
  if (yes === true) return ok(true);
  terminal.settle();
  if (ask === undefined)
    return refuse(
      fault("precondition-required", `${question} Nobody is at a terminal to be asked.`, {
        pointer: "--yes",
        data: { advice: "look at what would change, and add --yes if it is meant" },
      }),
    );
  const answer = (await ask(`${question} [yes/no] `)).toLowerCase();
  if (signal.aborted) return refuse(fault("cancelled", "Nothing was changed."));
  if (answer === "yes" || answer === "y") return ok(true);
  terminal.tell("Nothing was changed.");
  return ok(false);
}

const operationSchema = z.looseObject({ confirmation: z.looseObject({ previousEpoch: z.number() }).optional() });

/** Waits as it was asked for, and says what has become of the plan. */
export async function toldInstalled(
  { client, terminal, progress }: Session,
  { epoch, confirmBy }: { readonly epoch: number; readonly confirmBy?: string | undefined },
  { waitMs }: ChangeSetting,
): Promise<Result<boolean>> {
  const state = waitMs === 0 ? ok("pending" as const) : await waitInForce(client, epoch, { limitMs: waitMs, progress });
  terminal.settle();
  if (!state.ok) return state;
  const isInForce = state.value === "in-force";
  if (!isInForce && waitMs > 0)
    terminal.tell(`sluice: plan ${epoch} is durable, and not every switch holds it yet: sluice status shows how far it is.`);
  if (confirmBy !== undefined) {
    terminal.tell(`sluice: it is taken back at ${confirmBy} unless it is confirmed: sluice confirm ${epoch}`);
    const operation = await client.get("/v1/operation", operationSchema);
    const before = operation.ok ? operation.value.value.confirmation?.previousEpoch : undefined;
    if (before !== undefined) terminal.tell(`sluice: to take it back at once: sluice rollback ${before}`);
  }
  return ok(isInForce);
}

const planAnew = "plan anew (sluice plan, with the same changes), and look at what that would do";
const demandsAlone = "only demand has moved on: apply it with --tolerate-demands, or plan anew (sluice plan) and look at that";
const confirmFirst = "keep that one first (sluice confirm), or go back to the plan before it (sluice rollback)";

/** A refused change with what to do: about a preview that is stale, and about another plan that waits to be confirmed. */
export function advised(faults: Faults): Faults {
  const isDemandsAlone = faults.every(({ code, pointer }) => code === "stale-version" && pointer === "/proposal/basis/demandsVersion");
  const [first, ...rest] = faults.map((each): Fault => {
    if (each.code === "stale-version")
      return fault(each.code, each.message, { data: { ...each.data, advice: isDemandsAlone ? demandsAlone : planAnew } });
    const waits = each.code === "not-allowed" && each.pointer === undefined;
    return waits ? { ...each, data: { ...each.data, advice: confirmFirst } } : each;
  });
  return first === undefined ? faults : [first, ...rest];
}
