/** `sluice plan`: what would follow from changes, before anything is changed. */
import { ok, refuse, type Result } from "@sluice/model";
import { parseWhole } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { differing, exitCode, type ExitCode } from "../exit-code.js";
import { writeWhole } from "../input-file.js";
import { answerLines, rowsDefault } from "../operator/answer-table.js";
import { ask, readLimits, type QuestionFlags } from "../operator/preview-run.js";
import { savedPreviewText } from "../operator/saved-preview.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";
import { argumentFault } from "../refusal.js";

const formats = ["table", "wide", "json", "yaml"] as const;

export interface PlanFlags extends ControllerFlags, QuestionFlags {
  /** Where the plan file is written. */
  readonly out?: string;
  readonly top?: string;
}

export async function planCommand(flags: PlanFlags, context: CommandContext): Promise<ExitCode> {
  let isDifferent = false;
  const code = await withController(
    flags,
    context,
    async (session) => {
      const { client, terminal, show } = session;
      const rows = parseTop(flags.top);
      if (!rows.ok) return rows;
      if (flags.soft === true && (flags.drain ?? []).length === 0)
        return refuse(argumentFault("not-allowed", "--soft", "--soft says how to drain: give it with --drain."));
      const limits = await readLimits(client);
      if (!limits.ok) return limits;
      const asked = await ask("preview", flags, session);
      if (!asked.ok) return asked;
      const { answer, question, id } = asked.value;
      ({ isDifferent } = answer.difference);
      if (flags.out !== undefined) {
        const text = savedPreviewText(answer, { controller: client.origin, previewId: id, question });
        const written = await writeWhole(flags.out, text, "--out");
        if (!written.ok) return written;
      }
      await show({
        value: { previewId: id, ...answer },
        table: (colors, isWide) =>
          `${answerLines(asked.value, { colors, rows: isWide ? Infinity : rows.value, limits: limits.value }).join("\n")}\n`,
      });
      if (flags.out !== undefined) terminal.tell(`sluice: written to ${flags.out}; apply it with: sluice apply ${flags.out}`);
      return ok(exitCode.ok);
    },
    formats,
  );
  return code === exitCode.ok && isDifferent ? exitCode.different : differing(code);
}

/** Rows of each part of a table. */
export function parseTop(top: string | undefined): Result<number> {
  return top === undefined ? ok(rowsDefault) : parseWhole(top, "--top", { least: 1, most: 1_000_000 });
}
