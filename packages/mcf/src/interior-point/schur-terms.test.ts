import fc from "fast-check";
import { expect, it } from "vitest";
import type { FlowProgram } from "../flow-program.js";
import { randomProgram } from "../testing/random-program.js";
import { problemOf } from "../testing/written-problem.js";
import { reduceProgram } from "./reduced-program.js";
import { schurTerms } from "./schur-terms.js";

/** Per block and row, the slots that cross it, as the terms say. */
function crossedByTerms(program: FlowProgram): readonly ReadonlyMap<number, number>[] {
  const reduced = reduceProgram(program);
  const formed = schurTerms(reduced.trie, reduced, reduced, () => false);
  if (formed === undefined) throw new Error("nothing ended it");
  const { rowLink, chains, termStart, terms } = formed;
  return Array.from(reduced.rate, (_, k) => {
    const crossed = new Map<number, number>();
    const at = termStart[k] ?? 0;
    const runs = terms[at] ?? 0;
    let next = at + 1 + 2 * runs;
    for (let run = 0; run < runs; run++) {
      const set = terms[at + 1 + 2 * run] ?? 0;
      for (let i = 0; i < (terms[at + 2 + 2 * run] ?? 0); i++) {
        const row = terms[next++] ?? 0;
        const chain = row - rowLink.length;
        const first = chain < 0 ? row : (chains[2 * chain] ?? 0);
        const members = Array.from({ length: chain < 0 ? 1 : (chains[2 * chain + 1] ?? 0) }, (_member, j) => first + j);
        for (const member of members) {
          expect(crossed.has(member)).toBe(false);
          crossed.set(member, set);
        }
      }
    }
    expect(next).toBe(termStart[k + 1]);
    return crossed;
  });
}

/** The same, from the links of the paths. */
function crossedByPaths(program: FlowProgram): readonly ReadonlyMap<number, number>[] {
  const { rowLink, slotStart, slotPath, rate } = reduceProgram(program);
  const { linkStart, pathLinks } = program.problem;
  return Array.from(rate, (_, k) => {
    const crossed = new Map<number, number>();
    for (let slot = slotStart[k] ?? 0; slot < (slotStart[k + 1] ?? 0); slot++) {
      const path = slotPath[slot] ?? 0;
      const links = new Set(pathLinks.subarray(linkStart[path], linkStart[path + 1]));
      rowLink.forEach((e, row) => {
        if (links.has(e)) crossed.set(row, (crossed.get(row) ?? 0) | (1 << (slot - (slotStart[k] ?? 0))));
      });
    }
    return crossed;
  });
}

const sorted = (maps: readonly ReadonlyMap<number, number>[]) => maps.map((map) => [...map].sort(([a], [b]) => a - b));

it("has every row that a demand's paths cross once, with the paths that do", () => {
  fc.assert(
    fc.property(randomProgram(), (program) => {
      expect(sorted(crossedByTerms(program))).toEqual(sorted(crossedByPaths(program)));
    }),
    { numRuns: 300 },
  );
});

it("takes links for a chain where paths only begin and end inside, and not where they branch", () => {
  const links = [0, 1, 2, 3, 4].map((from) => ({ from, to: from + 1, capacity: 1 }));
  const along = (src: number, dst: number) => ({ src, dst, rate: 5, paths: [Array.from({ length: dst - src }, (_, i) => src + i)] });
  const chainsOf = (problem: FlowProgram["problem"]) => [...reduceProgram({ problem, limit: "capacity" }).chains];
  expect(chainsOf(problemOf({ links, demands: [along(0, 5), along(1, 3), along(2, 5)] }))).toEqual([0, 5]);
  const branch = [...links, { from: 2, to: 4, capacity: 1 }];
  expect(chainsOf(problemOf({ links: branch, demands: [along(0, 5), { src: 0, dst: 5, rate: 5, paths: [[0, 1, 5, 4]] }] }))).toEqual([
    0, 2, 2, 2,
  ]);
});
