/**
 * Writes what this package is built from but does not keep in version control: the Prisma client of prisma/schema.prisma
 * and prisma/migrations as a module, so that the migrator finds them wherever the program is installed or bundled.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const packageDir = dirname(dirname(fileURLToPath(import.meta.url)));
const prismaDir = join(packageDir, "..", "..", "prisma");
const generatedDir = join(packageDir, "generated");

/**
 * Prisma's command line wants a schema engine and would download one, although generating needs none. A stub satisfies it;
 * it fails, so that no command that does need an engine can seem to have worked.
 */
function generateClient() {
  const cli = join(dirname(createRequire(import.meta.url).resolve("prisma/package.json")), "build", "index.js");
  const work = mkdtempSync(join(tmpdir(), "sluice-generate-"));
  const stub = join(work, "schema-engine");
  writeFileSync(stub, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  try {
    const done = spawnSync(process.execPath, [cli, "generate", "--schema", join(prismaDir, "schema.prisma")], {
      cwd: packageDir,
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: stub, CHECKPOINT_DISABLE: "1", PRISMA_HIDE_UPDATE_MESSAGE: "1" },
    });
    if (done.status !== 0) {
      process.stderr.write(`${done.stdout ?? ""}${done.stderr ?? ""}${done.error?.message ?? ""}\n`);
      process.exit(done.status ?? 1);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function generateMigrations() {
  const dir = join(prismaDir, "migrations");
  const migrations = readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, sql: readFileSync(join(dir, name, "migration.sql"), "utf8") }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  mkdirSync(generatedDir, { recursive: true });
  writeFileSync(
    join(generatedDir, "migrations.ts"),
    `/** Generated from prisma/migrations by scripts/generate.mjs. */\nexport const migrations: readonly { readonly name: string; readonly sql: string }[] = ${JSON.stringify(migrations, null, 2)};\n`,
  );
}

generateClient();
generateMigrations();
