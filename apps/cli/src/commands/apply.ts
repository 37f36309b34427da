/** `sluice apply PLANFILE`: a previewed change and its plan, together; what is applied is what was looked at. */
import { ok, type Result } from "@sluice/model";
import { z } from "zod";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { readOneFile } from "../input-file.js";
import { answerLines, gistLine } from "../operator/answer-table.js";
import {
  advised,
  isMeant,
  parseChangeFlags,
  shownBefore,
  toldInstalled,
  type ChangeFlags,
  type ChangeSetting,
} from "../operator/change-asked.js";
import { answerSchema } from "../operator/plan-answer.js";
import { askQuestion, readLimits, type Asked } from "../operator/preview-run.js";
import { parseSavedPreview, savedBytesMax, staleParts, type SavedPreview } from "../operator/saved-preview.js";
import { withController, type ControllerFlags, type Session } from "../operator/with-controller.js";
import type { Colors } from "../terminal.js";
import { parseTop } from "./plan.js";

export interface ApplyFlags extends ControllerFlags, ChangeFlags {
  readonly tolerateDemands?: boolean;
  readonly top?: string;
}

const appliedSchema = z.looseObject({
  epoch: z.number(),
  topologyVersion: z.number(),
  settingsVersion: z.number(),
  confirmBy: z.string().optional(),
});

export function applyCommand(
  flags: ApplyFlags,
  context: CommandContext,
  [path]: readonly (string | readonly string[] | undefined)[],
): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async (session) => {
      const setting = parseChangeFlags(flags);
      if (!setting.ok) return setting;
      const bytes = await readOneFile(String(path), "PLANFILE", { signal: context.signal, bytesMax: savedBytesMax });
      if (!bytes.ok) return bytes;
      const saved = parseSavedPreview(bytes.value, String(path));
      if (!saved.ok) return saved;
      const asked = await previewOf(saved.value, flags, session);
      if (!asked.ok) return asked;
      // Who says yes beforehand has looked at it when the file was made.
      const more = { tolerateDemands: flags.tolerateDemands === true, isKnown: flags.yes === true };
      return applyAsked(asked.value, { ...flags, ...more }, { session, setting: setting.value });
    },
    ["table", "wide", "json", "yaml"],
  );
}

/** The preview that the file is about, from the controller that made it; where that has it no more, the same one again. */
async function previewOf(saved: SavedPreview, { tolerateDemands = false }: ApplyFlags, session: Session): Promise<Result<Asked>> {
  const { client, terminal } = session;
  const kept = await client.get(`/v1/previews/${saved.previewId}`, answerSchema);
  if (kept.ok) return ok({ question: saved.question, id: saved.previewId, answer: kept.value.value });
  if (kept.faults[0].code !== "not-found") return kept;
  terminal.tell("sluice: the controller has this preview no more, so it is computed anew.");
  const again = await askQuestion("preview", saved.question, session);
  if (!again.ok) return again;
  const [first, ...rest] = staleParts(saved, again.value.answer, { tolerateDemands });
  return first === undefined ? again : { ok: false, faults: advised([first, ...rest]) };
}

/** Shows what would change, or where that is known its gist; asks, applies, and waits until it is in force. */
export async function applyAsked(
  asked: Asked,
  flags: ChangeFlags & { readonly top?: string; readonly tolerateDemands: boolean; readonly isKnown: boolean },
  { session, setting }: { readonly session: Session; readonly setting: ChangeSetting },
): Promise<Result<ExitCode>> {
  const { client, context } = session;
  const rows = parseTop(flags.top);
  if (!rows.ok) return rows;
  const limits = await readLimits(client);
  if (!limits.ok) return limits;
  const lines = (colors: Colors, isWide: boolean): readonly string[] =>
    flags.isKnown
      ? [gistLine(asked.answer, colors)]
      : answerLines(asked, { colors, rows: isWide ? Infinity : rows.value, limits: limits.value });
  await shownBefore(lines, flags, session);
  const meant = await isMeant("Apply this?", flags, context);
  if (!meant.ok) return meant;
  if (!meant.value) return ok(exitCode.verdictFailed);
  const { force, confirmWithinSeconds } = setting;
  const body = { force, tolerateDemands: flags.tolerateDemands, ...(confirmWithinSeconds === undefined ? {} : { confirmWithinSeconds }) };
  const applied = await client.change("POST", `/v1/previews/${asked.id}/apply`, body, { schema: appliedSchema });
  if (!applied.ok) return { ok: false, faults: advised(applied.faults) };
  const { value } = applied.value;
  const isInForce = await toldInstalled(session, value, setting);
  if (!isInForce.ok) return isInForce;
  await session.show({
    value: { ...value, inForce: isInForce.value },
    table: () => `Applied as plan ${value.epoch}${isInForce.value ? ", which every switch holds" : ""}.\n`,
  });
  return ok(exitCode.ok);
}
