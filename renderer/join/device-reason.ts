import type { Shown } from '../language/shown.ts';
import type { ShownModel } from './node-messages.ts';
import type { ModelStrings } from './strings-models.ts';

/** How fast a model was where it could run, and why it runs where it does; null where there was no choice. */
export function deviceReasonOf(
  { type, trials }: Pick<ShownModel, 'type' | 'trials'>,
  { trials: words }: Pick<ModelStrings, 'trials'>,
  show: Pick<Shown, 'fine'>,
): string | null {
  const chosen = trials.find(({ verdict }) => verdict === 'chosen')?.device;
  if (trials.length < 2 || (chosen !== 'webgpu' && chosen !== 'wasm')) return null;
  const rateOn = (wanted: string): number | null => trials.find(({ device }) => device === wanted)?.per_second ?? null;
  const [gpu, processor] = [rateOn('webgpu'), rateOn('wasm')];
  const shown = (rate: number | null): string => (rate === null ? words.failed : words.rate(show.fine(rate), type));
  const figures = words.figures(shown(gpu), shown(processor));
  return gpu === null || processor === null ? figures : `${figures} ${words[chosen]}`;
}
