/** `run SCENARIO`: measurements on a lab that is up, and which promises they show to be kept. */
import { cablesOf, refuse, fault, type Result } from "@sluice/model";
import type { CommandScene } from "./lab-command.js";
import type { MininetLab } from "./mininet-lab.js";
import { agentDeath, controllerDeath, switchDeath } from "./scenarios/deaths.js";
import { outages, silentOutages } from "./scenarios/outages.js";
import { loadNow, machineOf, sectionLines, type Report, type Section } from "./scenarios/report.js";
import { splits } from "./scenarios/splits.js";
import { throughput } from "./scenarios/throughput.js";
import { update } from "./scenarios/update.js";

type Scenario = (lab: MininetLab, options: { readonly cablesMax: number }) => Promise<Result<Omit<Section, "seconds" | "load">>>;

/** In the order in which `all` runs them: those that disturb most come last. */
const scenarios: ReadonlyMap<string, Scenario> = new Map<string, Scenario>([
  ["splits", splits],
  ["throughput", throughput],
  ["update", update],
  ["outages", outages],
  ["silent", silentOutages],
  ["agent", agentDeath],
  ["switch", switchDeath],
  ["controller", controllerDeath],
]);

export const scenarioNames: readonly string[] = [...scenarios.keys(), "all"];

export async function runScenario(args: readonly string[], { lab, say }: CommandScene): Promise<number> {
  const isJson = args.includes("--json");
  const at = args.indexOf("--cables");
  const cablesMax = at < 0 ? Infinity : Number(args[at + 1]);
  const names = args.filter((arg, i) => !arg.startsWith("--") && (at < 0 || i !== at + 1));
  // Without BFD a silent cut has one end: somebody mends it.
  const all = [...scenarios.keys()].filter((name) => name !== "silent" || lab.bfdIntervalMs !== undefined);
  const wanted = names.includes("all") ? all : names;
  const unknown = wanted.filter((name) => !scenarios.has(name));
  if (wanted.length === 0 || unknown.length > 0 || !(cablesMax > 0)) {
    say(`run takes one or more of ${scenarioNames.join(", ")}; --cables N cuts the first N cables; --json.`);
    return 1;
  }
  const sections: Section[] = [];
  for (const name of wanted) {
    const began = performance.now();
    const loadBefore = loadNow();
    const found = (await scenarios.get(name)?.(lab, { cablesMax })) ?? refuse(fault("not-found", name));
    if (!found.ok) {
      say(`${name}: ${found.faults[0].message}`);
      return 1;
    }
    const section: Section = { ...found.value, seconds: (performance.now() - began) / 1000, load: [loadBefore, loadNow()] };
    sections.push(section);
    if (!isJson) for (const line of sectionLines(section)) say(line);
  }
  const { topology, factor } = lab.scaled;
  const network = { name: topology.name, switches: topology.nodes.length, cables: cablesOf(topology).length, factor };
  const report: Report = { date: new Date().toISOString(), machine: machineOf(), network, sections };
  if (isJson) say(JSON.stringify(report));
  return sections.every(({ verdicts }) => verdicts.every(({ kept }) => kept)) ? 0 : 1;
}
