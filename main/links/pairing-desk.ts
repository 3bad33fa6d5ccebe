import type { AgentLog } from '../../shared/agent/log.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { ElectronSurface } from '../surface.ts';
import { type LinkInvitation, parsePairLink } from './pair-link.ts';

export type PairingDeskOptions = {
  dialog: ElectronSurface['dialog'];
  pair(invitation: LinkInvitation): Promise<void>;
  log: AgentLog;
};

export type PairingDesk = { take(link: string): Promise<'paired' | 'declined' | 'refused'> };

/** In this order, so that Enter and Escape both do nothing. */
const BUTTONS = ['Do not pair', 'Pair'];
const NO = 0;
const YES = 1;

/**
 * Invariants: (1) no link pairs without a person who has seen which relay it names; (2) one question is open at a time,
 * and links that come meanwhile are dropped, so that nobody is worn down; (3) no part of a link is logged.
 */
export function createPairingDesk({ dialog, pair, log }: PairingDeskOptions): PairingDesk {
  let isAsking = false;
  return {
    take: async (link) => {
      if (isAsking) {
        log.warn({}, 'another pairing link came while one was being asked about, and was dropped');
        return 'refused';
      }
      isAsking = true;
      try {
        const invitation = parsePairLink(link);
        const { response } = await dialog.showMessageBox(questionOf(invitation));
        if (response !== YES) return 'declined';
        await pair(invitation);
        return 'paired';
      } catch (error) {
        const problem = error instanceof Problem ? error : undefined;
        log.warn({ code: problem?.code ?? 'internal' }, 'a pairing link was not followed');
        await dialog.showMessageBox({
          type: 'warning',
          title: 'Sparewatt',
          message: 'This machine was not paired.',
          detail: problem?.message ?? 'Something went wrong. Ask for a new link, or type the code.',
        });
        return 'refused';
      } finally {
        isAsking = false;
      }
    },
  };
}

function questionOf({ relayUrl, relayKey }: LinkInvitation) {
  return {
    type: 'question' as const,
    title: 'Sparewatt',
    message: `Let this machine work for the relay at ${relayUrl}?`,
    detail:
      `Its key begins with ${relayKey.slice(0, 12)}. Whoever runs it can send this machine jobs, within what you allow ` +
      'in Preferences. Pair only if you asked for this link.',
    buttons: BUTTONS,
    defaultId: NO,
    cancelId: NO,
    noLink: true,
  };
}
