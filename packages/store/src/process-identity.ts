/**
 * Which process wrote this, and does it still run? A process id alone does not say: ids are used again, after a restart
 * and in each container from 1. On Linux the start time, the boot and the namespaces tell processes apart.
 */
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";

export interface ProcessIdentity {
  readonly hostname: string;
  readonly pid: number;
  /** In clock ticks since boot. */
  readonly startedAt?: string | undefined;
  readonly bootId?: string | undefined;
  /** Containers have their own; within one, process ids have one meaning. */
  readonly pidNamespace?: string | undefined;
  /** Where the host name belongs to. */
  readonly utsNamespace?: string | undefined;
}

export async function thisProcess(): Promise<ProcessIdentity> {
  const status = await statusOf(process.pid);
  return {
    hostname: hostname(),
    pid: process.pid,
    startedAt: status?.startedAt,
    bootId: (await readable(readFile("/proc/sys/kernel/random/boot_id", "utf8")))?.trim(),
    pidNamespace: await readable(readlink("/proc/self/ns/pid")),
    utsNamespace: await readable(readlink("/proc/self/ns/uts")),
  };
}

/** `unknown` where only a look at another machine or container could tell. */
export async function isAlive(other: ProcessIdentity): Promise<"alive" | "dead" | "unknown"> {
  return judge(await thisProcess(), other, async () => {
    if (!exists(other.pid)) return false;
    const status = await statusOf(other.pid);
    if (status === undefined || other.startedAt === undefined) return true;
    return status.running && status.startedAt === other.startedAt;
  });
}

/** The judgement without the system: `runs` says whether the process id and start time are found here. */
export async function judge(
  self: ProcessIdentity,
  other: ProcessIdentity,
  runs: () => Promise<boolean>,
): Promise<"alive" | "dead" | "unknown"> {
  const sameHost = self.hostname === other.hostname;
  // Another boot of this machine has ended; another machine's boot says nothing.
  if (self.bootId !== other.bootId) return sameHost ? "dead" : "unknown";
  if (self.bootId === undefined && !sameHost) return "unknown";
  if (self.pidNamespace === other.pidNamespace) return (await runs()) ? "alive" : "dead";
  // A container that was restarted keeps its name, but gets new namespaces. Containers that share the host's name do not count.
  return sameHost && self.utsNamespace !== other.utsNamespace ? "dead" : "unknown";
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** From /proc; undefined where there is none. A zombie has ended, though its id is not free yet. */
async function statusOf(pid: number): Promise<{ readonly running: boolean; readonly startedAt: string | undefined } | undefined> {
  const stat = await readable(readFile(`/proc/${pid}/stat`, "utf8"));
  if (stat === undefined) return undefined;
  // The second field is the program's name in brackets, which may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = fields;
  return { running: !"ZXx".includes(state), startedAt: fields[19] };
}

async function readable(text: Promise<string>): Promise<string | undefined> {
  try {
    return await text;
  } catch {
    return undefined;
  }
}
