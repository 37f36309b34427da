import { spawnSync } from "node:child_process";
import { parseTopology, toId, type LinkId } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { exportNetwork } from "./export-network.js";
import { networkPlanOf } from "./network-plan.js";

/** Names that try to get out of their quotes. */
const odd = `a"""\\'\u00e9#{}`;
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
    const script = exportNetwork(topology(), { format: "mininet", factor: 2 });
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

  it("is a containerlab topology with every switch, host and cable once", () => {
    const yaml = exportNetwork(topology(), { format: "containerlab", factor: 1 });
    expect(yaml.match(/^ {4}[sh]\d+:$/gm)).toEqual(["s1", "s2", "s3", "h1", "h2", "h3"].map((name) => `    ${name}:`));
    expect(yaml.match(/endpoints: \["s\d+:eth\d+", "s\d+:eth\d+"\]/g)).toHaveLength(2);
    expect(yaml.match(/endpoints: \["s\d+:eth1", "h\d+:eth1"\]/g)).toHaveLength(3);
    for (const linkId of topology().links.map(({ id }): LinkId => toId(id))) expect(yaml).toContain(JSON.stringify(linkId));
  });
});
