import { Writable } from "node:stream";
import { toId, type LinkId, type NodeId } from "@sluice/model";
import { openTerminal } from "sluice";
import { expect, test } from "vitest";
import type { LabView } from "./lab-view.js";
import { cycleLine, invitation, panel } from "./panel.js";
import { Screen } from "./screen.js";
import { summaryOf } from "./summary.js";

const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
const { colors } = openTerminal({ stdout: sink, stderr: sink, env: { NO_COLOR: "1" } });
const certificate = { objective: "max-throughput", sense: "maximize", unit: "bps" } as const;
const view: LabView = {
  network: { name: "pair", nodes: 2, links: 1 },
  interval: { index: 30, count: 96, seconds: 900 },
  term: 2,
  epoch: 7,
  switchesProgrammed: 2,
  switches: 2,
  rules: 11,
  rung: "greedy",
  classes: [
    {
      trafficClass: "elastic",
      solver: "highs",
      rung: "optimal",
      demandBps: 4e9,
      admittedBps: 4e9,
      certificate: { ...certificate, value: 4e9, bound: 4e9, gap: 0 },
      measured: { offeredBps: 4e9, admittedBps: 4e9, deliveredBps: 4e9 },
    },
    {
      trafficClass: "bulk",
      solver: "greedy",
      rung: "greedy",
      demandBps: 8e9,
      admittedBps: 5e9,
      certificate: { ...certificate, value: 5e9, bound: 6e9, gap: 1 / 6 },
      measured: { offeredBps: 8e9, admittedBps: 5e9, deliveredBps: 4.5e9 },
    },
  ],
  links: [
    {
      linkId: toId<LinkId>("a-b"),
      from: toId<NodeId>("a"),
      to: toId<NodeId>("b"),
      capacityBps: 1e10,
      carriedBps: 8.5e9,
      droppedBps: 5e8,
      up: true,
    },
  ],
  utilizationMax: 0.9,
  check: "pass",
  walk: "fail",
  seconds: { solve: 0.25, total: 0.5 },
  unroutable: 3,
  restarts: 1,
  rest: "http://h:1",
  grpc: "h:2",
};

test("the panel has what matters", () => {
  const text = panel(view, colors);
  for (const part of [
    "pair: 2 switches",
    "07:30",
    "epoch 7 of term 2, greedy",
    "11 rules on 2 of 2",
    "checker pass, packet walk fail",
    "solve 0.250",
    "62.50 %",
  ]) {
    expect(text).toContain(part);
  }
  expect(text).toMatch(/#{20}\.{4}\s+85\.00 %\s+a-b \(8\.5 Gb\/s of 10 Gb\/s\)\s+loses 500 Mb\/s/);
  expect(text).toContain("3 flow groups have no tunnel");
  expect(text).toContain("restarted 1 times");
});

test("the panel says what is ready for failures, and what became of the last one", () => {
  const scenarios = { phase: "ready", asked: 31, prepared: 30, agents: { concerned: 12, holdingAll: 12 } };
  const shown = (more: Partial<LabView>) => panel({ ...view, ...more }, colors);
  expect(shown({})).not.toMatch(/protection|last failure/);
  expect(shown({ protection: { bypasses: { total: 38 }, scenarios } })).toContain(
    "protection 38 bypasses, splits for 30 of 31 failures, held by 12 ingresses\n",
  );
  const pushing = { ...scenarios, agents: { concerned: 12, holdingAll: 3 } };
  expect(shown({ protection: { bypasses: { total: 38 }, scenarios: pushing, active: { scenarioId: "link:a-b" } } })).toContain(
    "splits for 30 of 31 failures; active: link:a-b\n",
  );
  expect(shown({ protection: { bypasses: { total: 38 }, scenarios: { ...scenarios, phase: "splitting", prepared: 0 } } })).toContain(
    "38 bypasses, splits for 31 failures are being prepared\n",
  );
  const none = { phase: "none", asked: 0, prepared: 0, agents: { concerned: 0, holdingAll: 0 } };
  expect(shown({ protection: { bypasses: { total: 0 }, scenarios: none } })).toContain("nothing is prepared for failures");
  expect(shown({ protection: { bypasses: { total: 38 }, scenarios: none } })).toContain("38 bypasses, no splits");
  expect(shown({ failure: ["Cable a-b is cut.", "  after 10 ms all arrives."] })).toMatch(
    /the last failure, as the traffic saw it\n {2}Cable a-b is cut\.\n {4}after 10 ms all arrives\.\n/,
  );
});

test("the line of a cycle, and what to try", () => {
  expect(cycleLine(view)).toMatch(
    /^07:30 {2}epoch 7 {2}demand 12 Gb\/s {2}admitted 9 Gb\/s \(75\.00 %\) {2}delivered 8\.5 Gb\/s {2}fullest a-b 85\.00 %/,
  );
  expect(invitation(view, colors)).toContain("curl -s http://h:1/v1/status");
});

test("the summary adds rates up and keeps classes apart", () => {
  expect(summaryOf(view)).toMatchObject({
    epoch: 7,
    objective: 9e9,
    bound: 1e10,
    gap: 0.1,
    admittedShare: 0.75,
    utilizationMaxMeasured: 0.85,
    demandBps: { elastic: 4e9, bulk: 8e9 },
    deliveredBps: { elastic: 4e9, bulk: 4.5e9 },
    check: "pass",
    walk: "fail",
  });
});

test("a panel is drawn over itself, below what was told in between", () => {
  let out = "";
  const stream = Object.assign(new Writable({ write: (chunk: Buffer, _encoding, done) => ((out += chunk.toString()), done()) }), {
    rows: 4,
  });
  const screen = new Screen(stream);
  screen.draw("one\ntwo\nthree\nfour\nfive\n");
  expect(out).not.toContain("four");
  screen.above("a link was cut");
  // Three lines up, wiped, the line, and then no way back over it.
  expect(out).toContain("\u001b[3A\u001b[Ja link was cut\n");
  out = "";
  screen.draw("six");
  expect(out).not.toContain("A\u001b");
});
