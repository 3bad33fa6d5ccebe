/** A piece of speech with its times in seconds from the beginning. */
export type Segment = { start_s: number; end_s: number; text: string };
export type Transcript = { text: string; segments?: Segment[]; words?: Segment[] };

/** A pause between two phrases; within a sentence speakers seldom wait longer. */
export const PAUSE_S = 0.8;
/** What two lines of subtitles hold, and an eye reads. */
const LONGEST_S = 7;

/** Words as the phrases that pauses make of them, none longer than a subtitle may stand. */
export function phrasesOf(words: readonly Segment[]): Segment[] {
  const phrases: Segment[] = [];
  for (const word of words) {
    const last = phrases.at(-1);
    const isNew = last === undefined || word.start_s - last.end_s > PAUSE_S || word.end_s - last.start_s > LONGEST_S;
    if (isNew) phrases.push({ ...word });
    else phrases[phrases.length - 1] = { start_s: last.start_s, end_s: word.end_s, text: `${last.text} ${word.text}` };
  }
  return phrases;
}

/** Milliseconds are enough, and all that subtitles can say. */
export function roundSeconds(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
