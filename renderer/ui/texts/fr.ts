import { PAUSE_WORDS } from '../../../shared/preferences/pause-words.ts';
import { shortReason } from '../../../shared/preferences/reasons.ts';
import { frenchProblem } from '../../../shared/problems/french.ts';
import { FR_OWNER } from './fr-owner.ts';
import { FR_RECORDS } from './fr-records.ts';
import type { Texts } from './texts.ts';

const SENSORS: Record<string, string> = {
  idle_s: 'si le clavier et la souris servent',
  locked: 'si l’écran est verrouillé',
  power: 's’il fonctionne sur batterie',
  heat: 's’il est chaud',
  programs: 'quels programmes tournent',
  game: 'si un jeu tourne',
  full_screen: 'si une application occupe tout l’écran',
  other_gpu_percent: 'à quel point d’autres programmes occupent la carte graphique',
  metered: 'si le réseau est facturé à l’usage',
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
  states: { contributing: 'Contribue', paused: 'En pause' },
  reason: ({ why }) => shortReason(why, 'fr'),
  problem: frenchProblem,
  services: {
    llm: 'Conversation et texte',
    embed: 'Plongements',
    stt: 'Parole en texte',
    tts: 'Texte en parole',
    ocr: 'Texte dans les images',
    image: 'Images',
    task: 'Autres tâches',
    ffmpeg: 'Vidéo (ffmpeg)',
    blender: 'Rendu (Blender)',
    compute: 'Calcul scientifique',
  },
  sensors: SENSORS,
  unseen: (sensors) =>
    `Ce système ne dit pas ${sensors.map((sensor) => SENSORS[sensor] ?? sensor).join(', ')} : sans effet ici.`,
  duty: (here, away) =>
    `Vous laissez les modèles calculer ${here} % du temps en votre présence et ${away} % en votre absence. Les chiffres baissent d’autant, car ils sont mesurés tels que cette machine travaille ; rien d’autre n’en découle, et des tâches continuent de venir.`,
  home: {
    status: 'État de cette machine',
    pair: 'Appairer avec un relais',
    contribute: 'Contribuer',
    pause: 'Mettre en pause',
    pauseLonger: 'Changer la durée de pause',
    pauseFor: PAUSE_WORDS.fr,
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
    client: (client) => (client === 'operator' ? 'pour l’opérateur du relais' : `pour ${client}`),
    tokens: (count) => `${count} jetons`,
  },
  notices: {
    noGpu: 'Cette machine n’offre pas de carte graphique utilisable par les modèles.',
    noGpuWhy:
      'WebGPU n’en a trouvé aucune, ou seulement une simulée. Les modèles tournent sur le processeur, plus lentement ; un pilote plus récent peut aider.',
    gpuOff: 'La carte graphique qui exécute les modèles est coupée.',
    gpuOffWhy: 'Les modèles qui le peuvent tournent sur le processeur. Remettez-la en service sous Cette machine.',
    noTray: 'Ce bureau n’a pas de zone de notification.',
    noTrayWhy: 'Sparewatt travaille tant que cette fenêtre est ouverte ou réduite, et s’arrête quand vous la fermez.',
    unprotected: 'Les secrets ne sont pas protégés sur ce système.',
    unprotectedWhy: 'Il n’a pas de trousseau utilisable : la clé de ce nœud est lisible dans votre dossier.',
    unknown: 'Ce que ce système ne dit pas',
    unknownWhy: 'Sparewatt ne devine pas. Une règle qui en dépend reste ici sans effet :',
  },
};
