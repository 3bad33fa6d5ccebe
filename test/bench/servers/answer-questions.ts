import type { Question, Reply } from '../asked-process.ts';

/** What is told to the parent process first, and how each of its questions is answered. */
export function answerQuestions(
  ready: unknown,
  answers: Record<string, (about: never) => unknown>,
  end: () => Promise<void>,
): void {
  process.on('message', async ({ id, question, about }: Question) => {
    try {
      const answer = await answers[question]?.(about as never);
      process.send?.({ id, answer: answer ?? null } satisfies Reply);
    } catch (error) {
      process.send?.({ id, fault: String(error) } satisfies Reply);
    }
  });
  process.once('disconnect', async () => {
    await end();
    process.exit(0);
  });
  process.send?.(ready);
}
