const MOST_CHARACTERS = 255;

/** A name is only ever shown; folders before it, and what could change how it is shown, are cut off all the same. */
export function nameOf(filename: string): string {
  const last = filename.split(/[/\\]/).at(-1) ?? '';
  const shown = last
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .slice(0, MOST_CHARACTERS)
    .toWellFormed();
  return shown === '' || shown === '.' || shown === '..' ? 'file' : shown;
}
