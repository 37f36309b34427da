/** A lab that is up is spoken to over a socket in its state directory: one request a connection, lines of answer, an exit code. */
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";

const requestBytesMax = 64 * 1024;
/** Longest wait at the end for answers that are being given, ms. */
const lastAnswerMsMax = 500;

const requestSchema = z.object({ argv: z.array(z.string()) });
const answerSchema = z.union([z.object({ line: z.string() }), z.object({ code: z.int() })]);

export function socketPath(stateDir: string): string {
  return join(stateDir, "control.sock");
}

/** `handle` says lines and gives the exit code. The function returned ends the service. */
export async function serveControl(
  stateDir: string,
  handle: (argv: readonly string[], say: (line: string) => void) => Promise<number>,
): Promise<() => Promise<void>> {
  const path = socketPath(stateDir);
  rmSync(path, { force: true });
  const open = new Set<Socket>();
  const answers = new Set<Promise<void>>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    const write = (answer: object): void => void socket.write(`${JSON.stringify(answer)}\n`);
    const lines = createInterface({ input: socket });
    let size = 0;
    socket.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > requestBytesMax) socket.destroy();
    });
    lines.once("line", (line) => {
      const request = requestSchema.safeParse(parsed(line));
      const answered = request.success
        ? handle(request.data.argv, (text) => write({ line: text }))
        : Promise.reject(new Error("The request is not understood."));
      const answer = answered
        .catch((error: unknown) => {
          write({ line: error instanceof Error ? error.message : String(error) });
          return 1;
        })
        .then((code) => {
          write({ code });
          return new Promise<void>((resolve) => socket.end(resolve));
        })
        .finally(() => answers.delete(answer));
      answers.add(answer);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // The answer to the command that ends the lab is on its way; one that takes longer is not waited for.
    await Promise.race([Promise.allSettled(answers), sleep(lastAnswerMsMax)]);
    for (const socket of open) socket.destroy();
    await closed;
  };
}

/** The exit code of the command. Faults: `unavailable` where no lab is up. */
export function askLab(stateDir: string, argv: readonly string[], say: (line: string) => void): Promise<Result<number>> {
  return new Promise((resolve) => {
    const socket = connect(socketPath(stateDir));
    let code: number | undefined;
    socket.once("error", () => resolve(refuse(fault("unavailable", `No lab is up in ${stateDir}: start one by npm run lab -- up.`))));
    socket.once("connect", () => socket.write(`${JSON.stringify({ argv })}\n`));
    createInterface({ input: socket })
      .on("line", (line) => {
        const answer = answerSchema.safeParse(parsed(line));
        if (!answer.success) return;
        if ("line" in answer.data) say(answer.data.line);
        else code = answer.data.code;
      })
      // The socket's own error, which `close` of the lines may come before, says more.
      .on("error", () => undefined);
    socket.once("close", () =>
      resolve(code === undefined ? refuse(fault("unavailable", "The lab ended before it had answered.")) : ok(code)),
    );
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
