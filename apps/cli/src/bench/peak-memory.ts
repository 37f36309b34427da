/**
 * The largest resident set of this process so far. On Linux `getrusage` will not do: what it counts starts, after a fork and exec, at the
 * peak of the parent (a parent of 1.5 GB makes a child of 40 MB report 1.5 GB). The kernel's high-water mark of the address space
 * (`VmHWM`, proc(5)) is the process's own.
 */
import { readFileSync } from "node:fs";

export function peakMemoryBytes(): number {
  const kibibytes = process.platform === "linux" ? /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] : undefined;
  return 1024 * (kibibytes === undefined ? process.resourceUsage().maxRSS : Number(kibibytes));
}
