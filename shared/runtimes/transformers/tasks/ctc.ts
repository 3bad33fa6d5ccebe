import { nextTurn } from '../../next-turn.ts';
import { createGrowingText } from './growing-text.ts';
import { PAUSE_S, phrasesOf, roundSeconds, type Segment, type Transcript } from './phrases.ts';
import type { FrameScores, TaskModel } from './task-model.ts';

/** Attention over longer pieces costs more than it hears; the overlap on each side is heard and not written. */
const WINDOW_S = 30;
const OVERLAP_S = 2;
/** The first layers of these models need a few hundred samples to give one frame. */
const LEAST_SAMPLES = 1_600;

/** Where words part, as tokenizers of characters and of pieces write it. */
const WORD_MARK = /^[|▁ ]/;

/** What a model hears at one moment. */
type Heard = { id: number; start_s: number; end_s: number };

/**
 * Speech of models that score every token for every frame (CTC), in windows, so that a recording may have any length.
 * The times of a word are those of its first and last frame.
 */
export async function transcribeFrames(
  model: TaskModel,
  samples: Float32Array,
  interrupted: () => boolean,
  tell: (piece: string) => void,
): Promise<Transcript> {
  const heard: Heard[] = [];
  const growing = createGrowingText(tell);
  const { rateHz } = model;
  const [window, overlap] = [WINDOW_S * rateHz, OVERLAP_S * rateHz];
  for (let start = 0; !interrupted(); start += window - 2 * overlap) {
    const piece = samples.subarray(start, start + window);
    const isLast = start + window >= samples.length;
    const kept = { from: start === 0 ? 0 : OVERLAP_S, to: isLast ? WINDOW_S : WINDOW_S - OVERLAP_S };
    const scores = await model.scoreFrames(padded(piece));
    const frames = likeliest(scores, Math.max(piece.length, LEAST_SAMPLES) / rateHz);
    for (const { id, start_s, end_s } of frames) {
      const isKept = start_s >= kept.from && start_s < kept.to;
      if (isKept) heard.push({ id, start_s: start_s + start / rateHz, end_s: end_s + start / rateHz });
    }
    if (isLast) break;
    growing.grow(textOf(wordsOf(heard, model)));
    await nextTurn();
  }
  const words = wordsOf(heard, model);
  return { text: textOf(words), words, segments: phrasesOf(words) };
}

function textOf(words: readonly Segment[]): string {
  return words.map(({ text }) => text).join(' ');
}

function padded(piece: Float32Array): Float32Array {
  if (piece.length >= LEAST_SAMPLES) return piece;
  const longer = new Float32Array(LEAST_SAMPLES);
  longer.set(piece);
  return longer;
}

function likeliest({ scores, frames, tokens }: FrameScores, durationS: number): Heard[] {
  const frameS = durationS / frames;
  return Array.from({ length: frames }, (_, frame) => {
    let id = 0;
    for (let token = 1; token < tokens; token++) {
      if ((scores[frame * tokens + token] ?? 0) > (scores[frame * tokens + id] ?? 0)) id = token;
    }
    return { id, start_s: frame * frameS, end_s: (frame + 1) * frameS };
  });
}

/** A token that goes on over frames is written once, and twice where a blank (the padding token) stands between. */
function wordsOf(heard: readonly Heard[], { tokens: { names, specialIds, padId } }: TaskModel): Segment[] {
  const words: Segment[] = [];
  let isOpen = false;
  let before = padId;
  for (const { id, start_s, end_s } of heard) {
    const isAgain = id === before;
    before = id;
    if (id === padId || specialIds.has(id)) continue;
    const name = names[id] ?? '';
    const text = name.replace(WORD_MARK, '');
    // A mark alone ends a word, one before letters begins the next.
    if (text !== name && !isAgain) isOpen = false;
    if (text === '') continue;
    const word = words.at(-1);
    // Nobody stops in the middle of a word for so long, whether the model marks it or not.
    if (isOpen && word !== undefined && start_s - word.end_s <= PAUSE_S) {
      word.end_s = roundSeconds(end_s);
      if (!isAgain) word.text += text;
    } else {
      words.push({ start_s: roundSeconds(start_s), end_s: roundSeconds(end_s), text });
      isOpen = true;
    }
  }
  return words;
}
