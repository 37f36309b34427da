/**
 * A solver process that behaves as its task says: the snapshot's name is a comma-separated list of moods, one for the full
 * solve and one for the greedy one: `answer`, `hang` (a busy loop, as WASM does it), `crash`, `throw`, `refuse`, `mute`, `garble` (no JSON),
 * `empty` (no plan).
 */
const splitsBefore = [];
process.on("message", ({ id, task, splits }) => {
  if (splits !== undefined) return splitsBefore.push({ id, count: splits.length });
  const { topology } = task.snapshot ?? task.standing?.ground ?? task.question?.snapshot ?? task.before.snapshot;
  const moods = topology.name.split(",");
  const mood = task.kind === "optimize" && task.greedyOnly ? moods[1] : moods[0];
  if (task.kind === "protect") return protect(id, task, moods);
  if (task.kind === "report" && mood === "answer") {
    return process.send({
      id,
      result: { ok: true, value: { pid: process.pid, splitsBefore: splitsBefore.map((each) => ({ ...each, sameTask: each.id === id })) } },
    });
  }
  if ((task.kind === "preview" || task.kind === "what-if") && mood === "answer") {
    for (const fraction of [0.25, 0.5]) process.send({ id, progress: { stage: "solve", fraction } });
    return process.send({ id, result: { ok: true, value: { document: Buffer.from(String(process.pid)) } } });
  }
  if ((task.kind === "path-check" || task.kind === "difference") && mood === "answer") {
    return process.send({ id, result: { ok: true, value: { pid: process.pid } } });
  }
  const answer = (value) => process.send({ id, result: { ok: true, value } });
  switch (mood) {
    case "answer":
      if (task.kind !== "optimize") return answer({});
      return answer({
        planJson: Buffer.from(JSON.stringify({ classes: [{ notes: [] }], greedy: task.greedyOnly, pid: process.pid })),
        timings: {},
      });
    case "garble":
      return answer({ planJson: Buffer.from('{"classes":'), timings: {} });
    case "empty":
      return answer({ timings: {} });
    case "hang":
      for (;;);
    case "crash":
      return process.kill(process.pid, "SIGSEGV");
    case "throw":
      throw new Error("a bug");
    case "refuse":
      return process.send({ id, result: { ok: false, faults: [{ code: "solver-failed", message: "No." }] } });
    case "mute":
      return;
  }
});
/** A split of two groups for each scenario, until the mood of its turn is another than `answer`. */
function protect(id, { scenarios }, moods) {
  for (const [i, scenario] of scenarios.entries()) {
    switch (moods[i] ?? "answer") {
      case "answer":
        process.send({ id, part: { scenario, groups: [{}, {}] } });
        continue;
      case "hang":
        // What was sent has to leave the process first.
        return setTimeout(() => {
          for (;;);
        }, 50);
      case "crash":
        return setTimeout(() => process.kill(process.pid, "SIGSEGV"), 50);
      case "refuse":
        return process.send({ id, result: { ok: false, faults: [{ code: "input-mismatch", message: "No." }] } });
      case "mute":
        return undefined;
    }
  }
  return process.send({ id, result: { ok: true, value: {} } });
}

process.on("disconnect", () => process.exit(0));
process.send({ ready: true });
