/**
 * Generates the TypeScript of the messages and services in proto/ (buf with ts-proto), and the same definitions as a
 * FileDescriptorSet, embedded in a module so that reflection finds it from source and from dist alike. Needs no network.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const proto = join(here, "..", "..", "proto");
const generated = join(here, "generated");
const buf = join(here, "node_modules", ".bin", "buf");

function run(...args) {
  const done = spawnSync(buf, args, { cwd: here, stdio: ["ignore", "inherit", "inherit"] });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) process.exit(done.status ?? 1);
}

// What was removed from proto/ must not live on in the generated folder.
rmSync(generated, { recursive: true, force: true });
mkdirSync(generated, { recursive: true });
run("generate", proto, "--template", "scripts/buf.gen.yaml");
const image = join(generated, "descriptor-set.binpb");
run("build", proto, "--as-file-descriptor-set", "-o", image);
writeFileSync(
  join(generated, "descriptor-set.ts"),
  `/** The google.protobuf.FileDescriptorSet of proto/, in base64. */\nexport const descriptorSetBase64 =\n  "${readFileSync(image).toString("base64")}";\n`,
);
rmSync(image);
