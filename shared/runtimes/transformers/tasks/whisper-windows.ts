import { nextTurn } from '../../next-turn.ts';
import { createGrowingText } from './growing-text.ts';
import type { TaskModel } from './task-model.ts';

/** What Whisper was trained on; the overlap on each side lets words at the edges be heard whole. */
export const WINDOW_S = 30;
export const OVERLAP_S = 5;

/** Where two windows are put together: so many tokens of the left one count, and those of the right one from there on. */
export type Seam = { readonly leftEnd: number; readonly rightFrom: number };

/**
 * Speech of a Whisper model without times, window by window, as the library's pipeline would put it together; but that
 * has nothing to say before the last window, and holds the sound of all of them. What cannot change any more is told: of
 * a recording of one window with each word, of a longer one when the window after has been heard.
 */
export async function writeWindows(
  model: TaskModel,
  samples: Float32Array,
  options: object,
  interrupted: () => boolean,
  tell: (piece: string) => void,
): Promise<string> {
  const growing = createGrowingText(tell);
  const decode = (tokens: readonly number[]): string => model.decode(tokens).trimStart();
  const [window, jump] = [WINDOW_S * model.rateHz, (WINDOW_S - 2 * OVERLAP_S) * model.rateHz];
  const settled: number[] = [];
  let last: number[] = [];
  for (let start = 0; ; start += jump) {
    const isLast = start + window >= samples.length;
    const tokens: number[] = [];
    const onToken = (token: number): void => {
      if (!isText(model, token)) return;
      tokens.push(token);
      if (isLast && start === 0) growing.grow(decode(tokens));
    };
    const watched = { ...options, ...model.watch(interrupted, onToken) };
    await model.call('automatic-speech-recognition', samples.subarray(start, start + window), watched);
    const { leftEnd, rightFrom } = seamOf(last, tokens);
    settled.push(...last.slice(0, leftEnd));
    last = tokens.slice(rightFrom);
    if (isLast) break;
    growing.grow(decode(settled));
    await nextTurn();
  }
  return decode([...settled, ...last]).trimEnd();
}

/** Times stand behind all other tokens; none is a text, though asked without them a model may still write one. */
function isText({ tokens, generationConfig }: TaskModel, token: number): boolean {
  const { no_timestamps_token_id: lastBeforeTimes } = generationConfig;
  return !tokens.specialIds.has(token) && !(typeof lastBeforeTimes === 'number' && token > lastBeforeTimes);
}

/**
 * The middle of the overlap in which most tokens agree, by the rule of Whisper's makers: the share of agreeing ones counts, and
 * a little the length. Where nothing agrees both windows count whole.
 */
export function seamOf(left: readonly number[], right: readonly number[]): Seam {
  let best = 0;
  let seam: Seam = { leftEnd: left.length, rightFrom: 0 };
  for (let shift = 1; shift < left.length + right.length; shift++) {
    const leftStart = Math.max(0, left.length - shift);
    const leftStop = Math.min(left.length, left.length + right.length - shift);
    const rightStart = Math.max(0, shift - left.length);
    const rightStop = Math.min(right.length, shift);
    let agreeing = 0;
    for (let at = leftStart; at < leftStop; at++) if (left[at] === right[at - leftStart + rightStart]) agreeing += 1;
    const score = agreeing / shift + shift / 10_000;
    if (agreeing <= 1 || score <= best) continue;
    best = score;
    seam = {
      leftEnd: Math.floor((leftStart + leftStop) / 2),
      rightFrom: Math.floor((rightStart + rightStop) / 2),
    };
  }
  return seam;
}
