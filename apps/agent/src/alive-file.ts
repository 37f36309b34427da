/**
 * A file that is as new as the process is alive: an agent listens nowhere, so whoever supervises it looks at the file's age. Whether
 * a controller is there is told in it but does not count: a switch without one forwards, and starting its agent again would not help.
 */
import { writeFileSync } from "node:fs";

/** How often it is written, ms; three times this without is a process that hangs. */
export const aliveEveryMs = 5_000;

/**
 * Writes the file now, and again from the event loop: one that is held up writes nothing. `tell` gives what stands in it, as JSON.
 * A file that cannot be written is complained of once; `stop` ends the writing.
 */
export function keepAliveFile(
  path: string,
  tell: () => object,
  { everyMs = aliveEveryMs, onFailure }: { readonly everyMs?: number; readonly onFailure: (cause: unknown) => void },
): { stop(): void } {
  let complained = false;
  function write(): void {
    try {
      writeFileSync(path, `${JSON.stringify(tell())}\n`, { mode: 0o600 });
    } catch (cause) {
      if (!complained) onFailure(cause);
      complained = true;
    }
  }
  write();
  const timer = setInterval(write, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
