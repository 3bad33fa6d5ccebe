/** Other names of tasks, as transformers.js takes them. */
const TASK_ALIASES: Readonly<Record<string, string>> = {
  'sentiment-analysis': 'text-classification',
  ner: 'token-classification',
  asr: 'automatic-speech-recognition',
  'text-to-speech': 'text-to-audio',
};

/** The name that models tell of a task which somebody asks for by this one. */
export function taskNamed(name: string): string {
  return Object.hasOwn(TASK_ALIASES, name) ? (TASK_ALIASES[name] ?? name) : name;
}
