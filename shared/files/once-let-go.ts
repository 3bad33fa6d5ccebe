/** What Windows says of a file that some program has open. */
const HELD = ['EPERM', 'EACCES', 'EBUSY'];
/** Two and a half seconds in all: who reads is done in milliseconds, and what looks for viruses in a second or so. */
const PAUSES_MS = [10, 20, 40, 80, 160, 320, 640, 1_280];

/**
 * Takes a step that gives a file another name. Windows refuses it while any program has the file, or the one it replaces,
 * open: one that reads it, writes it at the same time, or looks for viruses. It is tried again then; elsewhere it is not.
 */
export async function onceLetGo(
  platform: string,
  step: () => Promise<void>,
  pause: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
): Promise<void> {
  for (const pauseMs of platform === 'win32' ? PAUSES_MS : []) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && HELD.includes(String(error.code)))) throw error;
    }
    await pause(pauseMs);
  }
  await step();
}
