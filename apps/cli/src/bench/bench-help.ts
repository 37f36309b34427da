/** What `sluice bench --help` teaches below its options. */
export const benchEpilogue = `
A row an instance, as it finishes: our objective by the published optimum, the gap that its link prices prove (recomputed by code that shares nothing with
the solver), wall-clock seconds of each stage, the peak memory of the instance's own process. Then the figures that NCFlow, POP, CSPF, Fleischer, SMORE and
Gurobi have published, and a summary. docs/benchmarks.md says what each column means and what may be compared with what.

  sluice bench Uninett2010                       two small instances, in a second
  sluice bench Kdl_gravity --gap 1e-2            all pairs of 754 nodes: 568,000 demands
  sluice bench UsCarrier Cogentco --highs        beside HiGHS, by its fastest method, in the same run
  sluice bench all --exact --json exact.json     everything, to a gap of 1e-6
  sluice bench all --objective max-concurrent    the largest fraction that all demands can have at once`;
