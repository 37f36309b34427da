/** A lab that is up is spoken to over a socket in its state directory: one request a connection, lines of answer, an exit code. */
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";

const requestBytesMax = 64 * 1024;

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
      answered
        .catch((error: unknown) => {
          write({ line: error instanceof Error ? error.message : String(error) });
          return 1;
        })
        .then(
          (code) => {
            write({ code });
            socket.end();
          },
          () => undefined,
        );
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
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
