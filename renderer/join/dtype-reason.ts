import type { DtypeReason } from '../inference/choose-files.ts';
import type { ModelStrings } from './strings-models.ts';

/** Why a dtype was taken, in words. */
export function reasonOf(dtype: string, { basis, passedOver }: DtypeReason, words: ModelStrings): string {
  const more = (['absent', 'memory'] as const).flatMap((why) => {
    const dtypes = passedOver.filter((one) => one.why === why).map((one) => one.dtype);
    return dtypes.length === 0 ? [] : [words.passedOver[why](dtypes.join(', '))];
  });
  return [words.basis[basis](dtype), ...more].join(' ');
}
