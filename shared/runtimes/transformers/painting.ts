import { Problem } from '../../problems/problem.ts';
import { bytesToBase64 } from '../../protocol/base64.ts';
import type { JsonInput } from '../../protocol/messages.ts';
import { nextTurn } from '../next-turn.ts';
import { createRandom } from './decoding/random.ts';
import { planSampling } from './decoding/sampling.ts';
import { createChoosing } from './decoding/token-chooser.ts';
import type { EngineResult } from './engine.ts';
import type { Painter } from './library/painter.ts';
import { writePng } from './library/pictures.ts';
import { assertFits } from './tasks/task-engine.ts';
import { readTaskInput, type TaskInput } from './tasks/task-input.ts';
import { PAINTS } from './tasks/task-kinds.ts';
import { createTurns } from './tasks/turns.ts';

/** So many fit into one message at the size of today's models. */
const MOST_PICTURES = 10;
const LONGEST_PROMPT = 4_000;
/** What models of other kinds take, and one of tokens cannot. */
const FOREIGN = ['negative_prompt', 'steps', 'image', 'mask'];
const NO_USAGE = { inputTokens: 0, outputTokens: 0 };

type Wishes = ReturnType<typeof readWishes>;

/**
 * Paints what `prompt` says: `n` pictures (1 to 10) as png in base64. The model has one size: `size` ("384x384" or
 * "auto"), `width` and `height` may name it and no other. `seed` makes the same picture again, those after the first
 * having the seeds after it; `temperature`, `top_p` and `guidance` are the model's own when absent.
 *
 * Errors: `missing_required_parameter`, `invalid_value`,
 * `unsupported_parameter` for what such models lack, `result_too_large`.
 */
export function createPaintingEngine(painter: Painter) {
  const turns = createTurns();
  return async (input: JsonInput, interrupted: () => boolean): Promise<EngineResult> => {
    const wishes = readWishes(input, painter);
    const giveBack = await turns.take(interrupted);
    if (giveBack === null) return { finishReason: 'stop', usage: NO_USAGE };
    const step = (): boolean => {
      turns.dropCancelled();
      return interrupted();
    };
    return await paintAll(painter, wishes, step).finally(giveBack);
  };
}

async function paintAll(painter: Painter, wishes: Wishes, interrupted: () => boolean): Promise<EngineResult> {
  const images: JsonInput[] = [];
  const usage = { ...NO_USAGE };
  for (let at = 0; at < wishes.count && !interrupted(); at++) {
    const seed = wishes.seed + at;
    const brush = { choose: chooserOf(painter, wishes, seed), guidance: wishes.guidance, interrupted };
    const made = await painter.paint(wishes.prompt, brush);
    if (made === null) break;
    const { picture, inputTokens, outputTokens } = made;
    const { width, height } = picture;
    images.push({ image: bytesToBase64(await writePng(picture)), media_type: 'image/png', width, height, seed });
    usage.inputTokens += inputTokens;
    usage.outputTokens += outputTokens;
    await nextTurn();
  }
  const output = wishes.count === 1 ? (images[0] ?? {}) : { results: images };
  assertFits(output);
  return { finishReason: 'stop', usage, output };
}

function chooserOf({ generationDefaults }: Painter, { temperature, topP }: Wishes, seed: number) {
  const plan = planSampling({ temperature, topP }, generationDefaults);
  const nothing = { adjuster: null, logprobs: null, answer: null, endIds: new Set<number>() };
  return createChoosing({ plan, random: createRandom(seed), ...nothing })?.choose ?? null;
}

function readWishes(members: JsonInput, { side, mark, generationDefaults }: Painter) {
  const { task, ...rest } = members;
  if (task != null && task !== PAINTS) throw wrong('task', `must be ${PAINTS} for this model`);
  const input = readTaskInput(rest);
  const prompt = input.text('prompt');
  if (prompt.length > LONGEST_PROMPT) throw wrong('prompt', `may have ${LONGEST_PROMPT} characters`);
  if (prompt.includes(mark)) throw wrong('prompt', `must not contain '${mark}', which stands for a picture`);
  for (const name of FOREIGN) if (input.has(name)) throw cannot(name);
  assertSize(input, side);
  const own = generationDefaults.guidance_scale;
  return {
    prompt,
    count: input.count('n', 1, MOST_PICTURES, 1),
    seed: input.count('seed', 0, Number.MAX_SAFE_INTEGER - MOST_PICTURES, unforeseenSeed()),
    temperature: input.has('temperature') ? input.number('temperature', 0, 2, 1) : null,
    topP: input.has('top_p') ? input.number('top_p', 0, 1, 1) : null,
    guidance: input.number('guidance', 1, 30, typeof own === 'number' ? own : 1),
  };
}

function assertSize(input: TaskInput, side: number | null): void {
  const fits = (name: string): boolean => !input.has(name) || input.count(name, 1, 65_536, 1) === side;
  const size = input.has('size') ? input.text('size') : 'auto';
  const wrongName = !fits('width') ? 'width' : !fits('height') ? 'height' : 'size';
  if (wrongName === 'size' && (size === 'auto' || size === `${side}x${side}`)) return;
  const known = side === null ? 'one size alone; leave it out' : `${side}x${side} alone`;
  throw new Problem('invalid_value', `Invalid value for '${wrongName}': this model paints in ${known}.`, {
    param: wrongName,
  });
}

function unforeseenSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

function wrong(param: string, wish: string): Problem {
  return new Problem('invalid_value', `Invalid value for '${param}': it ${wish}.`, { param });
}

function cannot(param: string): Problem {
  const sentence = `This model takes no '${param}'. Leave it out, or choose a model of another kind.`;
  return new Problem('unsupported_parameter', sentence, { param });
}
