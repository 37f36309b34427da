/** A command line as bash hands it to a completion: words by the shell's rules of quoting, as far as they matter before Enter. */

export interface SplitLine {
  /** Without their quotes; the last one is being written, and may be empty. */
  readonly words: readonly string[];
  /** The quote that the last word stands in. */
  readonly quote: "'" | '"' | undefined;
}

/** Blanks part words but inside quotes and behind a backslash. */
export function splitLine(line: string): SplitLine {
  const words: string[] = [];
  let word = "";
  let isWord = false;
  let quote: SplitLine["quote"];
  for (let i = 0; i < line.length; i += 1) {
    const letter = line.charAt(i);
    if (quote !== undefined) {
      if (letter === quote) quote = undefined;
      else if (letter === "\\" && quote === '"' && /["\\$`]/.test(line.charAt(i + 1))) word += line.charAt((i += 1));
      else word += letter;
    } else if (letter === "'" || letter === '"') {
      quote = letter;
      isWord = true;
    } else if (letter === "\\") {
      word += line.charAt((i += 1));
      isWord = true;
    } else if (/\s/.test(letter)) {
      if (isWord) words.push(word);
      word = "";
      isWord = false;
    } else {
      word += letter;
      isWord = true;
    }
  }
  return { words: [...words, word], quote };
}
