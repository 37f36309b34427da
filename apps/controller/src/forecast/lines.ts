/** A stream of bytes as lines, some at a time: no more of the text is held than one line and one piece of the stream. */
import { StringDecoder } from "node:string_decoder";

/** Longest line, in UTF-16 code units. A row takes two hundred or so. */
export const lineLengthMax = 16_384;

/** `text` is undefined where the line is longer than that: it is passed over and not kept. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string | undefined;
}

/** Ends of lines are LF or CRLF; a byte order mark at the start is left out. The last line needs no end. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Line[]> {
  const splitter = new LineSplitter();
  for await (const piece of bytes) {
    const lines = splitter.push(piece);
    if (lines.length > 0) yield lines;
  }
  const last = splitter.end();
  if (last.length > 0) yield last;
}

export class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #isTooLong = false;
  #number = 0;
  #isStart = true;

  push(piece: Uint8Array): readonly Line[] {
    return this.#take(this.#decoder.write(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)));
  }

  /** What was left without an end. */
  end(): readonly Line[] {
    const lines = [...this.#take(this.#decoder.end())];
    if (this.#rest !== "" || this.#isTooLong) lines.push(this.#line(this.#rest));
    this.#rest = "";
    return lines;
  }

  #take(text: string): readonly Line[] {
    const lines: Line[] = [];
    let from = 0;
    if (this.#isStart && text !== "") {
      this.#isStart = false;
      if (text.startsWith("\ufeff")) from = 1;
    }
    for (let at = text.indexOf("\n", from); at >= 0; at = text.indexOf("\n", from)) {
      lines.push(this.#line(this.#rest + text.slice(from, at)));
      this.#rest = "";
      from = at + 1;
    }
    if (this.#isTooLong) return lines;
    this.#rest += text.slice(from);
    // One more, for the carriage return.
    if (this.#rest.length > lineLengthMax + 1) {
      this.#isTooLong = true;
      this.#rest = "";
    }
    return lines;
  }

  #line(text: string): Line {
    this.#number += 1;
    const whole = text.endsWith("\r") ? text.slice(0, -1) : text;
    const isTooLong = this.#isTooLong || whole.length > lineLengthMax;
    this.#isTooLong = false;
    return { number: this.#number, text: isTooLong ? undefined : whole };
  }
}
