import type { NodeView } from './node-messages.ts';
import type { Strings } from './strings.ts';

/** The one line that is always there: what this browser does, and why. */
export type Status = { tone: 'active' | 'waiting' | 'off'; title: string; why: string };

export function statusOf(view: NodeView, strings: Strings, locale: string): Status {
  const { states, reasons } = strings;
  switch (view.stage) {
    case 'opening':
      return { tone: 'waiting', title: states.notYet, why: reasons.opening };
    case 'unpaired':
      return { tone: 'off', title: states.notPaired, why: reasons.unpaired };
    case 'elsewhere':
      return { tone: 'off', title: states.notPaired, why: reasons.elsewhere };
    case 'pairing':
      return { tone: 'waiting', title: states.notYet, why: reasons.pairing };
    case 'preparing': {
      const percent = new Intl.NumberFormat(locale, { style: 'percent' }).format(shareOf(view));
      return { tone: 'waiting', title: states.notYet, why: reasons.preparing(view.model, percent) };
    }
    case 'held':
      return { tone: 'waiting', title: states.notYet, why: reasons.held };
    case 'connecting': {
      const why = view.problem === null ? reasons.connecting : strings.problem(view.problem);
      return { tone: 'waiting', title: states.notYet, why };
    }
    case 'contributing': {
      const { running } = view.work;
      return {
        tone: 'active',
        title: states.contributing,
        why: running > 0 ? reasons.working(running) : reasons.ready,
      };
    }
    case 'paused':
      return { tone: 'off', title: states.paused, why: reasons.paused };
    case 'leaving':
      return { tone: 'waiting', title: states.leaving, why: reasons.leaving };
  }
}

/** Zero until it is known how much there is. */
function shareOf({ loadedBytes, totalBytes }: { loadedBytes: number; totalBytes: number }): number {
  return totalBytes === 0 ? 0 : loadedBytes / totalBytes;
}
