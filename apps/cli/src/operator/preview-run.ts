/** A preview or what-if at a controller: its ground read, asked, waited for and read. */
import { ok, type Result } from "@sluice/model";
import { z } from "zod";
import type { CommandContext } from "../command-context.js";
import { readOneFile } from "../input-file.js";
import type { ControllerClient } from "./controller-client.js";
import { networkSchema } from "./network-elements.js";
import { answerSchema, limitsSchema, type Answer, type BlastRadiusLimits } from "./plan-answer.js";
import {
  changesBytesMax,
  groundNeeded,
  inQuestion,
  previewQuestion,
  whatIfQuestion,
  type Ground,
  type PlanQuestionFlags,
  type Question,
  type WhatIfFlags,
} from "./plan-question.js";
import type { TellProgress } from "./progress.js";

export type QuestionFlags = Omit<WhatIfFlags, "file"> & {
  /** `-f FILE`; `-` is stdin. */
  readonly filename?: string | undefined;
};

export interface Asked {
  readonly question: Question;
  readonly id: string;
  readonly answer: Answer;
}

export interface Asking {
  readonly client: ControllerClient;
  readonly progress: TellProgress;
  readonly context: CommandContext;
}

const urls = { preview: "/v1/previews", "what-if": "/v1/what-ifs" } as const;

/** Faults: of options and file, of the controller with its pointers as options or places in the file. */
export async function ask(kind: keyof typeof urls, flags: QuestionFlags, asking: Asking): Promise<Result<Asked>> {
  const file = await readChanges(flags.filename, asking.context);
  if (!file.ok) return file;
  const asked: WhatIfFlags = { ...flags, file: file.value };
  const ground = await readGround(asked, asking.client);
  if (!ground.ok) return ground;
  const question = kind === "preview" ? previewQuestion(asked, ground.value) : whatIfQuestion(asked, ground.value);
  if (!question.ok) return question;
  return askQuestion(kind, question.value, asking, file.value);
}

/** The same for a question that is there already. */
export async function askQuestion(
  kind: keyof typeof urls,
  question: Question,
  { client, progress }: Asking,
  file?: PlanQuestionFlags["file"],
): Promise<Result<Asked>> {
  progress({ stage: "ask the controller", fraction: 0 });
  const path = await client.job(urls[kind], question, progress);
  if (!path.ok) return { ok: false, faults: inQuestion(path.faults, file) };
  const answer = await client.get(path.value, answerSchema);
  if (!answer.ok) return answer;
  return ok({ question, id: path.value.slice(path.value.lastIndexOf("/") + 1), answer: answer.value.value });
}

async function readChanges(path: string | undefined, context: CommandContext): Promise<Result<PlanQuestionFlags["file"]>> {
  if (path === undefined) return ok(undefined);
  const bytes = await readOneFile(path === "-" ? "/dev/stdin" : path, "-f", { signal: context.signal, bytesMax: changesBytesMax });
  if (!bytes.ok) return bytes;
  return ok({ path, text: new TextDecoder().decode(bytes.value) });
}

export async function readGround(flags: WhatIfFlags, client: ControllerClient): Promise<Result<Ground>> {
  const needed = groundNeeded(flags);
  const network = needed.network ? await client.get("/v1/topology", networkSchema) : undefined;
  if (network?.ok === false) return network;
  const settings = needed.settings ? await client.get("/v1/settings", z.looseObject({})) : undefined;
  if (settings?.ok === false) return settings;
  return ok({ network: network?.value.value, settings: settings?.value.value });
}

/** What limits a change without force. */
export async function readLimits(client: ControllerClient): Promise<Result<BlastRadiusLimits>> {
  const operation = await client.get("/v1/operation", limitsSchema);
  return operation.ok ? ok(operation.value.value.blastRadius) : operation;
}
