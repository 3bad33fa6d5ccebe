import type { Language } from '../../shared/ipc/language.ts';
import { PAUSE_WORDS } from '../../shared/preferences/pause-words.ts';
import type { PauseLength } from '../../shared/preferences/wish.ts';
import { frenchProblem } from '../../shared/problems/french.ts';

/** What the main process itself says: in the tray, in toasts and in dialogs of the system. */
export type MainTexts = {
  problem(problem: { code: string; message: string }): string;
  states: { contributing: string; paused: string };
  menu: Record<'contribute' | 'pause' | 'pauseLonger' | 'finish' | 'free' | 'login' | 'open' | 'quit', string>;
  pauseFor: Record<PauseLength, string>;
  /** Of the menu that a field shows where the pointer is. */
  edit: Record<'cut' | 'copy' | 'paste' | 'selectAll', string>;
  goesOn(reason: string): string;
  /** Of jobs that wait for a person's word; a client is an opaque id, or `operator`. */
  question: { title(count: number): string; body(model: string, client: string): string };
  update: Record<'look' | 'looking' | 'failed', string> &
    Record<'fetching' | 'install' | 'waits', (version: string) => string>;
  /** An end that nobody wanted, soon after the start. */
  fault: { title: string; body(logPath: string): string };
  inTray: { message: string; keep: string; quit: string };
  link: {
    question(relay: string): string;
    detail(key: string): string;
    decline: string;
    pair: string;
    failed: string;
    unknown: string;
  };
};

const EN: MainTexts = {
  problem: ({ message }) => message,
  states: { contributing: 'Contributing', paused: 'Paused' },
  menu: {
    contribute: 'Contribute',
    pause: 'Pause',
    pauseLonger: 'Pause for another time',
    finish: 'Finish current job, then pause',
    free: 'Free VRAM now',
    login: 'Start at login',
    open: 'Open Sparewatt',
    quit: 'Quit',
  },
  pauseFor: PAUSE_WORDS.en,
  edit: { cut: 'Cut', copy: 'Copy', paste: 'Paste', selectAll: 'Select all' },
  goesOn: (reason) => `${reason}. It goes on when that closes.`,
  question: {
    title: (count) =>
      count === 1 ? 'A job is waiting for your approval' : `${count} jobs are waiting for your approval`,
    body: (model, client) =>
      `${model}, for ${client === 'operator' ? 'the operator of the relay' : client}. After a minute it goes elsewhere.`,
  },
  update: {
    look: 'Look for updates',
    looking: 'Looking for updates…',
    failed: 'The update failed: look again',
    fetching: (version) => `Downloading version ${version}…`,
    install: (version) => `Restart and install version ${version}`,
    waits: (version) => `Version ${version} is installed when no job runs`,
  },
  fault: {
    title: 'Sparewatt has ended',
    body: (logPath) => `Something went wrong in the app soon after it began. Its log says more: ${logPath}`,
  },
  inTray: { message: 'Sparewatt goes on in the tray.', keep: 'Keep it running', quit: 'Quit instead' },
  link: {
    question: (relay) => `Let this machine work for the relay at ${relay}?`,
    detail: (key) =>
      `Its key begins with ${key}. Whoever runs it can send this machine jobs, within what you allow in Preferences. ` +
      'Pair only if you asked for this link.',
    decline: 'Do not pair',
    pair: 'Pair',
    failed: 'This machine was not paired.',
    unknown: 'Something went wrong. Ask for a new link, or type the code.',
  },
};

const FR: MainTexts = {
  problem: frenchProblem,
  states: { contributing: 'Contribue', paused: 'En pause' },
  menu: {
    contribute: 'Contribuer',
    pause: 'Pause',
    pauseLonger: 'Changer la durée de pause',
    finish: 'Finir la tâche, puis pause',
    free: 'Libérer la mémoire graphique',
    login: 'Démarrer à l’ouverture de session',
    open: 'Ouvrir Sparewatt',
    quit: 'Quitter',
  },
  pauseFor: PAUSE_WORDS.fr,
  edit: { cut: 'Couper', copy: 'Copier', paste: 'Coller', selectAll: 'Tout sélectionner' },
  goesOn: (reason) => `${reason}. Le travail reprendra ensuite.`,
  question: {
    title: (count) => (count === 1 ? 'Une tâche attend votre accord' : `${count} tâches attendent votre accord`),
    body: (model, client) =>
      `${model}, pour ${client === 'operator' ? 'l’opérateur du relais' : client}. Après une minute elle ira ailleurs.`,
  },
  update: {
    look: 'Chercher les mises à jour',
    looking: 'Recherche de mises à jour…',
    failed: 'La mise à jour a échoué : chercher encore',
    fetching: (version) => `Téléchargement de la version ${version}…`,
    install: (version) => `Redémarrer et installer la version ${version}`,
    waits: (version) => `La version ${version} s’installe quand rien ne tourne`,
  },
  fault: {
    title: 'Sparewatt s’est arrêté',
    body: (logPath) => `Une erreur est survenue peu après le démarrage. Le journal en dit plus : ${logPath}`,
  },
  inTray: {
    message: 'Sparewatt continue dans la zone de notification.',
    keep: 'Le laisser tourner',
    quit: 'Quitter plutôt',
  },
  link: {
    question: (relay) => `Faire travailler cette machine pour le relais à ${relay} ?`,
    detail: (key) =>
      `Sa clé commence par ${key}. Qui l’exploite peut envoyer des tâches à cette machine, dans les limites de vos ` +
      'Préférences. N’acceptez que si vous avez demandé ce lien.',
    decline: 'Ne pas appairer',
    pair: 'Appairer',
    failed: 'Cette machine n’a pas été appairée.',
    unknown: 'Une erreur est survenue. Demandez un autre lien, ou saisissez le code.',
  },
};

export const MAIN_TEXTS: Readonly<Record<Language, MainTexts>> = { en: EN, fr: FR };
