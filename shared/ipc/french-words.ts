import { frenchProblem } from '../problems/french.ts';
import type { AppState } from './app-state.ts';

/** What the main process says in English, by its code. */
const REASONS: Record<string, (state: AppState) => string> = {
  contributing: () => 'Cette machine accepte des tâches',
  paused: ({ until }) => (until === null ? 'En pause jusqu’à votre reprise' : 'Mise en pause par vous'),
  finishing: () => 'Fin de la tâche en cours, puis pause',
  sleep: () => 'Cet ordinateur se met en veille',
  game: ({ presence: { game } }) =>
    game === null || game === 'unknown' ? 'Un programme exclusif tourne' : `Jeu détecté (${game})`,
  full_screen: () => 'Une application occupe tout l’écran',
  heat: () => 'Cet ordinateur est trop chaud',
  battery: () => 'Sur batterie',
  gpu_busy: () => 'D’autres programmes utilisent la carte graphique',
  metered: () => 'Ce réseau est facturé à l’usage',
  hours: () => 'Hors de votre horaire',
  in_use: () => 'Vous êtes devant l’ordinateur',
  unpaired: () => 'Pas encore appairée avec un relais',
  unreachable: ({ relay }) => ('relay' in relay ? `En attente du relais ${relay.relay}` : 'En attente du relais'),
  refused: ({ relay, reason }) =>
    `Refusée par le relais : ${relay.state === 'refused' ? refusal(relay) : reason.replace(/^Paused: /, '')}`,
};

/** Why the machine does what it does, as window and tray say it. */
export function frenchReason(state: AppState): string {
  return REASONS[state.code]?.(state) ?? state.reason;
}

function refusal({ code, detail }: { code: string; detail: string }): string {
  return frenchProblem({ code, message: detail });
}
