import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a directory and what is missing above it, from the top down. Not by Node's `recursive`: where a file system refuses new
 * directories with "no such file" (as /proc does), that never returns and takes all memory.
 */
export function makeDirectory(path: string): void {
  const missing: string[] = [];
  for (let directory = resolve(path); !existsSync(directory); directory = dirname(directory)) missing.push(directory);
  for (const directory of missing.toReversed()) mkdirSync(directory);
}
