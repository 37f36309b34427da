/** A topology as something that others run: a Mininet script that needs nothing else, or a containerlab topology. Pure. */
import { assert, unreachable, type Topology } from "@sluice/model";
import { containerlabTopology } from "./containerlab.js";
import { networkPlanOf, type NetworkPlan } from "./network-plan.js";

export const networkExportFormats = ["mininet", "containerlab"] as const;
export type NetworkExportFormat = (typeof networkExportFormats)[number];

export interface NetworkExportOptions {
  readonly format: NetworkExportFormat;
  /** Capacities are divided by it already; it is said in the file. */
  readonly factor: number;
  /** The text of `mininetLibrary`. */
  readonly library: string;
}

/** `topology` is scaled already. O(size of the text). */
export function exportNetwork(topology: Topology, { format, factor, library }: NetworkExportOptions): string {
  const plan = networkPlanOf(topology, "@RUN_DIR@");
  const title = `${oneLine(topology.name)}: ${plan.switches.length} switches, ${plan.cables.length} cables, capacities divided by ${factor.toFixed(3)}`;
  switch (format) {
    case "mininet":
      return mininetScript(plan, title, library);
    case "containerlab":
      return containerlabTopology(plan, title);
    default:
      return unreachable(format);
  }
}

const entry = 'if __name__ == "__main__":\n';

/** The library, and instead of the plan in a file the plan itself. */
function mininetScript(plan: NetworkPlan, title: string, library: string): string {
  const end = library.indexOf(entry);
  assert(end > 0, "the library has an entry that can be replaced");
  const body = library.slice(0, end);
  // JSON of JSON is a string literal of Python as well: both escape alike, and ensure nothing ends the literal early.
  const literal = JSON.stringify(JSON.stringify(plan)).replaceAll(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `#!/usr/bin/env python3
# ${title}.
# Run as root with Mininet and Open vSwitch: /usr/bin/python3 THIS_FILE. It prints what it built (JSON), and ends with Ctrl-C.
${body}PLAN = ${literal}


${entry}    import tempfile

    with tempfile.TemporaryDirectory(prefix="sluice-lab-") as run_dir:
        plan = json.loads(PLAN)
        plan["runDir"] = run_dir
        main(plan)
`;
}

function oneLine(text: string): string {
  // Containerlab takes dollar signs for variables in comments, too.
  return text.replaceAll(/[^\x20-\x7e]+|\$/g, " ");
}
