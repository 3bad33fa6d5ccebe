import { frenchProblem } from '../../shared/problems/french.ts';
import type { Locale } from '../language/locales.ts';
import type { ShownProblem } from './node-messages.ts';
import { MODEL_STRINGS, type ModelStrings } from './strings-models.ts';

/** Everything that the page says, in one language. */
export type Strings = {
  tagline: string;
  relay: (host: string) => string;
  states: Record<'contributing' | 'paused' | 'notYet' | 'notPaired' | 'leaving', string>;
  reasons: {
    opening: string;
    unpaired: string;
    elsewhere: string;
    pairing: string;
    preparing: (model: string, percent: string) => string;
    held: string;
    connecting: string;
    ready: string;
    working: (jobs: number) => string;
    paused: string;
    leaving: string;
    insecure: string;
    unsupported: string;
  };
  join: {
    title: string;
    intro: string;
    name: string;
    nameHint: string;
    code: string;
    codeHint: string;
    codeHintHere: string;
    submit: string;
    facts: string[];
  };
  actions: { pause: string; resume: string; leave: string; cancel: string };
  leave: { title: string; body: string; confirm: string };
  work: {
    title: string;
    jobs: string;
    tokens: string;
    speed: string;
    unknown: string;
    credits: string;
    noCredits: string;
  };
  machine: {
    title: string;
    device: string;
    gpu: (adapter: string) => string;
    cpu: (threads: number) => string;
    cpuHint: string;
    node: string;
  };
  models: ModelStrings;
  keepOpen: string;
  language: string;
  licences: string;
  /** What the page says of a problem. */
  problem(shown: ShownProblem): string;
};

const EN: Strings = {
  tagline: 'Lend this computer to the pool, from a browser tab.',
  relay: (host) => `Relay ${host}`,
  states: {
    contributing: 'Contributing',
    paused: 'Paused',
    notYet: 'Getting ready',
    notPaired: 'Not contributing',
    leaving: 'Leaving',
  },
  reasons: {
    opening: 'Checking whether this browser has joined before…',
    unpaired: 'This browser has not joined the relay.',
    elsewhere: 'Another tab of this browser contributes already. This one takes over when that one is closed.',
    pairing: 'Showing the code to the relay…',
    preparing: (model, percent) => `Fetching ${model}: ${percent}`,
    held: 'No model is here yet, and its download waits for you. It can go on below.',
    connecting: 'Waiting for the relay…',
    ready: 'Ready. The relay has no work for this browser at the moment.',
    working: (jobs) => (jobs === 1 ? 'Working on one job.' : `Working on ${jobs} jobs.`),
    paused: 'You paused it. The models are out of memory, and nothing runs.',
    leaving: 'Finishing what runs. Nothing new is taken.',
    insecure:
      'This page came over plain HTTP from another machine, and browsers then keep no keys. Open it over HTTPS, or on the machine of the relay.',
    unsupported: 'This browser lacks what a node needs. Use a newer Chrome, Edge, Firefox or Safari.',
  },
  join: {
    title: 'Join with a code',
    intro: 'Ask the operator of the relay for a pairing code. It works once, for ten minutes.',
    name: 'Name of this node',
    nameHint: 'The operator sees it.',
    code: 'Pairing code or link',
    codeHint: 'Twelve letters and digits, such as K7QF-2M9X-HB4T.',
    codeHintHere: 'Not needed on the machine of the relay.',
    submit: 'Join and contribute',
    facts: [
      'Answers the questions of the relay’s clients on your graphics card, or on your processor where the browser has no WebGPU.',
      'Pause or leave whenever you like; a paused tab holds no model in memory.',
      'No account. The key of the node is made here, and never leaves this browser.',
    ],
  },
  actions: { pause: 'Pause', resume: 'Contribute', leave: 'Leave…', cancel: 'Stay' },
  leave: {
    title: 'Leave this relay?',
    body: 'What runs is finished first. Then this browser forgets its key and its models; to come back it needs a new code.',
    confirm: 'Leave',
  },
  work: {
    title: 'Work since this page was opened',
    jobs: 'Jobs done',
    tokens: 'Tokens written',
    speed: 'Tokens per second',
    unknown: 'not yet known',
    credits: 'Credits earned',
    noCredits: 'none yet',
  },
  machine: {
    title: 'This browser',
    device: 'Computes on',
    gpu: (adapter) => `Graphics card (${adapter})`,
    cpu: (threads) => `Processor (up to ${threads} ${threads === 1 ? 'thread' : 'threads'})`,
    cpuHint: 'This browser offers no graphics card over WebGPU, so the processor does the work.',
    node: 'Known to the relay as',
  },
  models: MODEL_STRINGS.en,
  keepOpen: 'Keep this tab open. It goes on working when it is hidden; closing it ends its part at once.',
  language: 'Language',
  licences: 'Licences',
  problem: ({ message }) => message,
};

