import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { Refusal } from '../bridge.ts';
import { FR_OWNER } from './fr-owner.ts';
import { FR_RECORDS } from './fr-records.ts';
import type { Texts } from './texts.ts';

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
  invalid_value: 'Une valeur n’est pas acceptée.',
  invalid_setting: 'Une valeur n’est pas acceptée.',
};

export const FR: Texts = {
  ...FR_OWNER,
  ...FR_RECORDS,
  skipToContent: 'Aller au contenu',
  language: 'Langue',
  theme: { label: 'Apparence', system: 'Comme le système', light: 'Clair', dark: 'Sombre' },
  notYet: 'pas encore connu',
  views: {
    label: 'Vues',
    home: 'Accueil',
    contributions: 'Contributions',
    models: 'Modèles',
    machine: 'Cette machine',
    ledger: 'Ce qui a quitté la machine',
    preferences: 'Préférences',
    logs: 'Journal et aide',
  },
  states: { contributing: 'Contribue', paused: 'En pause', yielding: 'Cède la place' },
  reason: (state: AppState): string => REASONS[state.code]?.(state) ?? state.reason,
  problem: ({ code, message }: Refusal): string => PROBLEMS[code] ?? message,
  services: {
    llm: 'Conversation et texte',
    embed: 'Plongements',
    stt: 'Parole en texte',
    tts: 'Texte en parole',
    ocr: 'Texte dans les images',
    image: 'Images',
    task: 'Autres tâches',
  },
  sensors: {
    idle_s: 'si le clavier et la souris servent',
    locked: 'si l’écran est verrouillé',
    power: 's’il fonctionne sur batterie',
    heat: 's’il est chaud',
    programs: 'quels programmes tournent',
    game: 'si un jeu tourne',
    full_screen: 'si une application occupe tout l’écran',
    other_gpu_percent: 'à quel point d’autres programmes occupent la carte graphique',
    metered: 'si le réseau est facturé à l’usage',
  },
  home: {
    status: 'État de cette machine',
    pair: 'Appairer avec un relais',
    contribute: 'Contribuer',
    pause: 'Mettre en pause',
    pauseLonger: 'Changer la durée de pause',
    pauseFor: {
      '30m': '30 minutes',
      '1h': '1 heure',
      '3h': '3 heures',
      tomorrow: 'Jusqu’à demain',
      resumed: 'Jusqu’à ma reprise',
    },
    finish: 'Finir la tâche, puis pause',
    free: 'Libérer la mémoire graphique',
    resumesAt: (time) => `reprend à ${time}`,
    untilThen: (time) => `jusqu’à ${time}`,
  },
  questions: {
    title: (count) => (count === 1 ? 'Une tâche attend votre accord' : `${count} tâches attendent votre accord`),
    allow: 'Autoriser',
    refuse: 'Refuser',
  },
  today: {
    title: 'Aujourd’hui',
    speed: 'Jetons par seconde en ce moment',
    jobs: 'Tâches faites',
    tokens: 'Jetons produits',
  },
  jobs: {
    title: 'Tâches en cours',
    none: 'Prête. Le relais n’a pas de travail pour cette machine en ce moment.',
    noneNow: 'Rien ne tourne.',
    client: (client) => `pour ${client}`,
    tokens: (count) => `${count} jetons`,
  },
  notices: {
    noGpu: 'Cette machine n’offre pas de carte graphique utilisable par les modèles.',
    noGpuWhy:
      'WebGPU n’en a trouvé aucune, ou seulement une simulée. Aucune tâche n’est acceptée ; un pilote plus récent peut aider.',
    gpuOff: 'La carte graphique qui exécute les modèles est coupée.',
    gpuOffWhy: 'Aucune tâche ne viendra avant que vous ne la remettiez en service, sous Cette machine.',
    unprotected: 'Les secrets ne sont pas protégés sur ce système.',
    unprotectedWhy: 'Il n’a pas de trousseau utilisable : la clé de ce nœud est lisible dans votre dossier.',
    update: (version) => `La version ${version} est prête.`,
    install: 'Redémarrer et installer',
    unknown: 'Ce que ce système ne dit pas',
    unknownWhy: 'Sparewatt ne devine pas. Une règle qui en dépend reste ici sans effet :',
  },
};
