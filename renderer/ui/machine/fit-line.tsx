import type { ListedModel } from '../../../shared/ipc/listed-model.ts';
import type { MemoryBudget } from '../../../shared/ipc/model-size.ts';
import { fitOf } from '../../../shared/preferences/memory-need.ts';
import { useSpeech } from '../locale.ts';

export type FitLineProps = {
  /** Null where nobody knows the size of the model. */
  needBytes: number | null;
  needBasis: ListedModel['needBasis'];
  budget: MemoryBudget;
};

/** The badge with the numbers that it is made of, and what each of them rests on. */
export function FitLine({ needBytes, needBasis, budget: { bytes, basis } }: FitLineProps) {
  const { texts, show } = useSpeech();
  const words = texts.models.fit;
  const fit = needBytes === null ? 'unknown' : fitOf(needBytes, bytes);
  const need = needBytes === null ? words.needUnknown : words.need[needBasis](show.bytes(needBytes));
  return (
    <span className="hint">
      <span className="badge" data-fit={fit}>
        {words.badges[fit]}
      </span>{' '}
      {need} {bytes === null ? words.ofUnknown : words.of[basis](show.bytes(bytes))}
    </span>
  );
}
