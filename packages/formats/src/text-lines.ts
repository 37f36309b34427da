/** Lines of a text file that hold something, with the numbers that pointers name. */
export interface TextLine {
  /** From 1. */
  readonly number: number;
  /** Without blanks at either end. */
  readonly text: string;
  /** Parted by blanks. */
  readonly fields: readonly string[];
}

/** Non-empty lines; what follows `comment`, where one is given, is left out. */
export function linesOf(text: string, comment?: string): readonly TextLine[] {
  return text.split(/\r\n|\n|\r/).flatMap((line, i): readonly TextLine[] => {
    const kept = (comment === undefined ? line : (line.split(comment, 1)[0] ?? "")).trim();
    return kept === "" ? [] : [{ number: i + 1, text: kept, fields: kept.split(/\s+/) }];
  });
}
