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
  refused: ({ reason }) => `Refusée par le relais : ${reason.replace(/^Paused: /, '')}`,
};
const PROBLEMS: Record<string, string> = {
  invalid_option: 'Ce n’est pas un lien ni un code d’appairage complet. Vérifiez-le, ou demandez-en un autre.',
  pairing_code_invalid: 'Le relais ne connaît pas ce code. Demandez-en un nouveau à son opérateur.',
  pairing_code_expired: 'Ce code a expiré. Demandez-en un nouveau à l’opérateur du relais.',
  pairing_code_used: 'Ce code a déjà servi. Demandez-en un nouveau à l’opérateur du relais.',
  too_many_attempts: 'Trop d’essais. Attendez une minute avant de recommencer.',
  relay_unreachable: 'Le relais ne répond pas. Vérifiez son adresse et qu’il fonctionne.',
  relay_identity_changed: 'Un autre relais répond à cette adresse. Demandez un code à son opérateur.',
  model_not_found: 'Aucun modèle de ce nom n’a été trouvé sous une forme qui convient.',
  model_download_failed: 'Le modèle n’a pas pu être téléchargé. Ce qui est venu est gardé ; réessayez.',
  model_store_full: 'Le modèle ne tient pas dans la place que vous permettez aux modèles.',
  model_load_failed: 'Cette application n’exécute pas ce genre de modèle.',
  model_files_missing: 'Des fichiers du modèle manquent. Téléchargez-le de nouveau.',
  model_files_corrupt: 'Les fichiers du modèle sont abîmés. Téléchargez-le de nouveau.',
  model_source_refused: 'Les réglages de cette machine n’acceptent pas de modèle de cette source.',
  cancelled: 'Ce qui était en cours a été arrêté.',
  internal: 'Une erreur est survenue dans l’application. Le journal en dit plus.',
  model_in_use: 'Ce modèle est déjà ici, ou en route, ou encore utilisé.',
  policy_refused: 'Vos préférences ne le permettent pas maintenant.',
  node_busy: 'Des tâches tournent sur cette machine. Mettez-la en pause, puis réessayez.',
  invalid_value: 'Une valeur n’est pas acceptée.',
  invalid_setting: 'Une valeur n’est pas acceptée.',
};

/** Why the machine does what it does, as window and tray say it. */
export function frenchReason(state: AppState): string {
  return REASONS[state.code]?.(state) ?? state.reason;
}

/** What went wrong and what to do; in English where nobody has put it into French. */
export function frenchProblem({ code, message }: { code: string; message: string }): string {
  return PROBLEMS[code] ?? message;
}
