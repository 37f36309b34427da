/** Options and files of changes as the body of a request. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Network } from "./network-elements.js";
import { drainChanges, elementsText, parseElements } from "./network-elements.js";
import { groundNeeded, inQuestion, previewQuestion, whatIfQuestion, type Ground, type WhatIfFlags } from "./plan-question.js";

const link = (id: string, from: string, to: string, srlgIds: readonly string[] = []) => ({
  id,
  from,
  to,
  capacityBps: 1e9,
  latencyMs: 1,
  srlgIds: [...srlgIds],
  drain: "active" as const,
});
/** `b` is a node and a link; `n/x` a node whose id has a slash; `x>y` and `y` are nodes whose names can be read in two ways. */
const network: Network = {
  version: 1,
  nodes: ["a", "b", "n/x", "x", "y", "x>y"].map((id) => ({ id, drain: "active" as const })),
  links: [link("a-b", "a", "b", ["duct"]), link("b-a", "b", "a", ["duct"]), link("b", "b", "x"), link("odd", "x", "a", ["duct"])],
};
const ground: Ground = { network, settings: { objective: "max-throughput", tunnels: { kind: "k-shortest", k: 4 } } };

describe("names of elements", () => {
  test.each([
    [["a-b"], { linkIds: ["a-b"], nodeIds: [], srlgIds: [] }],
    [["cable/b-a"], { linkIds: ["a-b", "b-a"], nodeIds: [], srlgIds: [] }],
    [["cable/odd"], { linkIds: ["odd"], nodeIds: [], srlgIds: [] }],
    [["a", "duct", "a"], { linkIds: [], nodeIds: ["a"], srlgIds: ["duct"] }],
    [["n/x"], { linkIds: [], nodeIds: ["n/x"], srlgIds: [] }],
    [["node/n/x"], { linkIds: [], nodeIds: ["n/x"], srlgIds: [] }],
    [["link/b", "node/b"], { linkIds: ["b"], nodeIds: ["b"], srlgIds: [] }],
  ])("%j", (names, elements) => {
    expect(parseElements(names, "--drain", network)).toEqual({ ok: true, value: elements });
  });

  test("what is not there, and what may mean several things, is refused with what to write", () => {
    expect(parseElements(["b"], "--drain", network)).toMatchObject({
      ok: false,
      faults: [{ code: "not-allowed", message: expect.stringContaining("link/b or node/b") as string }],
    });
    for (const name of ["z", "node/z", "cable/duct", "", "/", "link/"])
      expect(parseElements([name], "--drain", network)).toMatchObject({ ok: false, faults: [{ code: "not-found", pointer: "--drain" }] });
  });

  test("a drain names the members of a group once", () => {
    const elements = { linkIds: ["a-b"], nodeIds: ["a"], srlgIds: ["duct"] };
    expect(drainChanges(elements, "soft-drained", network)).toEqual([
      { kind: "set-node-state", nodeId: "a", drain: "soft-drained" },
      ...["a-b", "b-a", "odd"].map((linkId) => ({ kind: "set-link-state", linkId, drain: "soft-drained" })),
    ]);
    expect(elementsText(elements)).toBe("node a; link a-b; shared-risk link group duct");
  });
});

function valueOf(flags: WhatIfFlags, kind: "preview" | "what-if" = "what-if"): unknown {
  const question = kind === "preview" ? previewQuestion(flags, ground) : whatIfQuestion(flags, ground);
  return question.ok ? question.value : question.faults;
}

