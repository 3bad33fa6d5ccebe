import type { Language } from '../ipc/language.ts';
import type { MinuteOfWeek } from '../policy/weekly-hours.ts';
import { frenchProblem } from '../problems/french.ts';
import type { Why } from './why.ts';

/** A row for each reason; `RETRY_MOST_MS` of the agent is how soon a relay is tried again. What it is given it says, in each language. */
type Words = { readonly [Is in Why['is']]: (why: Extract<Why, { is: Is }>) => string };

const EN: Words = {
  contributing: () => 'contributing',
  insisting: () => 'contributing because you said so',
  away: () => 'contributing while you are away',
  here: () => 'contributing while you are here',
  maybe_here: () => 'contributing; this system does not tell whether you are here',
  paused: () => 'paused by you',
  paused_until_resumed: () => 'paused until you resume',
  finishing: () => 'finishing the current job, then paused',
  sleep: () => 'this computer goes to sleep',
  session_end: () => 'this computer shuts down or signs you out',
  program: ({ program }) => `${program} is running`,
  game: ({ game }) => `game detected (${game})`,
  full_screen: () => 'a full-screen app is open',
  heat: () => 'this computer is too warm',
  battery: () => 'on battery',
  gpu_busy: ({ percent }) => `other programs use ${Math.round(percent)} % of the GPU`,
  metered: () => 'this network is metered',
  hours: ({ opensAt }) =>
    `outside your schedule${opensAt === null ? '' : ` until ${wallTime(opensAt, ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'])}`}`,
  in_use: ({ idle_s, away_after_s }) => `you are here, idle ${minutes(idle_s)} of ${minutes(away_after_s)}`,
  in_use_maybe: () => 'you may be here; this system does not tell',
  not_while_away: () => 'you do not contribute while away',
  no_model_allowed: () => 'no job can come, since you allow none of its models',
  no_service_allowed: () => 'no job can come, since you allow none of its services',
  unpaired: () => 'not paired with a relay yet',
  key_store_locked: () => 'the key store of this system is locked; unlock it and it goes on',
  unreachable: ({ relay }) => `waiting for the relay at ${relay}, tried again within 10 s`,
  refused: ({ detail }) => detail,
};

const FR: Words = {
  contributing: () => 'cette machine contribue',
  insisting: () => 'contribue parce que vous l’avez demandé',
  away: () => 'contribue en votre absence',
  here: () => 'contribue en votre présence',
  maybe_here: () => 'contribue ; ce système ne dit pas si vous êtes là',
  paused: () => 'mise en pause par vous',
  paused_until_resumed: () => 'en pause jusqu’à votre reprise',
  finishing: () => 'fin de la tâche en cours, puis pause',
  sleep: () => 'cet ordinateur se met en veille',
  session_end: () => 'cet ordinateur s’éteint ou ferme votre session',
  program: ({ program }) => `${program} tourne`,
  game: ({ game }) => `jeu détecté (${game})`,
  full_screen: () => 'une application occupe tout l’écran',
  heat: () => 'cet ordinateur est trop chaud',
  battery: () => 'sur batterie',
  gpu_busy: ({ percent }) => `d’autres programmes occupent ${Math.round(percent)} % de la carte graphique`,
  metered: () => 'ce réseau est facturé à l’usage',
  hours: ({ opensAt }) =>
    `hors de votre horaire${opensAt === null ? '' : ` jusqu’à ${wallTime(opensAt, ['dim.', 'lun.', 'mar.', 'mer.', 'jeu.', 'ven.', 'sam.'])}`}`,
  in_use: ({ idle_s, away_after_s }) => `vous êtes là, sans activité ${minutes(idle_s)} sur ${minutes(away_after_s)}`,
  in_use_maybe: () => 'vous êtes peut-être là ; ce système ne le dit pas',
  not_while_away: () => 'vous ne contribuez pas en votre absence',
  no_model_allowed: () => 'aucune tâche ne peut venir : vous n’autorisez aucun de ses modèles',
  no_service_allowed: () => 'aucune tâche ne peut venir : vous n’autorisez aucun de ses services',
  unpaired: () => 'pas encore appairée avec un relais',
  key_store_locked: () => 'le trousseau de ce système est verrouillé ; déverrouillez-le et le travail reprendra',
  unreachable: ({ relay }) => `en attente du relais ${relay}, nouvel essai en moins de 10 s`,
  refused: ({ code, detail }) => `refusée par le relais : ${frenchProblem({ code, message: detail })}`,
};

const WORDS: Readonly<Record<Language, Words>> = { en: EN, fr: FR };
const PAUSED: Readonly<Record<Language, string>> = { en: 'Paused: ', fr: 'En pause : ' };
/** Of these the words themselves say whether the machine contributes. */
const SAYS_STATE: ReadonlySet<Why['is']> = new Set([
  'contributing',
  'insisting',
  'away',
  'here',
  'maybe_here',
  'paused',
  'paused_until_resumed',
  'finishing',
]);

/** One line that stands alone: `Paused: on battery`. */
export function reasonInFull(why: Why, language: Language): string {
  return SAYS_STATE.has(why.is) ? shortReason(why, language) : `${PAUSED[language]}${wordsOf(why, language)}`;
}

/** One line beside a state that is shown already: `On battery`. */
export function shortReason(why: Why, language: Language): string {
  const words = wordsOf(why, language);
  // The name of a program is written as it is.
  return why.is === 'program' ? words : words.charAt(0).toUpperCase() + words.slice(1);
}

function wordsOf(why: Why, language: Language): string {
  // Each row takes what its own name says, which TypeScript cannot follow through a lookup.
  return (WORDS[language][why.is] as (why: Why) => string)(why);
}

function wallTime(minute: MinuteOfWeek, days: readonly string[]): string {
  return `${days[Math.floor(minute / 1_440) % 7]} ${clock(minute % 1_440)}`;
}

function minutes(seconds: number): string {
  return clock(Math.floor(seconds));
}

/** Two parts of sixty each: hours and minutes, or minutes and seconds. */
function clock(count: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(count / 60))}:${two(count % 60)}`;
}
