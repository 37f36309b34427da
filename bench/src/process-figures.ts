/** What the kernel tells of another process. */
import { readFileSync } from "node:fs";

/** Resident memory, MB; 0 for one that has ended. */
export function residentMbOf(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1] ?? 0) / 1_024;
}

/** User and system time of all threads, seconds; the kernel counts in ticks of a hundredth. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
