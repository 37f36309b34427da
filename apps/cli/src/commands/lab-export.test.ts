import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { examplesDir } from "../testing/data.js";
import { run } from "../testing/run.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-lab-export-"));
afterAll(() => rmSync(folder, { recursive: true }));
const b4 = ["--topology", join(examplesDir, "b4.json")];

describe("sluice lab export", () => {
  test("writes a Mininet script to stdout, scaled so that the widest link has what was asked for", async () => {
    const { code, stdout, stderr } = await run(["lab", "export", ...b4, "--link-mbps", "50"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^#!\/usr\/bin\/env python3\n# B4.*: 12 switches, 19 cables, capacities divided by 8000\.000\.\n/);
    const bps = [...stdout.matchAll(/\\"bps\\":(\d+)/g)].map(([, figure]) => Number(figure));
    expect(bps).toHaveLength(19);
    expect(Math.max(...bps)).toBe(50_000_000);
  });

  test("writes a containerlab topology to a file", async () => {
    const file = join(folder, "b4.clab.yml");
    const { code, stdout } = await run(["lab", "export", ...b4, "--format", "containerlab", "-o", file]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(readFileSync(file, "utf8").match(/endpoints:/g)).toHaveLength(12 + 19);
  });

  test("refuses what it does not understand, and teaches by --help", async () => {
    const wrong = [
      ["lab", "export"],
      ["lab", "export", ...b4, "--format", "dot"],
      ["lab", "export", ...b4, "--link-mbps", "0"],
      ["lab", "export", "--topology", join(folder, "nowhere.json")],
      ["lab", "import"],
    ];
    for (const argv of wrong) expect(await run(argv)).toMatchObject({ code: 2, stdout: "" });
    expect(await run(["lab", "export", "--help"])).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("--link-mbps") as string,
    });
  });
});
