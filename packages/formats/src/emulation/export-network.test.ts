import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseTopology } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { exportNetwork } from "./export-network.js";
import { mininetLibrary } from "./mininet-library.js";
import { networkPlanOf } from "./network-plan.js";

/** Names that try to get out of their quotes. */
const odd = `a"""\\'\u00e9#{}$HOME\${X:=y}`;
const library = readFileSync(mininetLibrary, "utf8");
function topology() {
  const nodes = [{ id: odd }, { id: "b" }, { id: "c" }];
  const link = (from: string, to: string) => ({ id: `${from}-${to}`, from, to, capacityBps: 1e7, latencyMs: 1, metric: 1 });
  const parsed = parseTopology({ name: "odd\nname", nodes, links: [link(odd, "b"), link("b", odd), link("b", "c"), link("c", "b")] });
  if (!parsed.ok) throw new Error(parsed.faults[0].message);
  return parsed.value;
}
const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) console.warn("One test of the Mininet export is skipped: python3 is not installed.");

describe("an exported network", () => {
  it.skipIf(!hasPython)("is a Python program that holds the whole plan, whatever the names", () => {
    const script = exportNetwork(topology(), { format: "mininet", factor: 2, library });
    expect(script.split("\n")[1]).toBe("# odd name: 3 switches, 2 cables, capacities divided by 2.000.");
    // The program without Mininet, which need not be there: parsed whole, and its plan printed.
    const read = [
      "import ast, json, sys",
      "tree = ast.parse(sys.stdin.buffer.read())",
      "plan = next(n for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == 'PLAN')",
      "print(json.dumps(json.loads(ast.literal_eval(plan.value))))",
    ].join("\n");
    const done = spawnSync("python3", ["-c", read], { input: script, encoding: "utf8" });
    expect(done.stderr).toBe("");
    expect(JSON.parse(done.stdout)).toEqual(JSON.parse(JSON.stringify(networkPlanOf(topology(), "@RUN_DIR@"))));
  });

  it("is a containerlab topology with every switch, host and cable once, as its schema has it", () => {
    const yaml = exportNetwork(topology(), { format: "containerlab", factor: 1, library });
    const { topology: found } = containerlab.parse(parse(yaml));
    expect(Object.keys(found.nodes)).toEqual(["s1", "s2", "s3", "h1", "h2", "h3"]);
    const ends = found.links.map(({ endpoints }) => endpoints);
    // Each interface of each container has one cable.
    expect(new Set(ends.flat()).size).toBe(2 * ends.length);
    const plan = networkPlanOf(topology(), "");
    const nameOf = new Map(plan.switches.map(({ id, name }) => [id, name]));
    expect(ends.slice(0, 3)).toEqual([1, 2, 3].map((i) => [`s${i}:eth1`, `h${i}:eth1`]));
    expect(ends.slice(3)).toEqual(plan.cables.map((cable) => cable.ends.map(({ node, port }) => `${nameOf.get(node)}:eth${port}`)));
    // Whatever the names, they come out of the labels as they were; and nothing but the images is for containerlab to fill in.
    const labels = Object.values(found.nodes).map((node) => node.labels);
    expect(labels.map((each) => each["sluice-node"])).toEqual([odd, "b", "c", odd, "b", "c"]);
    const links = labels.flatMap((each) => Object.entries(each).flatMap(([key, value]) => (key.startsWith("sluice-port-") ? [value] : [])));
    expect(new Set(links)).toEqual(new Set(topology().links.map(({ id }) => id)));
    expect(new Set(yaml.match(/\$\S*/g))).toEqual(new Set(["${SLUICE_SWITCH_IMAGE:=sluice-switch}", "${SLUICE_HOST_IMAGE:=sluice-host}"]));
  });
});

/** What of clab.schema.json an export uses, and nothing else. */
const containerlab = z.strictObject({
  name: z.string(),
  topology: z.strictObject({
    nodes: z.record(
      z.string(),
      z.strictObject({
        kind: z.literal("linux"),
        image: z.string(),
        labels: z.record(z.string(), z.string()),
        exec: z.array(z.string()).min(1).optional(),
      }),
    ),
    links: z.array(z.strictObject({ endpoints: z.array(z.string().regex(/^\S+:\S+$/)).length(2), mtu: z.literal(1600).optional() })),
  }),
});
