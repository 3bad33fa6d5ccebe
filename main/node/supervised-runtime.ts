import { OPERATOR_CLIENT } from '../../shared/policy/decide.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { Runtime, RuntimeJob } from '../../shared/runtimes/runtime.ts';

export type Question = { id: string; type: string; model: string; client: string; endsAt: number };

export type QuestionDesk = {
  open(): readonly Question[];
  /** Whether there was such a question. */
  answer(id: string, allow: boolean): boolean;
};

export type SupervisedOptions = {
  isSupervised(): boolean;
  now: () => number;
  randomId: () => string;
  /** Called whenever there are other questions. */
  onChange(): void;
};

/** As long as a client is likely to wait for its first token. */
const ANSWER_WITHIN_MS = 60_000;

/**
 * A runtime whose jobs each wait for a person at this machine, while their owner wants that. Invariants: (1) nothing of a
 * job is given to the runtime before it is allowed; (2) no answer is a no, and hands the job back; (3) a question is open
 * until it is answered, its time is up or its job has ended, and shows nothing of the input.
 */
export function superviseRuntime(
  runtime: Runtime,
  options: SupervisedOptions,
): { runtime: Runtime; desk: QuestionDesk } {
  const questions = new Map<string, { question: Question; settle(allow: boolean): void }>();

  const ask = (job: RuntimeJob, signal: AbortSignal): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const id = options.randomId();
    const { type, model, client = OPERATOR_CLIENT } = job;
    const question = { id, type, model, client, endsAt: options.now() + ANSWER_WITHIN_MS };
    const settle = (allow: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', refuse);
      questions.delete(id);
      options.onChange();
      resolve(allow);
    };
    const refuse = (): void => settle(false);
    const timer = setTimeout(refuse, ANSWER_WITHIN_MS);
    signal.addEventListener('abort', refuse, { once: true });
    questions.set(id, { question, settle });
    options.onChange();
    return promise;
  };

  return {
    runtime: {
      ...runtime,
      run: async (job, output, signal) => {
        if (options.isSupervised() && !(await ask(job, signal))) {
          signal.throwIfAborted();
          throw new Problem('handed_back', 'The owner of this node watches over its jobs and did not allow this one.');
        }
        return runtime.run(job, output, signal);
      },
    },
    desk: {
      open: () => [...questions.values()].map(({ question }) => question),
      answer: (id, allow) => {
        const asked = questions.get(id);
        asked?.settle(allow);
        return asked !== undefined;
      },
    },
  };
}
