/** What Open vSwitch says that it does to a packet, in the text of its traces (`Datapath actions: ...`). Pure. */

/** Labels of a packet, the top first; none: a packet of a site. */
export type LabelStack = readonly number[];

export interface TraceEnd {
  /** Number of the datapath's port; undefined: dropped. */
  readonly port: number | undefined;
  readonly labels: LabelStack;
}

/**
 * Applies the actions of the last `Datapath actions` line to a packet with these labels. Undefined where it holds anything that is not understood:
 * two outputs, a label set on a packet without one.
 */
export function endOfTrace(trace: string, before: LabelStack): TraceEnd | undefined {
  const text = [...trace.matchAll(/^Datapath actions: (.*)$/gm)].at(-1)?.[1];
  if (text === undefined) return undefined;
  const labels = [...before];
  let port: number | undefined;
  for (const action of splitActions(text)) {
    const [, push] = /^push_mpls\(label=(\d+),/.exec(action) ?? [];
    const [, set] = /^set\(mpls\(label=(\d+),/.exec(action) ?? [];
    if (port !== undefined && action !== "drop") return undefined;
    if (push !== undefined) labels.unshift(Number(push));
    else if (action.startsWith("pop_mpls(")) {
      if (labels.shift() === undefined) return undefined;
    } else if (set !== undefined) {
      if (labels.length === 0) return undefined;
      labels[0] = Number(set);
    } else if (/^\d+$/.test(action)) port = Number(action);
    // Meters and the time to live change no way.
    else if (!/^(?:drop|meter\(\d+\)|set\(.*\))$/.test(action)) return undefined;
  }
  return { port, labels };
}

/** At the commas outside of parentheses. */
function splitActions(text: string): readonly string[] {
  const actions: string[] = [];
  let depth = 0;
  let action = "";
  for (const character of text) {
    if (character === "," && depth === 0) {
      actions.push(action);
      action = "";
      continue;
    }
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    action += character;
  }
  return [...actions, action];
}
