/** A panel on a terminal that is drawn over itself, without an alternate screen: what was shown stays readable after the end. */
import type { Writable } from "node:stream";

export class Screen {
  readonly #out: Writable & { readonly rows?: number };
  #lines = 0;

  constructor(out: Writable & { readonly rows?: number }) {
    this.#out = out;
  }

  /** Lines beyond the height are left out, and long ones cut by the terminal: otherwise the cursor would not find back. */
  draw(text: string): void {
    const lines = text.trimEnd().split("\n");
    const shown = lines.slice(0, Math.max(1, (this.#out.rows ?? 50) - 1));
    this.#out.write(`\u001b[?7l${this.#back()}${shown.map((line) => `\u001b[2K${line}`).join("\n")}\n\u001b[J\u001b[?7h`);
    this.#lines = shown.length;
  }

  /** A line that stays; the next panel is drawn below it. */
  above(line: string): void {
    this.#out.write(`${this.#back()}\u001b[J${line}\n`);
    this.#lines = 0;
  }

  #back(): string {
    return this.#lines === 0 ? "" : `\u001b[${this.#lines}A`;
  }
}