/** What is otherwise in a tab: it tries again by itself, and knows its relay. */
const OF_A_TAB: ReadonlyMap<string, string> = new Map([
  ['invalid_option', 'Ce n’est pas un code d’appairage. Un code ressemble à K7QF-2M9X-HB4T ; vérifiez-le.'],
  ['pairing_required', 'Le relais ne connaît pas ce navigateur. Il lui faut un code d’appairage.'],
  ['relay_unreachable', 'Le relais ne répond pas. Nouvel essai dans quelques secondes.'],
  ['model_download_failed', 'Le relais n’envoie pas son modèle. Nouvel essai dans quelques secondes.'],
]);

const FR: Strings = {
  tagline: 'Prêtez cet ordinateur au groupe, depuis un onglet.',
  relay: (host) => `Relais ${host}`,
  states: {
    contributing: 'Contribue',
    paused: 'En pause',
    notYet: 'Préparation',
    notPaired: 'Ne contribue pas',
    leaving: 'Départ',
  },
  reasons: {
    opening: 'Recherche d’une inscription antérieure de ce navigateur…',
    unpaired: 'Ce navigateur n’a pas rejoint le relais.',
    elsewhere: 'Un autre onglet de ce navigateur contribue déjà. Celui-ci prendra le relais à sa fermeture.',
    pairing: 'Présentation du code au relais…',
    preparing: (model, percent) => `Téléchargement de ${model} : ${percent}`,
    held: 'Aucun modèle n’est encore ici, et son téléchargement vous attend. Il peut reprendre ci-dessous.',
    connecting: 'En attente du relais…',
    ready: 'Prêt. Le relais n’a pas de travail pour ce navigateur en ce moment.',
    working: (jobs) => (jobs === 1 ? 'Une tâche en cours.' : `${jobs} tâches en cours.`),
    paused: 'Vous l’avez mis en pause. Les modèles ont quitté la mémoire et rien ne s’exécute.',
    leaving: 'Fin des tâches en cours. Aucune nouvelle n’est acceptée.',
    insecure:
      'Cette page est arrivée en HTTP simple d’une autre machine, et les navigateurs n’y gardent aucune clé. Ouvrez-la en HTTPS, ou sur la machine du relais.',
    unsupported:
      'Il manque à ce navigateur ce qu’il faut à un nœud. Utilisez un Chrome, Edge, Firefox ou Safari récent.',
  },
  join: {
    title: 'Rejoindre avec un code',
    intro: 'Demandez un code d’appairage à l’opérateur du relais. Il sert une fois, pendant dix minutes.',
    name: 'Nom de ce nœud',
    nameHint: 'L’opérateur le voit.',
    code: 'Code ou lien d’appairage',
    codeHint: 'Douze lettres et chiffres, comme K7QF-2M9X-HB4T.',
    codeHintHere: 'Inutile sur la machine du relais.',
    submit: 'Rejoindre et contribuer',
    facts: [
      'Répond aux questions des clients du relais avec votre carte graphique, ou votre processeur si le navigateur n’a pas WebGPU.',
      'Mettez en pause ou partez quand vous voulez ; un onglet en pause ne garde aucun modèle en mémoire.',
      'Aucun compte. La clé du nœud est créée ici et ne quitte jamais ce navigateur.',
    ],
  },
  actions: { pause: 'Mettre en pause', resume: 'Contribuer', leave: 'Partir…', cancel: 'Rester' },
  leave: {
    title: 'Quitter ce relais ?',
    body: 'Les tâches en cours se terminent d’abord. Puis ce navigateur oublie sa clé et ses modèles ; pour revenir, il lui faudra un nouveau code.',
    confirm: 'Partir',
  },
  work: {
    title: 'Travail depuis l’ouverture de cette page',
    jobs: 'Tâches terminées',
    tokens: 'Jetons produits',
    speed: 'Jetons par seconde',
    unknown: 'pas encore connu',
    credits: 'Crédits gagnés',
    noCredits: 'aucun pour l’instant',
  },
  machine: {
    title: 'Ce navigateur',
    device: 'Calcule avec',
    gpu: (adapter) => `Carte graphique (${adapter})`,
    cpu: (threads) => `Processeur (jusqu’à ${threads} ${threads === 1 ? 'fil' : 'fils'})`,
    cpuHint: 'Ce navigateur n’offre pas de carte graphique par WebGPU : le processeur fait le travail.',
    node: 'Connu du relais sous le nom',
  },
  models: MODEL_STRINGS.fr,
  keepOpen:
    'Gardez cet onglet ouvert. Il continue de travailler quand il est caché ; le fermer met fin à sa part aussitôt.',
  language: 'Langue',
  licences: 'Licences',
  problem: (shown) => OF_A_TAB.get(shown.code) ?? frenchProblem(shown),
};

export const STRINGS: Record<Locale, Strings> = { en: EN, fr: FR };
