import { openDataFolder } from '../../relay/data-folder/data-folder.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { collectLog } from './log.ts';

// Opens the data folder of its first argument when told to, says how that went, and holds it until it is killed.
// A listener that stays keeps the process alive.
process.on('message', () => {
  try {
    openDataFolder(process.argv[2] ?? '', { log: collectLog() });
    process.send?.('held');
  } catch (error) {
    process.send?.(error instanceof Problem ? `${error.code}: ${error.message}` : String(error));
  }
});
process.send?.('waiting');
