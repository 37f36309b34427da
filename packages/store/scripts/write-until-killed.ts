/** For the test of durability: `write-until-killed DIRECTORY` appends events one by one and prints each number that was acknowledged. */
import { prismaStore } from "../src/prisma-store.js";

const [dataDir = ""] = process.argv.slice(2);
const opened = await prismaStore({ dataDir });
if (!opened.ok) throw new Error(opened.faults[0].message);
const term = await opened.value.acquireTerm("a writer to be killed");
if (!term.ok) throw new Error(term.faults[0].message);
for (let number = 1; ; number++) {
  const written = await opened.value.appendEvents(term.value, [{ at: new Date().toISOString(), kind: "written", data: { number } }]);
  if (!written.ok) throw new Error(written.faults[0].message);
  process.stdout.write(`${number}\n`);
}
