import type { AppState } from '../../../shared/ipc/app-state.ts';
import { PAUSE_WORDS } from '../../../shared/preferences/pause-words.ts';
import { shortReason } from '../../../shared/preferences/reasons.ts';
import type { JobType } from '../../../shared/protocol/subjects.ts';
import type { Refusal } from '../bridge.ts';
import { EN_OWNER } from './en-owner.ts';
import { EN_RECORDS } from './en-records.ts';

const SERVICES: Record<JobType, string> & Record<string, string> = {
  llm: 'Chat and text',
  embed: 'Embeddings',
  stt: 'Speech to text',
  tts: 'Text to speech',
  ocr: 'Text in pictures',
  image: 'Pictures',
  task: 'Other tasks',
  ffmpeg: 'Video (ffmpeg)',
  blender: 'Rendering (Blender)',
  compute: 'Scientific computing',
};
const SENSORS: Record<string, string> = {
  idle_s: 'whether keyboard and mouse are used',
  locked: 'whether the screen is locked',
  power: 'whether it runs on battery',
  heat: 'how warm it is',
  programs: 'which programs run',
  game: 'whether a game runs',
  full_screen: 'whether an app fills the screen',
  other_gpu_percent: 'how busy other programs keep the GPU',
  metered: 'whether the network is metered',
};

const SENSES = (sensors: readonly string[]): string => sensors.map((sensor) => SENSORS[sensor] ?? sensor).join(', ');

export const EN = {
  ...EN_OWNER,
  ...EN_RECORDS,
  skipToContent: 'Skip to the content',
  language: 'Language',
  theme: { label: 'Appearance', system: 'As the system', light: 'Light', dark: 'Dark' },
  notYet: 'not yet known',
  views: {
    label: 'Views',
    home: 'Home',
    contributions: 'Contributions',
    models: 'Models',
    machine: 'This machine',
    ledger: 'What left this machine',
    preferences: 'Preferences',
    logs: 'Logs and help',
  },
  states: { contributing: 'Contributing', paused: 'Paused' },
  reason: ({ why }: AppState): string => shortReason(why, 'en'),
  problem: ({ message }: Refusal): string => message,
  services: SERVICES,
  sensors: SENSORS,
  /** Of a rule that rests on sensors which say nothing here. */
  unseen: (sensors: readonly string[]): string =>
    `This system does not tell ${SENSES(sensors)}, so this has no effect here.`,
  /** Of the part of the time that models may compute, in per cent. */
  duty: (here: string, away: string): string =>
    `You let models compute ${here} % of the time while you are here, and ${away} % while you are away. The figures are lower accordingly, since they are measured as this machine works; nothing else changes, and jobs keep coming.`,
  home: {
    status: 'State of this machine',
    pair: 'Pair with a relay',
    contribute: 'Contribute',
    pause: 'Pause',
    pauseLonger: 'Pause for another time',
    pauseFor: PAUSE_WORDS.en,
    finish: 'Finish current job, then pause',
    free: 'Free GPU memory now',
    resumesAt: (time: string): string => `resumes at ${time}`,
    untilThen: (time: string): string => `until ${time}`,
  },
  questions: {
    title: (count: number): string =>
      count === 1 ? 'A job is waiting for your approval' : `${count} jobs are waiting for your approval`,
    allow: 'Allow',
    refuse: 'Refuse',
  },
  today: { title: 'Today', speed: 'Tokens per second now', jobs: 'Jobs', tokens: 'Tokens written' },
  jobs: {
    title: 'Current jobs',
    none: 'Ready. The relay has no work for this machine at the moment.',
    noneNow: 'Nothing runs.',
    client: (client: string): string => (client === 'operator' ? 'for the operator of the relay' : `for ${client}`),
    tokens: (count: string): string => `${count} tokens`,
  },
  notices: {
    noGpu: 'This machine offers no GPU that models can run on.',
    noGpuWhy:
      'WebGPU found none, or only one that is simulated. Models run on the processor, more slowly; a newer graphics driver may help.',
    gpuOff: 'The GPU that models run on is switched off.',
    gpuOffWhy: 'Models that can run on the processor do. Switch it on again under This machine.',
    noTray: 'This desktop has no tray.',
    noTrayWhy: 'Sparewatt works while this window is open or minimised, and ends when you close it.',
    unprotected: 'Secrets are not protected on this system.',
    unprotectedWhy:
      'It has no keychain that works, so the key of this node lies in a readable file in your own folder.',
    unknown: 'What this system does not tell',
    unknownWhy: 'Sparewatt does not guess. Where a rule needs one of these, it has no effect here:',
  },
};