describe("questions", () => {
  test("options alone", () => {
    expect(valueOf({}, "preview")).toEqual({});
    expect(valueOf({ drain: ["a-b"], undrain: ["b-a"], soft: true }, "preview")).toEqual({
      topologyChanges: [
        { kind: "set-link-state", linkId: "b-a", drain: "active" },
        { kind: "set-link-state", linkId: "a-b", drain: "soft-drained" },
      ],
    });
    expect(valueOf({ drain: ["a-b"], undrain: ["node/a"], fail: ["duct"], soft: true })).toEqual({
      topologyChanges: [{ kind: "set-node-state", nodeId: "a", drain: "active" }],
      drain: { linkIds: ["a-b"], kind: "soft" },
      fail: { srlgIds: ["duct"] },
    });
    expect(valueOf({ scale: ["1.5", "bulk=0"], addDemand: ["a>n/x/bulk=2Gbps"], addCapacity: ["cable/a-b=1Gbps", "odd=5Mbps"] })).toEqual({
      demands: { scale: 1.5, scaleClass: { bulk: 0 }, add: [{ src: "a", dst: "n/x", trafficClass: "bulk", rateBps: 2e9 }] },
      addCapacity: [
        { linkId: "a-b", capacityBps: 1e9 },
        { linkId: "b-a", capacityBps: 1e9 },
        { linkId: "odd", capacityBps: 5e6 },
      ],
    });
    // x>y is a node: the reading that the network has.
    expect(valueOf({ addDemand: ["a>x>y/elastic=1Gbps"] })).toMatchObject({ demands: { add: [{ src: "a", dst: "x>y" }] } });
    expect(valueOf({ failures: true })).toEqual({ failures: {} });
    expect(valueOf({ failures: "link, node" })).toEqual({ failures: { kinds: ["link", "node"] } });
    expect(valueOf({ failures: "none" })).toEqual({ failures: { kinds: [] } });
  });

  test("settings: a field of a field is put into what is set now; values are YAML", () => {
    expect(valueOf({ set: ["objective=min-cost", "tunnels.k=8", "tunnels.latencyMsMax=2.5"] }, "preview")).toEqual({
      settings: { objective: "min-cost", tunnels: { kind: "k-shortest", k: 8, latencyMsMax: 2.5 } },
    });
    expect(valueOf({ set: ["protection.scenarios=[link, node]"] }, "preview")).toEqual({
      settings: { protection: { scenarios: ["link", "node"] } },
    });
    for (const set of ["", "=1", "a", "a..b=1", "a b=1", ".=1", "k=["])
      expect(valueOf({ set: [set] }, "preview")).toMatchObject([{ code: "malformed", pointer: "--set" }]);
    expect(groundNeeded({ set: ["objective=x.y"] })).toEqual({ network: false, settings: false });
    expect(groundNeeded({ set: ["tunnels.k=8"], drain: [] })).toEqual({ network: false, settings: true });
  });

  test("names that objects have by themselves are names like any other", () => {
    const question = previewQuestion({ set: ["constructor.k=2", "toString=3"] }, ground);
    expect(question.ok && JSON.stringify(question.value)).toBe('{"settings":{"constructor":{"k":2},"toString":3}}');
    expect(({} as { readonly k?: unknown }).k).toBeUndefined();
  });

  test("a file and options: lists are joined, the file's first; options count for more", () => {
    const text = `
topologyChanges: [{ kind: remove-link, linkId: odd }]
settings: { objective: min-cost, gapMax: 0.01 }
demands: { scale: 2, add: [{ src: a, dst: b, trafficClass: bulk, rateBps: 1 }] }
fail: { linkIds: [b] }
failures: { pairs: 5 }
`;
    const file = { path: "q.yaml", text };
    expect(
      valueOf({
        file,
        undrain: ["a-b"],
        set: ["objective=max-min-fair"],
        scale: ["3"],
        fail: ["a-b"],
        addDemand: ["a>b/bulk=2bps"],
        failures: "link",
      }),
    ).toEqual({
      topologyChanges: [
        { kind: "remove-link", linkId: "odd" },
        { kind: "set-link-state", linkId: "a-b", drain: "active" },
      ],
      settings: { objective: "max-min-fair", gapMax: 0.01 },
      demands: {
        scale: 3,
        add: [
          { src: "a", dst: "b", trafficClass: "bulk", rateBps: 1 },
          { src: "a", dst: "b", trafficClass: "bulk", rateBps: 2 },
        ],
      },
      fail: { linkIds: ["b", "a-b"] },
      failures: { pairs: 5, kinds: ["link"] },
    });
    // What is wrong with a part is the controller's to say: it comes there as it is.
    expect(valueOf({ file: { path: "q.yaml", text: "settings: 3\nspeed: 4\n" } }, "preview")).toEqual({ settings: 3, speed: 4 });
  });

  test("any text as a file is a question or a refusal that names the file, never a throw", () => {
    const bomb = `a: &a [1,1,1,1,1,1,1,1,1,1]\n${"bcdefghij"
      .split("")
      .map((name, i) => `${name}: &${name} [${Array.from({ length: 10 }, () => `*${"abcdefghi"[i]}`).join(",")}]`)
      .join("\n")}`;
    expect(valueOf({ file: { path: "q", text: bomb } }, "preview")).toMatchObject([{ code: "malformed", data: { file: "q" } }]);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: fc.constantFrom(..."{}[]:,-&*!|>'\"%@` \n\tab1") })), (text) => {
        const question = previewQuestion({ file: { path: "q", text } }, ground);
        return question.ok || question.faults[0].data?.["file"] === "q";
      }),
    );
  });

  test("pointers of the controller become options, or places in the file", () => {
    const faults = [
      { code: "not-allowed", message: "/body/settings/objective: No.", pointer: "/body/settings/objective" },
      { code: "not-found", message: "No link z.", pointer: "/demands/add/0/src" },
      { code: "internal", message: "Oh." },
    ] as const;
    expect(inQuestion(faults, undefined)).toMatchObject([
      { pointer: "--set", message: "/settings/objective: No." },
      { pointer: "--add-demand" },
      { message: "Oh." },
    ]);
    expect(inQuestion(faults, { path: "q.yaml", text: "" })).toMatchObject([
      { pointer: "/settings/objective", data: { file: "q.yaml" } },
      { pointer: "/demands/add/0/src", data: { file: "q.yaml" } },
      { message: "Oh." },
    ]);
  });
});
