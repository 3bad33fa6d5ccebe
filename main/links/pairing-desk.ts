import type { AgentLog } from '../../shared/agent/log.ts';
import type { Language } from '../../shared/ipc/language.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { ElectronSurface } from '../surface.ts';
import { MAIN_TEXTS, type MainTexts } from '../tray/main-texts.ts';
import { type LinkInvitation, parsePairLink } from './pair-link.ts';

export type PairingDeskOptions = {
  dialog: Pick<ElectronSurface['dialog'], 'showMessageBox'>;
  pair(invitation: LinkInvitation): Promise<void>;
  language(): Language;
  log: AgentLog;
};

export type PairingDesk = { take(link: string): Promise<'paired' | 'declined' | 'refused'> };

/** In this order, so that Enter and Escape both do nothing. */
const NO = 0;
const YES = 1;

/**
 * Invariants: (1) no link pairs without a person who has seen which relay it names; (2) one question is open at a time,
 * and links that come meanwhile are dropped, so that nobody is worn down; (3) no part of a link is logged.
 */
export function createPairingDesk({ dialog, pair, language, log }: PairingDeskOptions): PairingDesk {
  let isAsking = false;
  return {
    take: async (link) => {
      if (isAsking) {
        log.warn({}, 'another pairing link came while one was being asked about, and was dropped');
        return 'refused';
      }
      isAsking = true;
      const texts = MAIN_TEXTS[language()];
      try {
        const invitation = parsePairLink(link);
        const { response } = await dialog.showMessageBox(questionOf(invitation, texts));
        if (response !== YES) return 'declined';
        await pair(invitation);
        return 'paired';
      } catch (error) {
        const problem = error instanceof Problem ? error : undefined;
        log.warn({ code: problem?.code ?? 'internal' }, 'a pairing link was not followed');
        await dialog.showMessageBox({
          type: 'warning',
          title: 'Sparewatt',
          message: texts.link.failed,
          detail: problem === undefined ? texts.link.unknown : texts.problem(problem),
        });
        return 'refused';
      } finally {
        isAsking = false;
      }
    },
  };
}

function questionOf({ relayUrl, relayKey }: LinkInvitation, { link }: MainTexts) {
  return {
    type: 'question' as const,
    title: 'Sparewatt',
    message: link.question(relayUrl),
    detail: link.detail(relayKey.slice(0, 12)),
    buttons: [link.decline, link.pair],
    defaultId: NO,
    cancelId: NO,
    noLink: true,
  };
}
