/** What happened to a flow of numbered packets. Pure. */

export interface Outage {
  /** When the first lost packet was sent, ms since the start. */
  readonly atMs: number;
  /** From then until the next packet was sent that arrived; to the end where none did. */
  readonly ms: number;
  readonly lost: number;
}

export interface ProbeReport {
  readonly sent: number;
  readonly received: number;
  /** Arrivals of a packet after a later one. */
  readonly reordered: number;
  readonly duplicated: number;
  readonly outages: readonly Outage[];
}

/**
 * `sentUs`: when each packet was sent, by sequence number; `runs`: first and last sequence numbers of uninterrupted arrivals, in the order of
 * arrival. O(packets).
 */
export function analyseProbe(sentUs: readonly number[], runs: readonly (readonly [number, number])[]): ProbeReport {
  const arrivals = new Uint8Array(sentUs.length);
  let highest = -1;
  let reordered = 0;
  let duplicated = 0;
  for (const [first, last] of runs) {
    for (let sequence = first; sequence <= last && sequence < arrivals.length; sequence++) {
      if (arrivals[sequence] === 1) duplicated += 1;
      else if (sequence < highest) reordered += 1;
      arrivals[sequence] = 1;
      highest = Math.max(highest, sequence);
    }
  }
  const outages: Outage[] = [];
  let received = 0;
  let from: number | undefined;
  for (let sequence = 0; sequence <= arrivals.length; sequence++) {
    const hasArrived = arrivals[sequence] === 1;
    if (hasArrived) received += 1;
    const isOver = hasArrived || sequence === arrivals.length;
    if (!isOver) {
      from ??= sequence;
    } else if (from !== undefined) {
      const atMs = (sentUs[from] ?? 0) / 1000;
      const untilMs = (sentUs[sequence] ?? sentUs.at(-1) ?? 0) / 1000;
      outages.push({ atMs, ms: untilMs - atMs, lost: sequence - from });
      from = undefined;
    }
  }
  return { sent: sentUs.length, received, reordered, duplicated, outages };
}
