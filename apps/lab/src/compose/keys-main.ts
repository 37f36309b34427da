/** The one-shot program of a network in containers that makes its certificates, keys and tokens. */
import { readFile } from "node:fs/promises";
import { parseTopology } from "@sluice/model";
import { Command } from "commander";
import { writeKeyFiles } from "./key-files.js";

const program = new Command("sluice-compose-keys")
  .description(
    "Makes the certificates, keys and tokens of a network in containers, each service's in a directory of its own; what is there is kept.",
  )
  .requiredOption("--topology <file>", "the network, in Sluice's own format: each node gets an agent's certificate")
  .requiredOption("--dir <dir>", "where the directories are, or are made")
  .option("--controller-host <host...>", "names by which the controller is reached", ["controller", "localhost", "127.0.0.1"])
  .option("--database-host <host>", "where PostgreSQL runs", "postgres")
  .parse();
const given = program.opts<{ topology: string; dir: string; controllerHost: readonly string[]; databaseHost: string }>();

const parsed = parseTopology(JSON.parse(await readFile(given.topology, "utf8")));
const written = parsed.ok
  ? await writeKeyFiles({
      directory: given.dir,
      nodeIds: parsed.value.nodes.map(({ id }) => id),
      controllerHosts: given.controllerHost,
      database: { host: given.databaseHost, name: "sluice", user: "sluice" },
      nowMs: Date.now(),
    })
  : parsed;
if (written.ok) process.stdout.write(`certificates, keys and tokens are in ${given.dir}\n`);
else {
  for (const { message } of written.faults) process.stderr.write(`sluice-compose-keys: ${message}\n`);
  process.exitCode = 1;
}
